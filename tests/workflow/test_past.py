"""The approved versions before a reference: which they are, what of them is read, and what a slow walk is told by."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import NormalDist

import pytest
from evidence_project import FLIPPED, START, Project
from sqlalchemy import delete

import poisonguard as pg
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.domain.result import ScanResult
from poisonguard.policy.builtin import builtin_policy_text
from poisonguard.reports.json_v1 import render
from poisonguard.store.tables import BLOB
from poisonguard.workflow import past as module
from poisonguard.workflow.context import rules_in_force, scanned_profile
from poisonguard.workflow.past import MOST, Earlier, earlier_versions
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import scan

CARD = "PG-DRIFT-003"
CARDS = ("PG-DRIFT-001", CARD, "PG-DUP-001")
PACK = "name: few\nwhat: The checks that look for drift, and one more.\nchecks:\n" + "".join(
    f"- {{card: {card}}}\n" for card in CARDS
)
NOW = START + timedelta(minutes=59)
LATER = NOW + timedelta(days=300)
DRIFT = Finding(
    check="PG-DRIFT-001",
    level=Level.WARNING,
    signal=Signal.DRIFT,
    subject="column=size",
    message="size moved",
    compared_with="reviews@1",
    confidence=0.9,
)


def published(folder: Path, versions: int, *, approved: Sequence[int] = range(99), told: Sequence[int] = ()) -> Project:
    """A project with so many versions, some approved, and some with a warning of drift."""
    project = Project.start(folder, revokers=("rhea",))
    for number in range(1, versions + 1):
        project.write("b.csv", f"id,label\n{number},pos\n")
        findings = [DRIFT] if number in told else []
        project.publish(minutes=2 * number, profile=f"profile {number}".encode(), findings=findings)
        if number in approved:
            project.approve("ann", version=f"reviews@{number}", minutes=2 * number + 1)
    return project


def past(project: Project, before: int, now: datetime = NOW) -> tuple[Earlier, ...]:
    with project.workspace as workspace, workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, None, now)
        return earlier_versions(reader, "reviews", before, rules)


def numbers(found: tuple[Earlier, ...]) -> list[int]:
    return [item.number for item in found]


def test_it_is_the_first_and_the_latest_approved_versions(tmp_path: Path) -> None:
    project = published(tmp_path / "project", MOST + 4)
    assert numbers(past(project, 1)) == []
    assert numbers(past(project, 3)) == [1, 2]
    assert numbers(past(project, MOST + 1)) == [*range(1, MOST + 1)]
    assert numbers(past(project, MOST + 4)) == [1, *range(5, MOST + 4)]


def test_what_was_not_approved_is_no_past(tmp_path: Path) -> None:
    project = published(tmp_path / "project", 4, approved=(2, 4))
    assert numbers(past(project, 5)) == [2, 4]


def test_approvals_end_and_scans_age_but_the_past_stays(tmp_path: Path) -> None:
    project = published(tmp_path / "project", 3)
    assert numbers(past(project, 4, LATER)) == [1, 2, 3]


def test_what_was_revoked_or_rejected_since_is_no_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = published(tmp_path / "project", 4)
    project.revoke("reviews@2", minutes=30)
    monkeypatch.chdir(project.folder)
    pg.reject("reviews@3", key=project.key("bob"), reason="labels are wrong")
    assert numbers(past(project, 5)) == [1, 4]


def test_a_scan_after_the_approval_changes_nothing_of_it(tmp_path: Path) -> None:
    project = published(tmp_path / "project", 2)
    project.publish(minutes=40, findings=[FLIPPED], profile=b"profile 2")
    assert numbers(past(project, 3)) == [1, 2]


def test_a_version_whose_profile_is_not_kept_here_is_left_out(tmp_path: Path) -> None:
    project = published(tmp_path / "project", 3)
    gone = past(project, 4)[1].profile
    with project.workspace as workspace, workspace.registry.write() as writer:
        writer.connection.execute(delete(BLOB).where(BLOB.c.digest == gone))
    assert numbers(past(project, 4)) == [1, 3]


def test_what_approvers_were_warned_of_is_known(tmp_path: Path) -> None:
    project = published(tmp_path / "project", 2, told=(2,))
    assert [item.told for item in past(project, 3)] == [frozenset(), {("PG-DRIFT-001", "column=size")}]


# A dataset that walks, from scan to scan


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Five approved versions; the sixth lies there."""
    project = Project.start(tmp_path_factory.mktemp("walked") / "project")
    (project.data / "b.csv").unlink()
    (project.folder / "few.yaml").write_text(PACK)
    (project.folder / "policy.yaml").write_text(builtin_policy_text().replace("[baseline]", "[few.yaml]"))
    (project.folder / "poisonguard.yaml").write_text("policy: policy.yaml\n")
    draw = random.Random(3)  # noqa: S311 - data, not secrets
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        for number in range(6):
            write(project, number, draw)
            if number < 5:
                pg.scan("reviews", key=project.key("pub"))
                pg.approve(f"reviews@{number + 1}", key=project.key("ann"), reason="hardly any change")
    return project


