"""What somebody with write access to data, registry, bundle or working directory tries, to be let through the gate.

Each test is one attack; none may pass, crash with a traceback, or leave something half written.
"""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project, poisonguard

import poisonguard as pg
from poisonguard.attest.envelope import sign
from poisonguard.store import bundle as bundles
from poisonguard.workflow import trust_root
from poisonguard.workflow.gating import read_bundle

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("POISONGUARD_PASSPHRASE", raising=False)
    return made


@pytest.fixture
def approved(project: Project) -> Project:
    project.publish()
    project.approve("ann")
    return project


def gate(*arguments: str) -> int:
    return poisonguard("gate", *arguments)


def codes(capsys: Captured, *arguments: str) -> list[str]:
    """Codes of the reasons against, as printed."""
    capsys.readouterr()
    gate(*(arguments or ("reviews",)), "-f", "json")
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return [item["code"] for item in json.loads(captured.out)["reasons"] if item["exitCode"]]


# The data


def test_files_hidden_in_a_folder_named_as_our_workspace_are_extra_files(approved: Project, capsys: Captured) -> None:
    planted = approved.data / ".poisonguard"
    planted.mkdir()
    (planted / "more.csv").write_text("id,label\n9,pos\n")
    assert codes(capsys) == ["bytes-differ"]


@pytest.mark.parametrize(
    "name", [".hidden", "empty.csv", "_metadata", "A.CSV", "a.csv.crc", "sub/.keep", ".git/config"]
)
def test_no_extra_file_is_overlooked(approved: Project, capsys: Captured, name: str) -> None:
    path = approved.data / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert codes(capsys) == ["bytes-differ"]


def test_files_that_change_their_names_among_themselves_differ(approved: Project, capsys: Captured) -> None:
    first, second, aside = approved.data / "a.csv", approved.data / "b.csv", approved.data / "c.csv"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


