"""Fixtures over ``evidence_project`` and what tests of the command line ask of the gate; import what is needed."""

import json
from pathlib import Path

import pytest
from evidence_project import Project, poisonguard

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in which nothing is published yet; the working directory is its folder."""
    made = Project.start(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("POISONGUARD_PASSPHRASE", raising=False)
    return made


@pytest.fixture
def approved(project: Project) -> Project:
    """The project with one version that ann approved."""
    project.publish()
    project.approve("ann")
    return project


def gate(*arguments: str) -> int:
    """Run the gate; its exit code."""
    return poisonguard("gate", *arguments)


def codes(capsys: Captured, *arguments: str) -> list[str]:
    """Codes of the reasons against, as the gate prints them as JSON."""
    capsys.readouterr()
    gate(*(arguments or ("reviews",)), "-f", "json")
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return [item["code"] for item in json.loads(captured.out)["reasons"] if item["exitCode"]]


def is_clean(text: str) -> bool:
    """Whether nothing in the text steers a terminal or hides in it."""
    return all(character.isprintable() or character == "\n" for character in text) and "##vso" not in text
