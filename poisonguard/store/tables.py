"""The registry's tables and its connection, the same for SQLite and PostgreSQL.

Rules:

1. A statement's envelope is stored byte for byte; every other column is an index into it and proves nothing.
2. A dataset has one manifest per version number, held by the database itself.
3. A write transaction is exclusive from its first statement (``BEGIN IMMEDIATE``; a row lock on PostgreSQL),
   so that what it read is still true when it commits.
4. Listings and blobs are bound by digests that statements name; a row that does not fit its digest is refused.
5. A commit that was acknowledged survives a power cut: ``synchronous=EXTRA`` also syncs the folder after the
   rollback journal is removed (https://sqlite.org/pragma.html#pragma_synchronous); PostgreSQL's asynchronous commit
   is turned off.
6. A reader sees one state for as long as it reads: a snapshot on PostgreSQL, a shared lock on SQLite.
7. A writer waits for the others ``BUSY_SECONDS`` at most.
"""

from __future__ import annotations

import sqlite3
from time import monotonic, sleep
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

SCHEMA_VERSION: Final = 2
WRITING: Final = "poisonguard_writing"
"""Execution option of a connection that will write."""
SYNCHRONOUS = "EXTRA"
"""Rule 5; tests that do not cut the power turn it off."""
BUSY_SECONDS: Final = 60
"""How long a process waits for the others to finish their writes."""
TURN_SECONDS: Final = 0.003
"""How often a writer asks SQLite whether the others are done: about as long as one append takes."""
CONNECT_SECONDS: Final = 10
"""How long a process waits for a server to answer."""

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
    Column("nodes", LargeBinary, nullable=False),  # roots of the subtrees that the leaf completes, see nodes.py
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
    Column("before", BigInteger, nullable=False),  # size of the checkpoint before this one; 0 for the first
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),
)


LISTING = Table(
    "listing",
    METADATA,
    Column("version", String(68), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
)
"""Which shards list the files of a version; versions share the shards that they have in common."""

SHARD = Table(
    "shard",
    METADATA,
    Column("root", LargeBinary(32), primary_key=True),
    Column("lines", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
)

BLOB = Table(
    "blob",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What statements name by digest: findings reports and profiles."""


def connect(url: URL) -> Engine:
    """An engine for ``url``, with durable and serialised writes.

    Raises:
        NotImplementedError: The database is neither SQLite nor PostgreSQL.
    """
    if url.get_backend_name() == "postgresql":
        engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS})
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if url.get_backend_name() != "sqlite":
        raise NotImplementedError(url.get_backend_name())
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Hand BEGIN to us: the driver's own begins too late for a consistent read followed by a write.
    connection.isolation_level = None
    try:
        connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
    except BaseException:  # the pool does not know this connection yet and would leave it open
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING, False):
        _take_turn(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _take_turn(connection: Connection) -> None:
    """Begin to write once nobody else does.

    SQLite's own way to wait asks ever less often, so that who has waited long loses to who has just come, without end
    when many write; here all ask equally often.
    """
    database: Any = connection.connection.driver_connection
    last = monotonic() + BUSY_SECONDS
    database.execute("PRAGMA busy_timeout = 0")
    while monotonic() < last:
        try:
            database.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                break
            sleep(TURN_SECONDS)
    if not database.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails as before, as the error that callers know
    database.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def _begin_postgresql(connection: Connection) -> None:
    if not connection.get_execution_options().get(WRITING, False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return
    # Each statement of a writer must see what was committed while it waited for its turn.
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
    # Never weaker than a commit on the server's own disk; what waits for replicas too is left as it is.
    connection.exec_driver_sql(
        "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
    )
