"""The audit finds what the database alone cannot know."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project
from evidence_world import inventory_of_folder

from poisonguard.attest.predicates_v1 import ManifestDocument, version_name
from poisonguard.attest.times import format_time
from poisonguard.domain.dataset import Release
from poisonguard.errors import IntegrityError
from poisonguard.store.registry import Statement
from poisonguard.workflow.log_audit import AuditReport, audit, entries, newest_checkpoint
from poisonguard.workflow.publish import signed_statement


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.start(tmp_path / "project")
    made.publish()
    made.approve("ann")
    return made


def run(project: Project, kept: Sequence[bytes] = ()) -> AuditReport:
    with project.workspace as workspace:
        return audit(workspace, kept)


def smuggle(project: Project, *statements: Statement) -> None:
    """Append properly logged statements without asking any use case."""
    with project.workspace as workspace, workspace.registry.write() as writer:
        writer.append(statements, workspace.checkpoint_signer())


def manifest_statement(project: Project, number: int, signer: str = "pub") -> Statement:
    content = inventory_of_folder(project.data).manifest
    release = Release("reviews", number, version_name(content), (), format_time(START + timedelta(minutes=number)))
    return signed_statement(ManifestDocument(release, content), [project.keys[signer]])


def test_a_sound_log_is_sound(project: Project) -> None:
    report = run(project)
    assert (report.statements, report.checkpoints, report.trust_version) == (4, 4, 1)


def test_the_log_is_shown_with_who_signed(project: Project) -> None:
    with project.workspace as workspace:
        shown = entries(workspace)
    assert [(item.kind, item.people) for item in shown] == [
        ("trust-root", ()),
        ("manifest", ("pub",)),
        ("scan", ("ci",)),
        ("approval", ("ann",)),
    ]


def test_a_statement_by_somebody_without_the_right_is_found(project: Project) -> None:
    smuggle(project, manifest_statement(project, 2, signer="ann"))
    with pytest.raises(IntegrityError, match=r"statement 4: .*signed by ann"):
        run(project)


def test_a_number_that_falls_is_found(project: Project) -> None:
    smuggle(project, manifest_statement(project, 9), manifest_statement(project, 5))
    with pytest.raises(IntegrityError, match="statement 5 publishes number 5 after a higher one"):
        run(project)


@pytest.mark.parametrize(
    "change",
    ["dataset = 'other'", "kind = 'approval'", "number = 7", "version = 'pg1:0'", "payload_digest = 'x'"],
)
def test_an_index_that_lies_is_found(project: Project, change: str) -> None:
    with sqlite3.connect(project.folder / ".poisonguard" / "registry.db") as connection:
        connection.execute(f"UPDATE statement SET {change} WHERE position = 1")  # noqa: S608 # a test's own words
    connection.close()
    with pytest.raises(IntegrityError, match="statement 1"):
        run(project)


def test_a_checkpoint_that_was_kept_is_compared(project: Project) -> None:
    with project.workspace as workspace:
        kept = newest_checkpoint(workspace).encode()
    project.publish(minutes=4)
    assert run(project, [kept]).kept == 1


def test_a_history_rewritten_after_a_kept_checkpoint_is_found(project: Project) -> None:
    """Whoever holds the log key can rewrite the log, but not what auditors kept."""
    with project.workspace as workspace:
        kept = newest_checkpoint(workspace).encode()
    with sqlite3.connect(project.folder / ".poisonguard" / "registry.db") as connection:
        connection.execute("DELETE FROM statement WHERE position > 0")
        connection.execute("DELETE FROM checkpoint WHERE size > 1")
        connection.execute("DELETE FROM blob")
    connection.close()
    smuggle(project, *(manifest_statement(project, number) for number in (1, 2, 3)))
    assert run(project).statements == 4, "the rewritten log looks sound by itself"
    with pytest.raises(IntegrityError, match="does not continue the checkpoint of 4 statements that was kept"):
        run(project, [kept])


def test_a_checkpoint_signed_by_another_log_key_is_found(project: Project, tmp_path: Path) -> None:
    other = Project.start(tmp_path / "other")
    with other.workspace as workspace:
        note = newest_checkpoint(workspace)
    with sqlite3.connect(project.folder / ".poisonguard" / "registry.db") as connection:
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 1", (note,))
    connection.close()
    with pytest.raises(IntegrityError, match="checkpoint"):
        run(project)
