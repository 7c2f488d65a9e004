"""Approvals sign exactly what was shown, by people who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evidence_project import FLIPPED, START, Project

from poisonguard.cli.review import print_standing
from poisonguard.errors import GateFailed, UsageError
from poisonguard.policy.model import WaiverRule
from poisonguard.workflow.approve import Consent, Decided, Review, approve, reject, review
from poisonguard.workflow.standing import State
from poisonguard.workflow.versions import list_versions

LATER = START + timedelta(minutes=10)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project")


def look(project: Project, version: str = "reviews") -> Review:
    with project.workspace as workspace:
        return review(workspace, version, LATER)


def consent(**changes: object) -> Consent:
    return Consent(**{"reason": "read", "lifetime": timedelta(days=1), **changes})  # type: ignore[arg-type] # a test's choice


def give(project: Project, steward: str, asked: Consent, shown: Review | None = None, *, seconds: int = 0) -> Decided:
    now = LATER + timedelta(seconds=seconds)
    with project.workspace as workspace:
        return approve(workspace, shown or look(project), [project.keys[steward]], asked, now)


def test_an_approval_of_something_scanned_again_since_is_refused(project: Project) -> None:
    project.publish()
    shown = look(project)
    project.publish(findings=[FLIPPED], minutes=3)
    with pytest.raises(GateFailed, match="changed since it was shown"):
        give(project, "ann", consent(), shown)


def test_what_changed_since_the_last_approved_version_is_shown(project: Project) -> None:
    project.publish()
    assert look(project).difference is None
    project.approve("ann")
    assert look(project).difference is None, "nothing changes between a version and itself"
    project.write("a.csv", "id,label\n1,neg\n")
    project.write("c.csv", "id,label\n")
    (project.data / "b.csv").unlink()
    project.publish(minutes=3)
    difference = look(project).difference
    assert difference is not None
    assert difference.since == "reviews@1"
    assert (difference.added, difference.removed, difference.changed) == (("c.csv",), ("b.csv",), ("a.csv",))
    give(project, "ann", consent())
    assert look(project).difference == difference, "who looks again sees what changed, not that nothing did"
    assert look(project, "reviews@1").difference is None, "only what came before is compared with"


def test_the_findings_of_every_scan_are_shown_once(project: Project) -> None:
    project.publish(findings=[FLIPPED])
    project.publish(findings=[FLIPPED], minutes=2)
    assert [item.fingerprint for item in look(project).findings] == [FLIPPED.fingerprint]
    assert [reason.code for reason in look(project).verdict] == ["findings", "findings"]


def test_a_scan_that_became_too_old_cannot_be_rested_on(project: Project) -> None:
    project.publish()
    now = START + timedelta(days=31)
    with project.workspace as workspace:
        shown = review(workspace, "reviews", now)
        with pytest.raises(GateFailed, match="no scan under this policy that is recent enough"):
            approve(workspace, shown, [project.keys["ann"]], consent(), now)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_always_given(project: Project, reason: str) -> None:
    project.publish()
    with pytest.raises(UsageError, match="no reason"):
        give(project, "ann", consent(reason=reason))
    with project.workspace as workspace, pytest.raises(UsageError, match="no reason"):
        reject(workspace, look(project), [project.keys["ann"]], reason, LATER)


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=99999)])
def test_an_approval_holds_for_a_sensible_time(project: Project, lifetime: timedelta) -> None:
    project.publish()
    with pytest.raises(UsageError, match="ten years"):
        give(project, "ann", consent(lifetime=lifetime))


def test_an_approval_begins_in_our_days(project: Project) -> None:
    project.publish()
    with pytest.raises(UsageError, match="begins within ten years"):
        give(project, "ann", consent(not_before=datetime(9999, 12, 31, tzinfo=UTC)))


def test_the_policy_may_allow_less_than_was_asked(project: Project) -> None:
    project.publish()
    done = give(project, "ann", consent(lifetime=timedelta(days=365)))
    assert done.until == LATER + project.policy.approval_max_age


def test_an_approval_for_later_does_not_count_yet(project: Project) -> None:
    project.publish()
    done = give(project, "ann", consent(not_before=LATER + timedelta(days=1)))
    assert done.standing.state is State.WAITING


def test_two_rejections_and_the_way_back(project: Project) -> None:
    project.publish()
    for name in ("ann", "bob"):
        with project.workspace as workspace:
            done = reject(workspace, look(project), [project.keys[name]], "rows 7 to 9", LATER)
        assert done.standing.state is State.REJECTED
    with pytest.raises(UsageError, match="rejected reviews@1 before"):
        give(project, "ann", consent(), seconds=5)
    with pytest.raises(UsageError, match="this very second"):
        give(project, "ann", consent(supersede=True))
    after = give(project, "ann", consent(supersede=True), seconds=5)
    assert after.standing.state is State.REJECTED, "bob's rejection still stands"
    assert list(after.standing.rejecters) == ["bob"]
    assert give(project, "bob", consent(supersede=True), seconds=6).standing.state is State.APPROVED


def test_who_rejects_what_they_approved_is_counted_no_more(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.publish()
    give(project, "ann", consent())
    give(project, "bob", consent(), seconds=1)
    with project.workspace as workspace:
        found = reject(workspace, look(project), [project.keys["bob"]], "rows 7 to 9", LATER).standing
        (row,) = list_versions(workspace, "reviews", project.policy, LATER)
    assert (sorted(found.consenting), row.approvals, row.state) == (["ann"], 1, State.REJECTED)
    print_standing(found)
    assert capsys.readouterr().out == "reviews@1 is rejected, 1 of 1 approval: ann\n"


def test_an_unscanned_version_can_be_rejected(project: Project) -> None:
    project.publish(scanner=None)
    with project.workspace as workspace:
        done = reject(workspace, look(project), [project.keys["ann"]], "no licence", LATER)
    assert done.standing.state is State.REJECTED


def test_a_waiver_needs_words(project: Project) -> None:
    project.publish(findings=[FLIPPED])
    with pytest.raises(UsageError, match="no reason is given for waiving"):
        give(project, "ann", consent(waive={FLIPPED.fingerprint: " "}))


def test_a_waiver_needs_the_policys_leave(project: Project) -> None:
    project.policy = replace(project.policy, waivers=WaiverRule((), 1, timedelta(days=1)))
    project.publish(findings=[FLIPPED])
    asked = consent(waive={FLIPPED.fingerprint: "known"})
    with project.workspace as workspace:
        shown = review(workspace, "reviews", LATER, policy=project.policy)
        with pytest.raises(UsageError, match="lets nobody waive findings of PG-LABEL-002"):
            approve(workspace, shown, [project.keys["ann"]], asked, LATER)


def test_an_approval_under_another_policy_than_the_scans_is_refused(project: Project) -> None:
    project.policy = replace(project.policy, name="another")
    project.publish()
    with pytest.raises(GateFailed, match="no scan under this policy"):
        give(project, "ann", consent())


def test_enough_approvals_without_waivers_leave_a_finding_in_the_way(project: Project) -> None:
    project.publish(findings=[FLIPPED])
    give(project, "ann", consent())
    assert give(project, "bob", consent()).standing.state is State.BLOCKED
