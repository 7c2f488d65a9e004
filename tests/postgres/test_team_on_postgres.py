"""A team: several machines, one registry on a server, run as people run it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cluster import PASSWORD, Cluster
from evidence_project import Project, poisonguard
from sqlalchemy import text

from poisonguard.store.registry import open_registry
from poisonguard.workflow.registry_location import LOCATION
from poisonguard.workflow.workspace import Workspace

Captured = pytest.CaptureFixture[str]
PEOPLE = ("olga", "pub", "ci", "ann", "bob")
WHY = ("--reason", "looked at every row")


@pytest.fixture
def url(server: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty database, without its password, which is where PostgreSQL's own tools look for it."""
    server.create("team")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.delenv("POISONGUARD_REGISTRY", raising=False)
    return server.url("team", password=None)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "first")
    for name in PEOPLE:
        made.key(name)
    shutil.rmtree(made.folder / ".poisonguard")
    monkeypatch.chdir(made.folder)
    return made


def init(*more: str) -> int:
    people = [f"--person={name}={name}.key.pub" for name in PEOPLE]
    roles = ["--role=root=olga", "--role=publisher=pub", "--role=scanner=ci", "--role=steward=ann,bob"]
    return poisonguard("trust", "init", *people, *roles, "--threshold", "steward=2", "--key", "olga.key", *more)


@pytest.fixture
def shared(project: Project, url: str, capsys: Captured) -> str:
    """Pin of a shared registry that holds a version with its scan and one of two approvals."""
    assert init("--registry", url) == 0
    pin = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("pin ")).split()[1]
    project.publish()
    assert poisonguard("approve", "reviews", "--key", "ann.key", *WHY) == 0
    return pin


