"""Where a version stands agrees with what the gate says of it."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from evidence_project import FLIPPED, START, Project
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.domain.decision import Decision, Verdict
from poisonguard.domain.outcome import Failed
from poisonguard.errors import GateFailed, UsageError
from poisonguard.workflow.approve import Consent, approve, reject, review
from poisonguard.workflow.context import resolve_version, rules_in_force, standing_of
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gating import run_gate
from poisonguard.workflow.log_audit import audit, entries
from poisonguard.workflow.standing import State

ACTIONS = (
    "scan",
    "scan pub",
    "find",
    "break",
    "compare",
    "approve ann",
    "approve bob",
    "approve pub",
    "waive ann",
    "waive bob",
    "reject bob",
    "wait",
)
REVOCATIONS = (
    "refresh",
    "refresh",
    "revoke version",
    "revoke approval",
    "revoke ann",
    "revoke ci",
    "lose ann",
    "lose ci",
)

BROKEN = (Failed("PG-LABEL-002", "out of memory"),)
SCANS: dict[str, dict[str, Any]] = {
    "scan": {},
    "find": {"findings": (FLIPPED,)},
    "break": {"outcomes": BROKEN, "decision": Decision(Verdict.FAILED, ())},
    "compare": {"reference": "reviews@7"},
}


def act(project: Project, action: str, minute: int) -> None:
    """One thing somebody does; what they may not do is refused and changes nothing."""
    verb, _, who = action.partition(" ")
    now = START + timedelta(minutes=minute)
    if verb in SCANS:
        project.publish(scanner=who or "ci", minutes=minute, **SCANS[verb])
        return
    waive = {FLIPPED.fingerprint: "known"} if verb == "waive" else {}
    consent = Consent(reason="read", lifetime=timedelta(minutes=6), waive=waive, supersede=True)
    with project.workspace as workspace:
        shown = review(workspace, "reviews", now)
        if verb == "reject":
            reject(workspace, shown, [project.keys[who]], "no", now)
        elif verb in {"approve", "waive"}:
            approve(workspace, shown, [project.keys[who]], consent, now)


def take_back(project: Project, action: str, minute: int) -> None:
    """One thing that the revoker does."""
    verb, _, what = action.partition(" ")
    since = START if verb == "lose" else None
    if verb == "refresh":
        project.revoke(minutes=minute, lifetime=timedelta(minutes=4))
    elif what == "version":
        project.revoke("reviews@1", minutes=minute)
    elif what == "approval":
        with project.workspace as workspace:
            digests = [item.digest for item in entries(workspace) if item.kind == "approval"]
        project.revoke(approvals=tuple(digests[-1:]), minutes=minute)
    else:
        project.revoke(keys=(project.keys[what].public.keyid,), since=since, minutes=minute)


def state(project: Project, minute: int) -> State:
    with project.workspace as workspace, workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, None, START + timedelta(minutes=minute))
        found = standing_of(reader, resolve_version(reader, "reviews"), rules)
    return State.UNTRUSTED if found is None else found.state


@settings(max_examples=20, deadline=None)
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=8))
def test_a_version_is_approved_exactly_when_the_gate_lets_it_pass(actions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.start(Path(folder) / "project")
        project.publish(scanner=None)
        for minute, action in enumerate(actions, 2):
            with suppress(GateFailed, UsageError):  # they may not, or there is nothing to sign yet
                act(project, action, minute)
        minute = len(actions) + 3
        request = GateRequest(data=str(project.data), start=project.folder)
        gated = run_gate(request, START + timedelta(minutes=minute))
        assert (state(project, minute) is State.APPROVED) == gated.decision.passed


@settings(max_examples=30, deadline=None)
@given(actions=st.lists(st.sampled_from((*ACTIONS, *REVOCATIONS)), min_size=3, max_size=9))
def test_they_agree_on_what_was_revoked_too(actions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.start(Path(folder) / "project", revokers=("rita",))
        for minute, action in enumerate(("scan", "refresh", "approve ann", *actions), 1):
            with suppress(GateFailed, UsageError):  # they may not, or it is revoked already
                (take_back if action in REVOCATIONS else act)(project, action, minute)
        minute = len(actions) + 5
        request = GateRequest(data=str(project.data), start=project.folder)
        gated = run_gate(request, START + timedelta(minutes=minute))
        found = state(project, minute)
        with project.workspace as workspace:
            assert audit(workspace).statements > 3
    assert (found is State.APPROVED) == gated.decision.passed


def test_the_states_of_a_version_in_the_order_of_its_life(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project")
    project.publish(scanner=None)
    seen = [state(project, 2)]
    for minute, action in enumerate(("scan", "approve ann", "reject bob", "approve bob", "find"), 2):
        act(project, action, minute)
        seen.append(state(project, minute + 1))
    assert seen == ["unscanned", "waiting", "approved", "rejected", "approved", "blocked"]


def test_an_incomplete_scan_blocks_until_a_complete_one_is_approved(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project")
    seen = []
    for minute, action in enumerate(("break", "approve ann", "scan", "approve ann"), 1):
        act(project, action, minute)
        seen.append(state(project, minute + 1))
    assert seen == ["waiting", "blocked", "waiting", "approved"]