def test_files_of_equal_size_that_change_their_names_differ(project: Project, capsys: Captured) -> None:
    project.write("b.csv", "id,label\n2,neg\n1,pos\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    one, two = ((project.data / name).read_text() for name in ("a.csv", "b.csv"))
    project.write("a.csv", two)
    project.write("b.csv", one)
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


@pytest.mark.parametrize("kind", ["file", "folder", "location", "fifo"])
def test_links_and_pipes_are_not_followed(approved: Project, capsys: Captured, kind: str) -> None:
    elsewhere = approved.folder / "elsewhere"
    if kind == "location":
        approved.data.rename(elsewhere)
        approved.data.symlink_to(elsewhere)
    elif kind == "folder":
        shutil.copytree(approved.data, elsewhere)
        (approved.data / "more").symlink_to(elsewhere)
    elif kind == "file":
        (approved.data / "a.csv").rename(elsewhere)
        (approved.data / "a.csv").symlink_to(elsewhere)
    else:
        os.mkfifo(approved.data / "pipe")
    found = set(codes(capsys, "reviews", "--version", "reviews@1"))
    assert found == {"bytes-differ"}


# Where the gate is run from


@pytest.fixture
def mallory(tmp_path: Path) -> Project:
    """Mallory's own project, whose steward approved poisoned rows under the same name."""
    theirs = Project.start(tmp_path / "mallory")
    theirs.write("a.csv", "id,label\n1,neg\n2,pos\n")
    theirs.publish()
    theirs.approve("ann")
    return theirs


@pytest.mark.parametrize("location", [".", "../reviews", "file://{}", "{}", "../rev*", "./**", "{}/*"])
def test_a_workspace_planted_in_the_data_is_not_believed(
    approved: Project, mallory: Project, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    shutil.rmtree(approved.data)
    shutil.copytree(mallory.data, approved.data)
    shutil.copytree(mallory.folder / ".poisonguard", approved.data / ".poisonguard")
    monkeypatch.chdir(approved.data)
    assert gate(location.format(approved.data), "--name", "reviews") in {5, 6}


def test_a_workspace_beside_a_single_file_is_named(
    mallory: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    shutil.copytree(mallory.folder / ".poisonguard", mallory.data / ".poisonguard")
    monkeypatch.chdir(mallory.data)
    gate("a.csv", "--name", "reviews")
    assert "lies beside the data" in capsys.readouterr().err


# The registry


def alter(project: Project, *statements: str) -> None:
    connection = sqlite3.connect(project.folder / ".poisonguard" / "registry.db")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


HIDE = {
    "of another version": "UPDATE statement SET version = 'pg1:00' WHERE kind = 'rejection'",
    "of another dataset": "UPDATE statement SET dataset = 'prices' WHERE kind = 'rejection'",
    "a manifest": "UPDATE statement SET kind = 'manifest' WHERE kind = 'rejection'",
    "a trust root": "UPDATE statement SET kind = 'trust-root' WHERE kind = 'rejection'",
    "nothing known": "UPDATE statement SET kind = 'note' WHERE kind = 'rejection'",
}


@pytest.mark.parametrize("how", HIDE)
def test_a_rejection_cannot_be_hidden_behind_the_index(approved: Project, capsys: Captured, how: str) -> None:
    assert poisonguard("reject", "reviews", "--key", approved.key("bob"), "--reason", "web-7 is wrong") == 0
    alter(approved, HIDE[how])
    assert gate("reviews") in {5, 6}
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM statement WHERE kind = 'rejection'",
        "DELETE FROM statement WHERE kind = 'manifest'",
        "DELETE FROM checkpoint",
        "DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)",
        "UPDATE statement SET position = position + 1 WHERE position = (SELECT max(position) FROM statement)",
        "UPDATE statement SET number = 9 WHERE kind = 'manifest'",
        "UPDATE statement SET envelope = (SELECT envelope FROM statement WHERE kind = 'scan') WHERE kind = 'rejection'",
        "UPDATE statement SET leaf = x'00' WHERE kind = 'rejection'",
        "UPDATE statement SET position = 'x' WHERE kind = 'rejection'",
        "UPDATE statement SET envelope = 7 WHERE kind = 'rejection'",
        "UPDATE checkpoint SET note = x'ff'",
        "UPDATE checkpoint SET peaks = x'00'",
        "UPDATE checkpoint SET size = 1.5 WHERE size = 1",
        "UPDATE checkpoint SET size = 9.5 WHERE size = (SELECT max(size) FROM checkpoint)",
        "UPDATE registry SET schema_version = 'x'",
        "DROP TABLE registry",
        "DELETE FROM registry",
    ],
)
def test_no_row_can_be_altered_so_that_the_gate_passes(approved: Project, capsys: Captured, statement: str) -> None:
    assert poisonguard("reject", "reviews", "--key", approved.key("bob"), "--reason", "web-7 is wrong") == 0
    alter(approved, statement)
    assert gate("reviews") in {5, 6}
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "bug" not in error


def test_evidence_of_another_dataset_does_not_do(approved: Project, capsys: Captured) -> None:
    alter(approved, "UPDATE statement SET dataset = 'prices' WHERE dataset = 'reviews'")
    for name in ("prices", "reviews"):
        assert gate("reviews", "--name", name) in {5, 6}
    assert "bug" not in capsys.readouterr().err


# Bundles


@pytest.fixture
def bundle(approved: Project) -> Path:
    path = approved.folder / "reviews.pgbundle"
    assert poisonguard("bundle", "export", "reviews", "-o", str(path)) == 0
    return path


TRUST = ("--bundle", "reviews.pgbundle", "--trust", ".poisonguard/trust.json")


def test_statements_of_two_bundles_do_not_mix(
    approved: Project, bundle: Path, mallory: Project, capsys: Captured
) -> None:
    ours, (path) = read_bundle(bundle), mallory.folder / "theirs"
    os.chdir(mallory.folder)
    assert poisonguard("bundle", "export", "reviews", "-o", str(path)) == 0
    os.chdir(approved.folder)
    theirs = read_bundle(path)
    for mixed in (
        replace(theirs, trust_roots=ours.trust_roots),
        replace(ours, statements=theirs.statements),
        replace(ours, checkpoint=theirs.checkpoint),
        replace(ours, trust_roots=(*ours.trust_roots, *theirs.trust_roots)),
        replace(ours, statements=(*ours.statements[:-1], *theirs.statements[-1:])),
    ):
        bundle.write_bytes(bundles.dump(mixed))
        assert gate("reviews", *TRUST) == 6
    assert "Traceback" not in capsys.readouterr().err


def test_a_signature_by_mallory_over_a_steward_s_words_counts_for_nothing(approved: Project, bundle: Path) -> None:
    read = read_bundle(bundle)
    last = read.statements[-1]
    forged = replace(last, envelope=sign(last.envelope.payload, [approved.keys["mallory"]]))
    bundle.write_bytes(bundles.dump(replace(read, statements=(*read.statements[:-1], forged))))
    assert gate("reviews", *TRUST) == 6


def rotate(project: Project, without: str) -> bytes:
    """The next trust root, without somebody; not yet trusted anywhere."""
    with project.workspace as workspace:
        request = project.request(without=[without])
        _, data = trust_root.next_root(workspace, request, [project.keys["olga"]], START + timedelta(minutes=9))
    return data


def test_a_bundle_under_an_older_trust_root_is_judged_under_ours(
    approved: Project, bundle: Path, capsys: Captured
) -> None:
    (approved.folder / "next.json").write_bytes(rotate(approved, "ann"))
    assert gate("reviews", *TRUST) == 0
    assert poisonguard("trust", "update", "next.json") == 0
    assert "approvals-missing" in codes(capsys, "reviews", *TRUST)


def test_a_pin_of_the_newer_trust_root_refuses_the_older_bundle(
    approved: Project, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    newer = rotate(approved, "ann")
    shutil.copytree(approved.data, tmp_path / "away" / "reviews")
    shutil.copy(bundle, tmp_path / "away")
    monkeypatch.chdir(tmp_path / "away")
    pin = "sha256:" + hashlib.sha256(newer).hexdigest()
    assert codes(capsys, "reviews", "--bundle", "reviews.pgbundle", "--trust", pin) == ["trust-untrusted"]


# Nonsense


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b"{" + b'"a":{' * 5000, b"1" * 10_000, b"\xff\xfe", b'{"a":1e999}', b"null", b'"\\ud800"'],
)
@pytest.mark.parametrize("target", [".poisonguard/trust.json", ".poisonguard/state.json", "reviews.pgbundle"])
@pytest.mark.usefixtures("approved", "bundle")
def test_nonsense_in_a_file_is_one_clear_line(capsys: Captured, target: str, content: bytes) -> None:
    Path(target).write_bytes(content)
    capsys.readouterr()
    assert gate("reviews", *TRUST) in {2, 5, 6}
    captured = capsys.readouterr()
    assert "bug" not in captured.err
    assert captured.err.count("\n") <= 2


