"""The story of a version, as the log tells it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import FLIPPED, START, Project

from poisonguard.attest.times import format_time
from poisonguard.cli.story import story_as_json, story_as_text
from poisonguard.errors import UnknownVersion
from poisonguard.workflow.approve import Consent, approve, reject, review
from poisonguard.workflow.log_audit import entries
from poisonguard.workflow.story import Story, tell

NOW = START + timedelta(minutes=50)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project", revokers=("rita",))


def told(project: Project, version: str = "reviews@1") -> Story:
    with project.workspace as workspace:
        return tell(workspace, version, project.policy, NOW)


def lines(story: Story) -> list[tuple[str, str, str]]:
    return [(event.what, ", ".join(event.people), event.problem) for event in story.events]


def say(project: Project, who: str, minutes: int, *, waive: bool = False, no: bool = False, **changes: object) -> str:
    now = START + timedelta(minutes=minutes)
    asked = {FLIPPED.fingerprint: "known, relabelled"} if waive else {}
    with project.workspace as workspace:
        shown = review(workspace, "reviews@1", now)
        if no:
            return reject(workspace, shown, [project.keys[who]], "labels of web-7", now).digest
        consent = Consent(reason="read it", lifetime=timedelta(days=3), waive=asked, supersede=True, **changes)  # type: ignore[arg-type] # a test's choice
        return approve(workspace, shown, [project.keys[who]], consent, now).digest


def whole(project: Project) -> str:
    """A life with everything in it; the digest of the approval that is revoked."""
    project.publish(findings=[FLIPPED])
    project.revoke(minutes=2)
    say(project, "bob", 3, no=True)
    say(project, "ann", 4, waive=True)
    bob = say(project, "bob", 5, waive=True)
    say(project, "ann", 6)
    project.write("c.csv", "id,label\n")
    project.publish(minutes=7)
    project.revoke(approvals=(bob,), minutes=8)
    project.revoke(keys=(project.keys["ci"].public.keyid,), minutes=9)
    project.revoke("reviews@1", minutes=10)
    project.revoke(minutes=11)
    return bob


def test_everything_that_happened_is_told_in_order(project: Project) -> None:
    bob = whole(project)
    story = told(project)
    assert story.state == "revoked"
    assert lines(story) == [
        ("published", "pub", ""),
        ("scanned", "ci", ""),
        ("rejected", "bob", ""),
        ("approved", "ann", "they approved it anew since"),
        ("approved", "bob", f"it was revoked on {format_time(START + timedelta(minutes=8))}: labels are flipped"),
        ("approved", "ann", ""),
        ("superseded", "pub", ""),
        ("revoked", "rita", ""),
        ("revoked", "rita", ""),
        ("revoked", "rita", ""),
    ]
    assert story.events[6].text == "a newer version was published: reviews@2"
    ci = project.keys["ci"].public.keyid
    assert [event.text.partition(":")[0].split(" from ")[0] for event in story.events[-3:]] == [
        f"approval {bob[:16]}",
        f"key {ci[:16]}",
        "the version",
    ]
    positions = [event.position for event in story.events]
    assert positions == sorted(positions)


def test_a_rejection_that_was_taken_back_is_told_so(project: Project) -> None:
    project.publish()
    say(project, "bob", 3, no=True)
    say(project, "bob", 4)
    assert lines(told(project))[2:] == [("rejected", "bob", "taken back since"), ("approved", "bob", "")]


def test_an_approval_by_who_rejected_it_since_is_told_so(project: Project) -> None:
    project.publish()
    say(project, "bob", 3)
    say(project, "bob", 4, no=True)
    assert lines(told(project))[2:] == [("approved", "bob", "they rejected it since"), ("rejected", "bob", "")]


def test_why_a_version_is_blocked_is_told(project: Project) -> None:
    project.publish()
    say(project, "ann", 3)
    story = told(project)
    assert (story.state, [reason.code for reason in story.reasons]) == ("blocked", ["revocations-missing"])
    text = story_as_text(story).splitlines()
    (reason,) = story.reasons
    assert text[2:4] == [f"x revocations-missing: {reason.message}", f"    {reason.hint}"]


def test_scans_that_do_not_count_are_told_so(project: Project) -> None:
    project.publish(policy_digest="1" * 64)
    project.publish(minutes=2)
    assert lines(told(project))[1:] == [("scanned", "ci", "under another policy, or too old"), ("scanned", "ci", "")]


def test_who_had_no_right_is_told_so(project: Project, tmp_path: Path) -> None:
    project.publish()
    project.approve("ann")
    project.revoke(keys=(project.keys["ann"].public.keyid,), since=START, minutes=4)
    approved = told(project).events[2]
    assert (approved.people, approved.problem.partition(" ")[0]) == (("ann",), "approval")
    assert "signed by a key that was revoked" in approved.problem
    assert tmp_path.is_dir()


def test_a_version_that_nobody_trusts_has_a_story_too(project: Project) -> None:
    project.publish()
    project.revoke(keys=(project.keys["pub"].public.keyid,), since=START, minutes=4)
    story = told(project)
    assert story.state == "untrusted"
    assert [event.what for event in story.events] == ["published", "scanned", "revoked"]


def test_an_unknown_version_has_no_story(project: Project) -> None:
    with pytest.raises(UnknownVersion):
        told(project, "reviews@7")


def test_a_person_can_read_it(project: Project) -> None:
    whole(project)
    text = story_as_text(told(project)).splitlines()
    assert text[0] == "reviews@1 is revoked"
    when = format_time(START + timedelta(minutes=10))
    assert text[2] == f"x version-revoked: reviews@1 was revoked on {when}: labels are flipped"
    assert any(line.split()[2:5] == ["published", "by", "pub:"] for line in text)
    waived = (
        f"waived {FLIPPED.fingerprint} until {format_time(START + timedelta(days=3, minutes=4))}: known, relabelled"
    )
    assert any(line.strip() == waived for line in text)
    assert any(line.strip() == "does not count: they approved it anew since" for line in text)


def test_what_others_wrote_cannot_steer_the_terminal(project: Project) -> None:
    project.publish()
    now = START + timedelta(minutes=3)
    with project.workspace as workspace:
        shown = review(workspace, "reviews", now)
        reject(workspace, shown, [project.keys["ann"]], "no\x1b[2J\nPASSED", now)
    text = story_as_text(told(project))
    assert "\x1b" not in text
    assert not any(line.startswith("PASSED") for line in text.splitlines())


def test_a_program_can_read_it(project: Project) -> None:
    whole(project)
    document = json.loads(story_as_json(told(project)))
    assert (document["schema"], document["dataset"], document["number"]) == ("poisonguard-story/v1", "reviews", 1)
    assert [item["code"] for item in document["reasons"]][:1] == ["version-revoked"]
    assert set(document["reasons"][0]) == {"code", "message", "hint"}
    assert set(document["events"][0]) == {"position", "time", "what", "by", "text", "details", "problem", "statement"}


def test_the_log_is_listed_with_times(project: Project) -> None:
    project.publish()
    project.revoke()
    with project.workspace as workspace:
        listed = entries(workspace)
    assert [item.subject.split()[0] for item in listed] == ["version", "reviews@1", "reviews", "list"]
    assert listed[0].time is None
    assert [item.to_json()["time"] for item in listed[1:]] == [
        format_time(START + timedelta(minutes=minutes)) for minutes in (1, 1, 3)
    ]
