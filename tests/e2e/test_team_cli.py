"""Sharing a registry and keeping checkpoints, as people run it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from evidence_project import Project, poisonguard

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    made.publish()
    made.approve("ann")
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("POISONGUARD_REGISTRY", raising=False)
    return made


def pin(capsys: Captured) -> str:
    assert poisonguard("trust", "show") == 0
    return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("pin ")).split()[1]


def test_a_workspace_joins_and_says_what_it_may(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    known, registry = pin(capsys), f"sqlite:///{project.folder}/.poisonguard/registry.db"
    second = tmp_path / "second"
    shutil.copytree(project.data, second / "reviews")
    monkeypatch.chdir(second)
    assert poisonguard("trust", "join", "--registry", registry, "--trust", known) == 0
    assert "publishing takes --log-key" in capsys.readouterr().err
    assert poisonguard("gate", "reviews") == 0
    assert poisonguard("approve", "reviews", "--key", project.key("bob"), "--reason", "seen") == 2
    assert "may not append" in capsys.readouterr().err
    shutil.rmtree(second / ".poisonguard")
    key = str(project.folder / ".poisonguard" / "log.key")
    monkeypatch.setenv("POISONGUARD_REGISTRY", registry)
    assert poisonguard("trust", "join", "--trust", known, "--log-key", key) == 0
    assert "publish, approve and gate" in capsys.readouterr().err
    assert poisonguard("approve", "reviews", "--key", project.key("bob"), "--reason", "seen") == 0
    assert poisonguard("log", "audit") == 0
    assert "5 statements, 5 checkpoints" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--registry", "no-such.db", "--trust", "sha256:" + "0" * 64), 2, "exists"),
        (("--trust", "x"), 2, "--registry"),
        (("--registry", "no-such.db"), 2, "--trust"),
    ],
)
def test_joining_wrongly_is_one_clear_line(
    project: Project, capsys: Captured, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert poisonguard("trust", "join", *arguments) == code
    complaint = capsys.readouterr().err
    assert words in complaint
    assert complaint.startswith("error: ")


def test_a_proof_of_growth_is_a_request_to_a_witness(project: Project, capsys: Captured) -> None:
    assert poisonguard("log", "checkpoint", "-o", "kept.txt") == 0
    project.publish(minutes=5)
    assert poisonguard("log", "prove", "--from", "kept.txt", "-o", "proof.txt") == 0
    first, empty, *_ = (project.folder / "proof.txt").read_text().partition("\n\n")
    assert first.startswith("old 4\n")
    assert empty
    assert poisonguard("log", "audit", "--against", "kept.txt") == 0
    capsys.readouterr()


def test_a_proof_for_a_checkpoint_of_another_log_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    other = Project.start(tmp_path / "other")
    monkeypatch.chdir(other.folder)
    assert poisonguard("log", "checkpoint", "-o", str(project.folder / "foreign.txt")) == 0
    monkeypatch.chdir(project.folder)
    assert poisonguard("log", "prove", "--from", "foreign.txt") == 6
    (project.folder / "empty.txt").touch()
    assert poisonguard("log", "prove", "--from", "empty.txt") == 6
    assert poisonguard("log", "prove", "--from", "missing.txt") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_audit_says_which_reports_are_not_here(project: Project, capsys: Captured) -> None:
    with sqlite3.connect(project.folder / ".poisonguard" / "registry.db") as connection:
        connection.execute("DELETE FROM blob")
    connection.close()
    assert poisonguard("log", "audit") == 0
    assert "2 reports or profiles that scans name are not kept here" in capsys.readouterr().out
