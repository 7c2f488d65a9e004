"""Sign, approve, gate and carry away, as people run it."""

import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evidence_commands import codes, gate
from evidence_fixtures import Captured
from evidence_project import FLIPPED, START, Project, poisonguard

from poisonguard.attest.trust import RoleName

# The happy path, and everything that is missing from it


@pytest.mark.usefixtures("approved")
def test_an_approved_version_passes_and_says_who_approved(capsys: Captured) -> None:
    assert gate() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("PASSED  reviews  (reviews@1)")
    assert "approved  by ann until" in printed
    assert "looked at every row" in printed


def test_the_command_line_approves(project: Project, capsys: Captured) -> None:
    project.publish()
    assert poisonguard("approve", "reviews@1", "--key", project.key("ann"), "--reason", "read all rows") == 0
    printed = capsys.readouterr().out
    assert "version     reviews@1" in printed
    assert "assessment  clean" in printed
    assert printed.endswith("reviews@1 is approved, 1 of 1 approval: ann\n")
    assert gate() == 0


def test_an_unapproved_version_does_not_pass(project: Project, capsys: Captured) -> None:
    project.publish()
    assert gate("-f", "json") == 5
    assert codes(capsys) == ["approvals-missing"]


def test_an_unscanned_version_can_neither_be_approved_nor_pass(project: Project, capsys: Captured) -> None:
    project.publish(scanner=None)
    assert poisonguard("approve", "reviews", "--key", project.key("ann"), "--reason", "looks fine") == 5
    assert "no trusted scan result" in capsys.readouterr().err
    assert gate("-f", "json") == 5
    assert "scan-missing" in codes(capsys)


@pytest.mark.usefixtures("project")
def test_what_was_never_published_does_not_pass(capsys: Captured) -> None:
    assert gate("-f", "json") == 5
    assert codes(capsys) == ["manifest-missing"]


def test_two_stewards_must_be_two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    project = Project.start(tmp_path / "project", thresholds={RoleName.STEWARD: 2})
    monkeypatch.chdir(project.folder)
    project.publish()
    project.approve("ann")
    project.approve("ann", minutes=3)
    assert gate() == 5
    assert "1 of 2 approvers" in capsys.readouterr().out
    project.approve("bob")
    assert gate() == 0


def test_the_publisher_cannot_approve_their_own_version(project: Project, capsys: Captured) -> None:
    project.publish()
    assert poisonguard("approve", "reviews", "--key", project.key("pub"), "--reason", "trust me") == 5
    assert "cannot approve it" in capsys.readouterr().err


def test_the_scanner_cannot_approve_either(project: Project, capsys: Captured) -> None:
    project.publish(scanner="pub")
    assert poisonguard("approve", "reviews", "--key", project.key("pub"), "--reason", "trust me") == 5
    assert "Separation of duties" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "said"), [("ci", "does not play the role steward"), ("mallory", "not in the trust")])
def test_a_key_of_the_wrong_role_approves_nothing(project: Project, capsys: Captured, name: str, said: str) -> None:
    project.publish()
    assert poisonguard("approve", "reviews", "--key", project.key(name), "--reason", "ok") == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Who may: ann, bob, pub" in error


def test_a_key_of_the_wrong_role_publishes_nothing(project: Project, capsys: Captured) -> None:
    assert poisonguard("sign", "reviews", "--key", project.key("ann")) == 2
    assert "does not play the role publisher" in capsys.readouterr().err
    assert poisonguard("versions") == 0
    assert "reviews" not in capsys.readouterr().out


def test_an_expired_approval_does_not_count(project: Project, capsys: Captured) -> None:
    project.publish()
    arguments = ("approve", "reviews", "--key", project.key("ann"), "--reason", "for today", "--expires", "1m")
    begins = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert poisonguard(*arguments, "--not-before", begins) == 0
    capsys.readouterr()
    assert gate("-f", "json") == 5
    assert codes(capsys) == ["approval-expired", "approvals-missing"]


def test_a_suspicious_version_waits_for_two_and_for_waivers(project: Project, capsys: Captured) -> None:
    project.publish(findings=[FLIPPED])
    waive = f"{FLIPPED.fingerprint}=known upstream defect"
    for name in ("ann", "bob"):
        assert gate() == 5
        assert poisonguard("approve", "reviews", "--key", project.key(name), "--reason", "ok", "--waive", waive) == 0
    printed = capsys.readouterr().out
    assert FLIPPED.fingerprint in printed
    assert "assessment  suspicious" in printed
    assert gate() == 0


def test_a_finding_that_is_not_there_cannot_be_waived(project: Project, capsys: Captured) -> None:
    project.publish()
    arguments = ("approve", "reviews", "--key", project.key("ann"), "--reason", "ok", "--waive", "0123=why")
    assert poisonguard(*arguments) == 2
    assert "has no finding '0123'" in capsys.readouterr().err


def test_a_rejection_stands_until_it_is_taken_back(approved: Project, capsys: Captured) -> None:
    assert poisonguard("reject", "reviews", "--key", approved.key("bob"), "--reason", "web-7 looks wrong") == 0
    assert "reviews@1 is rejected" in capsys.readouterr().out
    assert gate("-f", "json") == 5
    assert codes(capsys) == ["rejected"]
    arguments = ("approve", "reviews", "--key", approved.key("bob"), "--reason", "explained by the source")
    assert poisonguard(*arguments) == 2
    assert "--supersede" in capsys.readouterr().err


# Bytes


