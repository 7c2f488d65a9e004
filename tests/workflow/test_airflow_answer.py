"""What an answer means to a task, tested where Airflow is not installed: nothing of it is needed for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evidence_project import Project, poisonguard

from poisonguard.airflow.answer import MOST_FINDINGS, Answer, Meaning
from poisonguard.airflow.runners import InProcess, Job
from poisonguard.errors import UsageError

REASON = {"code": "passed", "message": "reviews@1 is approved", "exitCode": 0, "hint": ""}
FINDING = {"check": "PG-X-001", "level": "error", "subject": "a", "message": "b", "fingerprint": "00"}


def said(**changes: Any) -> dict[str, Any]:
    """A report of the gate."""
    return {"verdict": "PASSED", "reasons": [REASON], "dataset": "reviews", "version": "pg1:00", **changes}


def test_notes_are_in_the_summary_and_warned_of_in_the_log() -> None:
    answer = Answer.of_report(0, said(notes=["the gate's memory cannot be written"]))
    assert answer.meaning is Meaning.PASSED
    assert answer.summary()["notes"] == ["the gate's memory cannot be written"]
    assert list(answer.lines()) == [
        ("info", "PASSED · reviews · pg1:00"),
        ("info", "passed: reviews@1 is approved"),
        ("warning", "note: the gate's memory cannot be written"),
    ]


@pytest.mark.parametrize("answer", [Answer.of_report(0, said()), Answer.of_error(UsageError("x"))])
def test_no_notes_are_an_empty_list(answer: Answer) -> None:
    assert answer.summary()["notes"] == []
    assert not any("note:" in line for _, line in answer.lines())


@pytest.mark.parametrize(("more", "line"), [(1, "... and 1 more finding"), (2, "... and 2 more findings")])
def test_the_log_counts_what_it_leaves_out(more: int, line: str) -> None:
    answer = Answer.of_report(1, said(findings=[FINDING] * (MOST_FINDINGS + more)))
    assert list(answer.lines())[-1] == ("info", line)


def test_the_gates_own_notes_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.start(tmp_path / "project")
    project.publish()
    project.approve("ann")
    monkeypatch.chdir(project.folder)
    assert poisonguard("bundle", "export", "reviews", "-o", "reviews.pgbundle") == 0
    pin = project.folder / ".poisonguard" / "trust.json"
    evidence = {"bundle": str(project.folder / "reviews.pgbundle"), "trust": str(pin)}
    monkeypatch.chdir(tmp_path)
    answer = InProcess().run(Job("gate", str(project.data), evidence))
    assert answer.meaning is Meaning.PASSED
    (note,) = answer.summary()["notes"]
    assert note.startswith("nothing is remembered here")
