"""Every change of one value, every row that is gone, every swap, cut and splice in a small registry is found.

Whoever makes them can write to the database but holds no key. A cut to an older state, which was signed once, takes a
checkpoint that somebody kept.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from evidence_project import Project

from poisonguard.errors import IntegrityError
from poisonguard.workflow.log_audit import AuditReport, audit, newest_checkpoint

TABLES = ("registry", "statement", "checkpoint", "listing", "shard", "blob")


@dataclass(frozen=True)
class Small:
    """A project with a small registry, and its bytes as they were."""

    project: Project
    database: Path
    content: bytes
    report: AuditReport
    kept: bytes

    def audited(self) -> AuditReport:
        with self.project.workspace as workspace:
            return audit(workspace)

    def finds(self, change: Callable[[sqlite3.Connection], object], kept: bytes | None = None) -> bool:
        """Whether an audit finds a change; what the database itself refuses counts as found."""
        self.database.write_bytes(self.content)
        connection = sqlite3.connect(self.database)
        try:
            change(connection)
            connection.commit()
        except sqlite3.IntegrityError:
            return True
        finally:
            connection.close()
        try:
            with self.project.workspace as workspace:
                return audit(workspace, [] if kept is None else [kept]) != self.report
        except IntegrityError:
            return True

    def rows(self, table: str) -> list[sqlite3.Row]:
        self.database.write_bytes(self.content)
        connection = sqlite3.connect(self.database)
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT rowid AS place, * FROM {table}").fetchall()  # noqa: S608 # our own names
        connection.close()
        return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    project = Project.start(tmp_path_factory.mktemp("audit") / "project")
    project.publish()
    project.approve("ann")
    project.write("c.csv", "id,label\n4,neg\n")
    project.publish(minutes=5)
    database = project.folder / ".poisonguard" / "registry.db"
    with project.workspace as workspace:
        kept, report = newest_checkpoint(workspace).encode(), audit(workspace)
    return Small(project, database, database.read_bytes(), report, kept)


def others(value: Any) -> Iterator[Any]:
    """Values that are not ``value``: near ones, empty ones, and ones of another type."""
    match value:
        case bytes():
            yield from (value[:-1], value + b"\0", b"", value.hex())
            for place in {0, len(value) // 2, len(value) - 1} if value else set():
                yield value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        case str():
            yield from (value + "x", value[:-1], value.swapcase(), "", value.encode(), None)
        case int():
            yield from (value + 1, value - 1, 10**9, str(value) + "x", value + 0.5, None)
        case None:
            yield from (0, 1, "", "x", b"")


@pytest.mark.parametrize("table", TABLES)
def test_every_change_of_one_value_is_found(small: Small, table: str) -> None:
    rows = small.rows(table)
    columns = rows[0].keys()[1:]
    missed = []
    for (number, row), column in itertools.product(enumerate(rows), columns):
        near = {repr(other): other for other in [*others(row[column]), rows[number - 1][column]]}
        for other in near.values():
            if type(other) is type(row[column]) and other == row[column]:
                continue
            command = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608 # our own names
            # A number that is written as text is stored as the number it was.
            if not small.finds(lambda connection: connection.execute(command, (other, row["place"]))):  # noqa: B023 - called at once
                missed.append((column, row["place"], other))
    assert missed == []


@pytest.mark.parametrize("table", TABLES)
def test_every_row_that_is_gone_is_found(small: Small, table: str) -> None:
    for row in small.rows(table):
        command = f"DELETE FROM {table} WHERE rowid = {row['place']}"  # noqa: S608 # our own names
        assert small.finds(lambda connection: connection.execute(command)), command  # noqa: B023 - called at once


@pytest.mark.parametrize("table", TABLES[1:])
def test_every_swap_of_two_rows_is_found(small: Small, table: str) -> None:
    rows = small.rows(table)
    keys = {"statement": {"position"}, "checkpoint": {"size"}, "listing": {"position", "version"}}
    named = keys.get(table, {rows[0].keys()[1]})
    columns = [name for name in rows[0].keys()[1:] if name not in named]
    for one, two in itertools.combinations(rows, 2):
        if tuple(one[name] for name in columns) == tuple(two[name] for name in columns):
            continue

        def swap(connection: sqlite3.Connection) -> None:
            for place in (one["place"], two["place"]):  # noqa: B023 # called at once
                unique = ", ".join(f"{name} = {name} || '-'" for name in ("digest",) if name in columns)
                if unique:
                    connection.execute(f"UPDATE {table} SET {unique} WHERE rowid = ?", (place,))  # noqa: S608 - our own tables
                if "number" in columns:
                    connection.execute("UPDATE statement SET number = NULL WHERE rowid = ?", (place,))
            for place, row in ((one["place"], two), (two["place"], one)):  # noqa: B023 # called at once
                setting = ", ".join(f"{name} = ?" for name in columns)
                values = [row[name] for name in columns]
                connection.execute(f"UPDATE {table} SET {setting} WHERE rowid = ?", (*values, place))  # noqa: S608 - our own tables

        assert small.finds(swap), (table, one["place"], two["place"])


def test_every_row_that_was_added_is_found(small: Small) -> None:
    for table in TABLES[2:]:
        row = small.rows(table)[-1]
        for column in row.keys()[1:]:
            for other in others(row[column]):
                values = {name: row[name] for name in row.keys()[1:]} | {column: other}
                places = ", ".join("?" for _ in values)
                command = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"  # noqa: S608 # our own names
                assert small.finds(lambda connection: connection.execute(command, tuple(values.values()))), (  # noqa: B023 - called at once
                    table,
                    column,
                    other,
                )


@pytest.mark.parametrize("size", range(6))
def test_every_cut_is_found_by_a_checkpoint_that_was_kept(small: Small, size: int) -> None:
    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM statement WHERE position >= ?", (size,))
        connection.execute("DELETE FROM checkpoint WHERE size > ?", (size,))
        held = [row[0] for row in connection.execute("SELECT version FROM statement WHERE kind = 'manifest'")]
        marks = ", ".join("?" for _ in held)
        connection.execute(f"DELETE FROM listing WHERE version NOT IN ({marks})", held)  # noqa: S608 # marks only
        connection.execute("DELETE FROM shard WHERE root NOT IN (SELECT root FROM listing)")

    assert small.finds(cut)
    assert small.finds(cut, small.kept)


def test_every_statement_that_was_spliced_in_from_a_fork_is_found(small: Small, tmp_path: Path) -> None:
    """The same keys signed another history of the same registry; single rows of it pass for none of this one."""
    small.database.write_bytes(small.content)  # whatever another test changed is not what forks
    shutil.copytree(small.project.folder / ".poisonguard", tmp_path / ".poisonguard")
    fork = tmp_path / ".poisonguard" / "registry.db"
    connection = sqlite3.connect(fork)
    connection.execute("DELETE FROM statement WHERE position > 1")
    connection.execute("DELETE FROM checkpoint WHERE size > 2")
    connection.commit()
    connection.close()
    other = Project(tmp_path, small.project.keys, small.project.policy)
    shutil.copytree(small.project.data, tmp_path / "reviews")
    other.write("d.csv", "id,label\n9,pos\n")
    other.publish(minutes=9)
    other.approve("bob", minutes=10)
    for position in range(2, len(small.rows("statement"))):

        def splice(connection: sqlite3.Connection) -> None:
            connection.execute("ATTACH ? AS fork", (str(fork),))
            connection.execute("DELETE FROM statement WHERE position = ?", (position,))  # noqa: B023 # called at once
            connection.execute("INSERT INTO statement SELECT * FROM fork.statement WHERE position = ?", (position,))  # noqa: B023 - called at once

        def splice_all(connection: sqlite3.Connection) -> None:
            connection.execute("ATTACH ? AS fork", (str(fork),))
            for table, column in (("statement", "position"), ("checkpoint", "size - 1")):
                condition = f"{column} >= {position}"  # noqa: B023 # called at once
                connection.execute(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 # our own names
                connection.execute(f"INSERT INTO {table} SELECT * FROM fork.{table} WHERE {condition}")  # noqa: S608 - our own tables
            for table in ("listing", "shard", "blob"):
                connection.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM fork.{table}")  # noqa: S608 - our own tables

        assert small.finds(splice), position
        assert small.finds(splice_all, small.kept), position
