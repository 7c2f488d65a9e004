"""What somebody with write access to the registry tries: its index and its log cannot be altered unseen."""

import sqlite3

import pytest
from evidence_fixtures import Captured, gate
from evidence_project import Project, poisonguard


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
        "UPDATE statement SET nodes = x'00'",
        "UPDATE statement SET nodes = 'x' WHERE kind = 'rejection'",
        "UPDATE checkpoint SET root = x'00'",
        "UPDATE checkpoint SET before = before + 1",
        "UPDATE checkpoint SET size = 1.5 WHERE size = 1",
        "UPDATE checkpoint SET size = 9.5 WHERE size = (SELECT max(size) FROM checkpoint)",
        "UPDATE registry SET schema_version = 'x'",
        "DELETE FROM listing",
        "DELETE FROM shard",
        "UPDATE listing SET root = x'00'",
        "UPDATE listing SET position = position + 1",
        "UPDATE shard SET lines = 'x'",
        "UPDATE shard SET leaves = x'00'",
        "UPDATE statement SET dataset = 'prices' WHERE kind = 'rejection'",
        "UPDATE statement SET payload_digest = digest",
        "UPDATE statement SET digest = payload_digest",
        "UPDATE statement SET version = upper(version)",
        "DROP TABLE statement",
        "DROP TABLE listing",
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


def test_a_listing_that_was_altered_is_no_pass(approved: Project, capsys: Captured) -> None:
    """Somebody makes the registry say that the poisoned file is the one that was approved."""
    approved.write("a.csv", "id,label\n1,neg\n2,pos\n")
    alter(approved, "UPDATE shard SET lines = replace(CAST(lines AS TEXT), 'a.csv', 'c.csv')")
    assert gate("reviews") in {5, 6}
    alter(approved, "UPDATE shard SET lines = CAST(lines AS BLOB)")
    assert gate("reviews") == 6
    assert "bug" not in capsys.readouterr().err


def test_the_log_audit_finds_every_row_that_was_altered(approved: Project, capsys: Captured) -> None:
    for statement in (
        "DELETE FROM statement WHERE position = (SELECT max(position) FROM statement)",
        "UPDATE statement SET envelope = (SELECT envelope FROM statement WHERE kind = 'scan') WHERE kind = 'approval'",
        "UPDATE statement SET leaf = zeroblob(32) WHERE kind = 'scan'",
        "UPDATE checkpoint SET root = zeroblob(32)",
    ):
        database = approved.folder / ".poisonguard" / "registry.db"
        kept = database.read_bytes()
        assert poisonguard("log", "audit") == 0
        alter(approved, statement)
        assert poisonguard("log", "audit") == 6, statement
        database.write_bytes(kept)
    assert "bug" not in capsys.readouterr().err


def test_evidence_of_another_dataset_does_not_do(approved: Project, capsys: Captured) -> None:
    alter(approved, "UPDATE statement SET dataset = 'prices' WHERE dataset = 'reviews'")
    for name in ("prices", "reviews"):
        assert gate("reviews", "--name", name) in {5, 6}
    assert "bug" not in capsys.readouterr().err
