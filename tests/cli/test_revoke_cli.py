"""``revoke``, ``versions``, ``log show``, ``gate --revocations`` and ``approve --waive-until`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evidence_project import FLIPPED, Project, poisonguard

from poisonguard.workflow.log_audit import entries


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project", revokers=("rita",))
    made.publish()
    made.approve("ann")
    monkeypatch.chdir(made.folder)
    return made


def revoke(project: Project, *arguments: str) -> int:
    return poisonguard("revoke", *arguments, "--key", project.key("rita"))


def test_a_version_is_revoked(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert revoke(project, "reviews@1", "--reason", "labels of source 7 are flipped") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "revoked version reviews@1"
    assert said[1].startswith("list 1 by rita: 1 version, 0 keys, 0 approvals; good until 20")
    assert poisonguard("versions") == 0
    assert " revoked " in capsys.readouterr().out
    assert poisonguard("gate", "reviews") == 5
    assert "x version-revoked: reviews@1 was revoked" in capsys.readouterr().out


def test_a_refreshed_list_lets_pass_and_travels_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert poisonguard("gate", "reviews") == 5
    assert "revoke --refresh" in capsys.readouterr().out
    assert revoke(project, "--refresh", "-o", "list.pgbundle") == 0
    assert "wrote list 1 to list.pgbundle" in capsys.readouterr().err
    assert poisonguard("bundle", "export", "reviews", "-o", "x.pgbundle") == 0
    assert poisonguard("bundle", "export", "--revocations", "-o", "again.pgbundle") == 0
    assert Path("again.pgbundle").read_bytes() == Path("list.pgbundle").read_bytes()
    assert poisonguard("gate", "reviews", "--bundle", "x.pgbundle", "--revocations", "again.pgbundle") == 0
    assert "  freshness list 1 of revocations by rita, good until" in capsys.readouterr().out
    assert poisonguard("bundle", "import", "list.pgbundle") == 0
    assert "imported revocations: 0 new statements, 1 known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "nothing is named"),
        (("reviews", "--refresh"), "--refresh revokes nothing more"),
        (("reviews",), "no reason is given"),
        (("reviews", "--reason", "bad", "--expires", "soon"), "not a duration"),
        (("reviews", "--reason", "bad", "--since", "2026-01-01T00:00:00Z"), "no key to revoke"),
        (("--revoke-key", "0" * 64, "--reason", "bad"), "there is no key"),
        (("--approval", "short", "--reason", "bad"), "too short"),
    ],
)
def test_bad_input_gives_one_line(
    project: Project, arguments: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke(project, *arguments) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("reviews", "--revocations")])
def test_an_export_is_of_one_thing(arguments: tuple[str, ...], project: Project) -> None:
    assert project.folder.is_dir()
    assert poisonguard("bundle", "export", *arguments, "-o", "x") == 2


def test_a_key_and_an_approval_are_revoked_together(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with project.workspace as workspace:
        digest = entries(workspace)[-1].digest
    project.key("bob")
    options = ("--revoke-key", "bob.key.pub", "--since", "2026-01-01T00:00:00Z", "--approval", digest[:16])
    assert revoke(project, *options, "--reason", "laptop stolen") == 0
    said = capsys.readouterr().out
    assert f"revoked key {project.keys['bob'].public.keyid[:16]} from 2026-01-01T00:00:00Z on" in said
    assert f"revoked approval {digest[:16]}" in said


@pytest.mark.parametrize(
    "command", [("versions", "reviews@1"), ("log", "show", "reviews@1"), ("log", "show", "reviews")]
)
def test_the_story_of_a_version(project: Project, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert revoke(project, "reviews@1", "--reason", "flipped labels") == 0
    capsys.readouterr()
    assert poisonguard(*command) == 0
    told = capsys.readouterr().out
    assert told.startswith("reviews@1 is revoked\npg1:")
    assert "revoked by rita: the version: flipped labels" in told
    assert poisonguard(*command, "-f", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [event["what"] for event in document["events"]] == ["published", "scanned", "approved", "revoked"]


def test_the_whole_log_as_a_table_and_as_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert revoke(project, "--refresh") == 0
    capsys.readouterr()
    assert poisonguard("log", "show") == 0
    assert "revocations  list 1  rita" in capsys.readouterr().out.splitlines()[-1]
    assert poisonguard("log", "show", "-f", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "poisonguard-log/v1"
    assert [entry["kind"] for entry in document["entries"]][-2:] == ["approval", "revocations"]


def test_a_waiver_has_an_end_of_its_own(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert revoke(project, "--refresh") == 0
    project.publish(findings=[FLIPPED], minutes=4)
    waive = ("--reason", "read it", "--waive", f"{FLIPPED.fingerprint}=relabelled", "--waive-until", "2d")
    capsys.readouterr()
    assert poisonguard("approve", "reviews", "--key", project.key("ann"), *waive) == 0
    said = capsys.readouterr().out
    assert f": {FLIPPED.fingerprint}" in next(line for line in said.splitlines() if line.startswith("waived until"))
    assert "this replaces the approval of" in said
    assert poisonguard("approve", "reviews", "--key", project.key("ann"), *waive[:2], *waive[4:]) == 2
    assert "nothing is waived whose end could be set" in capsys.readouterr().err