def write(project: Project, number: int, draw: random.Random) -> None:
    """Rows whose ``size`` lies higher with every version: by 0.08 standard deviations, which is a KS of 0.03."""
    quantiles = [NormalDist(0.08 * number, 1).inv_cdf((place + draw.random()) / 900) for place in range(900)]
    draw.shuffle(quantiles)
    lines = (f"{100 + 20 * size:.7f},{draw.choice('ab')}\n" for size in quantiles)
    project.write("a.csv", "size,shape\n" + "".join(lines))


def outcome_of(result: ScanResult) -> Ran | Skipped:
    found = next(item for item in result.outcomes if item.check == CARD)
    assert isinstance(found, Ran | Skipped)
    return found


def test_who_walks_slowly_is_told_from_where(walked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walked.folder)
    result = pg.scan("reviews")
    assert not [finding for finding in result.findings if finding.check == "PG-DRIFT-001"]
    (found,) = (finding for finding in result.findings if finding.check == CARD)
    assert (found.column, found.compared_with, found.level) == ("size", "reviews@1", Level.WARNING)
    assert "since reviews@1 its values have moved: median 9" in found.message
    outcome = outcome_of(result)
    assert isinstance(outcome, Ran)
    said = "compared with 4 approved versions before it: reviews@1, reviews@2, reviews@3, reviews@4"
    assert outcome.coverage.note == said


def test_without_a_history_it_is_skipped(walked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walked.folder)
    reason = "no approved version before the reference is known here"
    assert outcome_of(pg.scan("reviews", reference="reviews@1")) == Skipped(CARD, reason)
    assert outcome_of(pg.scan("reviews", reference="reviews/a.csv")) == Skipped(CARD, reason)


def test_the_name_of_the_evidence_covers_its_past(walked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walked.folder)
    with walked.workspace as workspace:
        found = scanned_profile(workspace, "reviews@5")
        whole = module.with_past(workspace, found)
        monkeypatch.setattr(module, "MOST", 2)
        short = module.with_past(workspace, found)
    assert (len(whole.history), len(short.history)) == (4, 2)
    assert whole.identity != short.identity
    assert {key.partition("(")[0] for key in next(iter(short.history)).states} == {
        "ColumnProfile",
        "NumberBins",
        "ValueCounts",
    }


def test_who_was_told_and_approved_is_not_told_again(
    walked: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(walked, folder=tmp_path / "project")
    shutil.copytree(walked.folder, project.folder)
    monkeypatch.chdir(project.folder)
    pg.scan("reviews", key=project.key("pub"))
    pg.approve("reviews@6", key=project.key("ann"), reason="prices rise")
    write(project, 6, random.Random(4))  # noqa: S311 - data, not secrets
    result = pg.scan("reviews")
    assert result.reference == "reviews@6"
    assert result.findings == ()


def test_a_judgement_that_was_kept_says_the_same(
    walked: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(walked.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = ScanRequest(data="reviews")
    plain = render(scan(request))
    assert CARD in plain
    assert [render(scan(replace(request, keep_states=True))) for _ in range(2)] == [plain, plain]