def machine(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine, with the data and the public things."""
    folder = project.folder.parent / name
    shutil.copytree(project.folder, folder, ignore=shutil.ignore_patterns(".poisonguard", "*.key"))
    monkeypatch.chdir(folder)
    return folder


def test_a_team_publishes_approves_and_gates_on_three_machines(
    project: Project, shared: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert poisonguard("gate", "reviews") == 5, "one approval is not two"
    log_key = project.folder / ".poisonguard" / "log.key"

    second = machine(project, "second", monkeypatch)
    shutil.copy2(project.folder / "bob.key", second)
    assert poisonguard("trust", "join", "--registry", url, "--trust", shared, "--log-key", str(log_key)) == 0
    assert poisonguard("approve", "reviews", "--key", "bob.key", *WHY) == 0

    third = machine(project, "third", monkeypatch)
    assert poisonguard("trust", "join", "--registry", url, "--trust", shared) == 0
    assert not (third / ".poisonguard" / "log.key").exists()
    assert poisonguard("gate", "reviews") == 0
    assert poisonguard("log", "audit") == 0
    assert poisonguard("bundle", "export", "reviews", "-o", "bundle.json") == 0

    away = machine(project, "away", monkeypatch)
    monkeypatch.delenv("PGPASSWORD")
    (away / "bundle.json").write_bytes((third / "bundle.json").read_bytes())
    assert poisonguard("gate", "reviews", "--bundle", "bundle.json", "--trust", shared) == 0
    capsys.readouterr()


def test_the_gate_judges_by_a_registry_elsewhere(
    project: Project, shared: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.approve("bob")
    machine(project, "nowhere", monkeypatch)
    assert poisonguard("gate", "reviews", "--registry", url, "--trust", shared) == 0
    assert poisonguard("gate", "reviews", "--registry", url, "--trust", "sha256:" + "0" * 64) == 6


def test_a_machine_without_log_key_is_told_that_it_may_not_append(
    project: Project, shared: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    second = machine(project, "second", monkeypatch)
    shutil.copy2(project.folder / "bob.key", second)
    assert poisonguard("trust", "join", "--registry", url, "--trust", shared) == 0
    capsys.readouterr()
    assert poisonguard("approve", "reviews", "--key", "bob.key", *WHY) == 2
    complaint = capsys.readouterr().err
    assert "may not append" in complaint
    assert "--log-key" in complaint


def test_another_log_key_is_refused_before_it_signs_anything(
    project: Project, shared: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    other = Project.start(project.folder.parent / "other")
    key = other.folder / ".poisonguard" / "log.key"
    second = machine(project, "second", monkeypatch)
    assert poisonguard("trust", "join", "--registry", url, "--trust", shared, "--log-key", str(key)) == 2
    assert "does not play the role log" in capsys.readouterr().err
    assert not (second / ".poisonguard").exists()


def test_nothing_is_trusted_on_first_use(
    project: Project, shared: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    machine(project, "second", monkeypatch)
    assert poisonguard("trust", "join", "--registry", url) == 2
    assert poisonguard("trust", "join", "--registry", url, "--trust", "sha256:" + "0" * 64) == 6
    assert "Traceback" not in capsys.readouterr().err
    file = project.folder / ".poisonguard" / "trust.json"
    assert poisonguard("trust", "join", "--registry", url, "--trust", str(file)) == 0
    assert poisonguard("trust", "join", "--registry", url, "--trust", str(file)) == 2, "once"


def test_the_password_is_never_written_down(
    project: Project, server: Cluster, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", os.devnull)
    with_password = server.url("team")
    assert init("--registry", with_password) == 0
    stored = (project.folder / ".poisonguard" / LOCATION).read_text()
    assert stored == f"{url}\n"
    assert poisonguard("trust", "show") == 2, "no password"
    assert "PGPASSWORD" in capsys.readouterr().err
    monkeypatch.setenv("POISONGUARD_REGISTRY", with_password)
    assert poisonguard("trust", "show") == 0
    monkeypatch.setenv("POISONGUARD_REGISTRY", server.url("postgres"))
    assert poisonguard("trust", "show") == 2
    assert "names another registry" in capsys.readouterr().err


def test_a_registry_is_begun_once(project: Project, shared: str, url: str, capsys: Captured) -> None:
    shutil.rmtree(project.folder / ".poisonguard")
    assert init("--registry", url) == 2
    assert "trust join" in capsys.readouterr().err


def test_an_init_that_was_interrupted_is_finished_by_the_same_command(
    project: Project, shared: str, url: str, capsys: Captured
) -> None:
    """The registry was made and the machine died before the folder was in its place."""
    (project.folder / ".poisonguard").rename(project.folder / ".poisonguard.new-x1")
    assert init("--registry", url, "--dataset", "other") == 2
    assert "another trust root" in capsys.readouterr().err
    assert init("--registry", url) == 0
    assert shared in capsys.readouterr().out
    assert poisonguard("log", "audit") == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE statement SET envelope = 'x' WHERE position = 1",
        "UPDATE statement SET dataset = 'other' WHERE position = 1",
        "DELETE FROM statement WHERE position = 2",
        "UPDATE blob SET content = 'x'",
        "DELETE FROM listing",
        "UPDATE registry SET identity = 'other'",
        "DROP TABLE checkpoint",
    ],
)
def test_an_audit_finds_what_a_database_administrator_did(
    project: Project, shared: str, url: str, change: str, capsys: Captured
) -> None:
    registry = open_registry(url)
    with registry._engine.connect() as connection, connection.execution_options(poisonguard_writing=True).begin():
        connection.execute(text(change))
    assert poisonguard("log", "audit") == 6
    assert "Traceback" not in capsys.readouterr().err


def test_a_server_that_went_away_is_one_clear_line(
    project: Project, shared: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    location = project.folder / ".poisonguard" / LOCATION
    location.write_text("postgresql+psycopg://poisonguard@127.0.0.1:1/team\n")
    for arguments in (("gate", "reviews"), ("log", "audit"), ("approve", "reviews", "--key", "bob.key", *WHY)):
        assert poisonguard(*arguments) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith("error: registry postgresql+psycopg://poisonguard@127.0.0.1:1/team")
        assert complaint.count("\n") <= 2


def test_a_reader_keeps_its_state_while_others_append(project: Project, shared: str) -> None:
    with Workspace(project.folder / ".poisonguard") as workspace, workspace.registry.read() as reader:
        before = reader.checkpoint()
        project.approve("bob")
        assert reader.checkpoint() == before
        assert reader.prove([0])[0] == before