def test_a_changed_file_is_named(approved: Project, capsys: Captured) -> None:
    approved.write("a.csv", "id,label\n1,neg\n2,neg\n")
    assert gate() == 6
    printed = capsys.readouterr().out
    assert printed.startswith("FAILED")
    assert "x bytes-differ: a.csv: changed" in printed
    assert "b.csv" not in printed


def test_an_added_file_is_named(approved: Project, capsys: Captured) -> None:
    approved.write(".hidden.csv", "id,label\n9,pos\n")
    assert gate() == 6
    assert ".hidden.csv: not in the approved version" in capsys.readouterr().out


def test_a_missing_file_is_named(approved: Project, capsys: Captured) -> None:
    (approved.data / "b.csv").unlink()
    assert gate() == 6
    assert "b.csv: missing" in capsys.readouterr().out


def test_a_file_name_cannot_steer_the_terminal(approved: Project, capsys: Captured) -> None:
    (approved.data / "x\x1b[2Jy").write_text("z")
    assert gate() == 6
    captured = capsys.readouterr()
    assert "\x1b[2J" not in captured.out + captured.err


# Rollback


def test_an_older_version_does_not_pass_after_a_newer_one(approved: Project, capsys: Captured) -> None:
    shutil.copytree(approved.data, approved.folder / "old")
    approved.write("b.csv", "id,label\n3,pos\n4,neg\n")
    approved.publish(minutes=3)
    approved.approve("ann", minutes=4)
    assert poisonguard("gate", "old", "--name", "reviews") == 0
    assert gate() == 0
    capsys.readouterr()
    assert poisonguard("gate", "old", "--name", "reviews", "-f", "json") == 5
    assert codes(capsys) == ["version-rolled-back"]


@pytest.mark.usefixtures("approved")
def test_a_version_below_the_lowest_asked_for_does_not_pass(capsys: Captured) -> None:
    assert gate("--min-version", "2", "-f", "json") == 5
    assert codes(capsys) == ["version-rolled-back"]


def test_a_damaged_memory_refuses(approved: Project, capsys: Captured) -> None:
    assert gate() == 0
    (approved.folder / ".poisonguard" / "state.json").write_text("{}")
    assert gate() == 6
    assert "state.json" in capsys.readouterr().err


# Registry, log, versions


def test_a_corrupted_registry_is_one_clear_line(approved: Project, capsys: Captured) -> None:
    database = approved.folder / ".poisonguard" / "registry.db"
    database.write_bytes(b"\0" * 4096)
    for command in (
        ("gate", "reviews"),
        ("versions",),
        ("log", "audit"),
        ("approve", "reviews", "--key", approved.key("ann"), "--reason", "r"),
    ):
        assert poisonguard(*command) == 6
        error = capsys.readouterr().err
        assert str(database) in error
        assert error.count("\n") <= 2


def test_a_statement_altered_in_the_registry_does_not_pass(approved: Project, capsys: Captured) -> None:
    database = approved.folder / ".poisonguard" / "registry.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE statement SET envelope = replace(envelope, 'reviews', 'reviewz') WHERE position = 1")
        connection.execute("UPDATE statement SET envelope = CAST(envelope || ' ' AS BLOB) WHERE position = 1")
    connection.close()
    assert gate() == 6
    assert poisonguard("log", "audit") == 6
    assert "statement 1" in capsys.readouterr().err


def test_the_log_is_audited_against_a_checkpoint_kept_earlier(
    approved: Project, tmp_path: Path, capsys: Captured
) -> None:
    kept = tmp_path / "kept"
    assert poisonguard("log", "checkpoint", "-o", str(kept)) == 0
    approved.write("b.csv", "id,label\n3,pos\n4,neg\n")
    approved.publish(minutes=5)
    assert poisonguard("log", "audit", "--against", str(kept)) == 0
    assert "1 kept ones compared" in capsys.readouterr().out
    other = Project.start(tmp_path / "other")
    assert other.folder.is_dir()
    os.chdir(other.folder)
    assert poisonguard("log", "audit", "--against", str(kept)) == 6


def test_versions_are_listed_newest_first(approved: Project, capsys: Captured) -> None:
    approved.write("b.csv", "id,label\n3,pos\n4,neg\n")
    approved.publish(minutes=5, findings=[FLIPPED])
    assert poisonguard("versions") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["VERSION", "CREATED", "BY", "ASSESSMENT", "APPROVALS", "STATE", "DIGEST"]
    created = [(START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ") for minutes in (5, 1)]
    assert lines[1].split()[:6] == ["reviews@2", created[0], "pub", "suspicious", "0/2", "waiting"]
    assert lines[2].split()[:6] == ["reviews@1", created[1], "pub", "clean", "1/1", "approved"]
    assert poisonguard("versions", "reviews", "-f", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "poisonguard-versions/v1"
    assert [item["state"] for item in document["versions"]] == ["waiting", "approved"]


@pytest.mark.parametrize("reference", ["reviews@7", "nothing", "pg1:ffff", "@1", "reviews@-1"])
@pytest.mark.usefixtures("approved")
def test_an_unknown_version_is_named(capsys: Captured, reference: str) -> None:
    assert poisonguard("bundle", "export", reference, "-o", "x.pgbundle") == 2
    assert reference.split("@", 1)[0] in capsys.readouterr().err
    assert not Path("x.pgbundle").exists()


def test_outside_of_a_workspace_the_way_in_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for command in (("versions",), ("log", "audit"), ("trust", "show"), ("gate", "data")):
        assert poisonguard(*command) == 2
        assert "hint" in capsys.readouterr().err
