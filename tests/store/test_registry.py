"""The registry on SQLite: the laws of any registry, and what only a file can be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from registry_laws import *  # noqa: F403 # the tests themselves
from registry_world import filled, publish
from sqlalchemy import text

from poisonguard.errors import IntegrityError, PoisonguardError, UsageError
from poisonguard.store import log, tables
from poisonguard.store.registry import Registry, open_registry, registry_url


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(tables, "SYNCHRONOUS", "OFF")  # nobody cuts the power here
    made = Registry(registry_url(str(tmp_path / "registry.db")))
    made.create()
    return made


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE statement SET envelope = 'text' WHERE position = 1",
        "UPDATE statement SET leaf = 'text' WHERE position = 1",
        "UPDATE statement SET nodes = 'text' WHERE position = 1",
        "UPDATE statement SET digest = x'00' WHERE position = 1",
        "UPDATE statement SET position = 'one' WHERE position = 1",
        "UPDATE statement SET position = 1.5 WHERE position = 1",
        "UPDATE checkpoint SET root = 'text' WHERE size = 2",
        "UPDATE checkpoint SET note = x'00' WHERE size = 2",
        "UPDATE checkpoint SET note = NULL WHERE size = 4",
        "UPDATE checkpoint SET before = 'none' WHERE size = 2",
        "UPDATE checkpoint SET size = 'two' WHERE size = 2",
        "UPDATE checkpoint SET size = 2.5 WHERE size = 2",
        "UPDATE checkpoint SET root = 7 WHERE size = 4",
    ],
)
def test_a_value_of_a_type_that_was_never_written_is_found(registry: Registry, command: str) -> None:
    filled(registry, 4)
    with sqlite3.connect(registry.name) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'")
    connection.close()
    with sqlite3.connect(registry.name) as connection:
        connection.execute(command)
    connection.close()
    with pytest.raises(IntegrityError), registry.read() as reader:
        log.audit(reader.connection, lambda *_: None)


@pytest.mark.parametrize("content", [b"", b"not a database, but quite long enough to be one" * 100])
def test_a_file_that_is_no_registry_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "registry.db").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"registry\.db"):
        open_registry(str(tmp_path / "registry.db"))


def test_no_registry_is_made_by_looking_for_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no registry"):
        open_registry(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["nosuch://host/db", "://", "sqlite+nodriver:///x.db", "mysql+pymysql://host/db", "mssql://host/db"]
)
def test_a_url_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(PoisonguardError) as caught:
        open_registry(url)
    assert caught.value.exit_code == 2


def test_a_registry_opens_by_file_folder_project_and_url(tmp_path: Path) -> None:
    folder = tmp_path / ".poisonguard"
    folder.mkdir()
    identity = Registry(registry_url(str(folder / "registry.db"))).create()
    for location in (tmp_path, folder, folder / "registry.db", f"sqlite:///{folder}/registry.db"):
        assert open_registry(str(location)).identity == identity


def test_a_full_disk_is_named_and_loses_nothing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(registry, "reviews", "before")

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA max_page_count = 1")

    monkeypatch.setattr(tables, "_prepare_sqlite", limit)
    limited = Registry(registry.url)
    with pytest.raises(UsageError, match="is full"):
        publish(limited, "reviews", "x" * 100_000)
    monkeypatch.undo()
    assert publish(registry, "reviews", "after") == 2


def test_commits_are_durable(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(tables, "SYNCHRONOUS", "EXTRA")
    with registry.read() as reader:
        ask = [reader.connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert ask == ["delete", 3], "EXTRA syncs the folder after the journal is removed"