@pytest.mark.parametrize(
    "location",
    [
        "x" * 5000,
        "a/" * 3000,
        "\udcff",
        "\x1b[2J",
        "-",
        "~",
        "/",
        "**",
        "[",
        "http://",
        "s3://",
        "sqlite://",
        "file:",
        "x://y",
    ],
)
@pytest.mark.usefixtures("approved")
def test_nonsense_as_a_location_is_refused(capsys: Captured, location: str) -> None:
    assert gate("--name", "reviews", "--", location) in {2, 3, 5, 6}
    captured = capsys.readouterr()
    assert "bug" not in captured.err
    assert "\x1b" not in captured.out + captured.err


def test_nonsense_from_python_is_refused(approved: Project) -> None:
    for location in ("a\0b", "", "x" * 5000):
        with pytest.raises(pg.PoisonguardError):
            pg.gate(location)


@pytest.mark.parametrize(
    "registry",
    [
        "x://y",
        "postgresql://nobody@localhost:1/x",
        "mysql://x",
        "sqlite://",
        "sqlite:///",
        "/",
        "reviews",
        "reviews/a.csv",
        "x" * 5000,
    ],
)
@pytest.mark.usefixtures("approved")
def test_nonsense_as_a_registry_is_refused(capsys: Captured, registry: str) -> None:
    assert gate("reviews", "--registry", registry) in {2, 6}
    assert "bug" not in capsys.readouterr().err


def test_a_working_directory_that_is_gone_is_refused(approved: Project, tmp_path: Path, capsys: Captured) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert gate(str(approved.data)) in {2, 5, 6}
    finally:
        os.chdir(approved.folder)
    assert "bug" not in capsys.readouterr().err


# Killed half-way

KILLER = """
import importlib, os, signal, sys
module, path, times = sys.argv[1], sys.argv[2].split("."), int(sys.argv[3])
owner = importlib.import_module(module)
for name in path[:-1]:
    owner = getattr(owner, name)
original = getattr(owner, path[-1])

def killed(*arguments, **options):
    global times
    times -= 1
    result = original(*arguments, **options)
    if not times:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, path[-1], killed)
from poisonguard.cli.main import run
sys.exit(run(sys.argv[4:]))
"""

POINTS = (
    ("poisonguard.store.blobs", "Blobs.put", 1),
    ("poisonguard.store.log", "append", 1),
    ("poisonguard.store.registry", "Writer.append", 1),
)


def killed_at(point: tuple[str, str, int], *arguments: str) -> int:
    module, path, times = point
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", KILLER, module, path, str(times), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize("point", POINTS[1:])
def test_an_approval_that_is_killed_half_way_is_given_or_not(project: Project, point: tuple[str, str, int]) -> None:
    project.publish()
    arguments = ("approve", "reviews", "--key", project.key("ann"), "--reason", "read")
    assert killed_at(point, *arguments) == -signal.SIGKILL
    assert poisonguard("log", "audit") == 0
    assert gate("reviews") == 5
    assert poisonguard(*arguments) == 0
    assert gate("reviews") == 0


@pytest.mark.parametrize("point", POINTS[::2])
def test_a_signed_scan_that_is_killed_half_way_is_published_or_not(
    project: Project, point: tuple[str, str, int], capsys: Captured
) -> None:
    arguments = ("scan", "reviews", "--sign", project.key("pub"), "--quiet")
    assert killed_at(point, *arguments) == -signal.SIGKILL
    assert poisonguard("log", "audit") == 0
    assert poisonguard("versions") == 0
    assert "reviews@1" not in capsys.readouterr().out
    assert poisonguard(*arguments) in {0, 1, 4}
    project.approve("ann")
    assert poisonguard("versions", "reviews") == 0
    assert "reviews@1" in capsys.readouterr().out
