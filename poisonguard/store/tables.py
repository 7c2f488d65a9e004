"""The registry's tables and its connection, the same for SQLite and PostgreSQL.

Rules:

1. A statement's envelope is stored byte for byte; every other column is an index into it and proves nothing.
2. A dataset has one manifest per version number, held by the database itself.
3. A write transaction is exclusive from its first statement (``BEGIN IMMEDIATE``; a row lock on PostgreSQL),
   so that what it read is still true when it commits.
4. A commit that was acknowledged survives a power cut: ``synchronous=EXTRA`` also syncs the folder after the
   rollback journal is removed (https://sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    NullPool,
    String,
    Table,
    Text,
    create_engine,
    event,
)

SCHEMA_VERSION: Final = 1
WRITING: Final = "poisonguard_writing"
"""Execution option of a connection that will write."""
SYNCHRONOUS = "EXTRA"
"""Rule 4; tests that do not cut the power turn it off."""
BUSY_SECONDS: Final = 60
"""How long a process waits for the others to finish their writes."""

METADATA = MetaData()

REGISTRY = Table(
    "registry",
    METADATA,
    Column("identity", String(32), primary_key=True),
    Column("schema_version", Integer, nullable=False),
)

STATEMENT = Table(
    "statement",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("dataset", Text, nullable=False),
    Column("version", String(68), nullable=False),
    Column("number", BigInteger, nullable=True),
    Column("payload_digest", String(64), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
)

Index("statement_of_version", STATEMENT.c.version, STATEMENT.c.kind)
Index("statement_of_dataset", STATEMENT.c.dataset, STATEMENT.c.kind)
Index(
    "one_manifest_per_number",
    STATEMENT.c.dataset,
    STATEMENT.c.number,
    unique=True,
    sqlite_where=STATEMENT.c.number.is_not(None),
    postgresql_where=STATEMENT.c.number.is_not(None),
)

CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("peaks", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
)


def connect(url: URL) -> Engine:
    """An engine for ``url``, with durable and serialised writes on SQLite."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Hand BEGIN to us: the driver's own begins too late for a consistent read followed by a write.
    connection.isolation_level = None
    try:
        connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
    except BaseException:
        # The pool does not know this connection yet and would leave it open.
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
