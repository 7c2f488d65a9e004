"""The registry: signed statements and their log, in one database.

Rules:

1. Statements and the checkpoint that covers them are written in one transaction; a crash leaves all or nothing.
2. Writers follow one another; several processes may append at once and none is lost.
3. A statement is handed out only after its bytes were checked against its leaf in the log.
4. Anything a database should not say (not a database, missing table, altered row) is an ``IntegrityError``.

What a statement *means* is not known here: envelopes are opaque bytes, verified by the gate.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Row, Select, func, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from poisonguard.attest.listing import Listing, Shards
from poisonguard.domain import merkle
from poisonguard.domain.dataset import Manifest
from poisonguard.errors import IntegrityError, UnknownVersion, UsageError
from poisonguard.store import contents, log
from poisonguard.store.durable import sync_folder
from poisonguard.store.tables import METADATA, REGISTRY, SCHEMA_VERSION, STATEMENT, WRITING, connect
from poisonguard.store.trouble import explained


class Kind(StrEnum):
    """What a statement is, as far as the registry must tell them apart."""

    TRUST_ROOT = "trust-root"
    MANIFEST = "manifest"
    SCAN = "scan"
    APPROVAL = "approval"
    REJECTION = "rejection"
    REVOCATIONS = "revocations"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One signed statement to store.

    Attributes:
        kind: What it is.
        dataset: Dataset it speaks of; empty for a trust root and for revocations.
        version: Version it speaks of (``pg1:...``); empty for a trust root and for revocations.
        number: Version number, of a manifest only.
        payload_digest: Hex SHA-256 of the DSSE payload, by which other statements bind it.
        envelope: The DSSE envelope, byte for byte.
    """

    kind: Kind
    dataset: str
    version: str
    payload_digest: str
    envelope: bytes
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Statement):
    """A statement and its place in the log."""

    position: int


class Reader:
    """Reads one consistent state of the registry."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def statements(self, kind: Kind | None = None, *, dataset: str = "", version: str = "") -> tuple[Stored, ...]:
        """Statements in log order; every argument given narrows the choice."""
        query = select(STATEMENT).order_by(STATEMENT.c.position)
        for column, value in ((STATEMENT.c.kind, kind), (STATEMENT.c.dataset, dataset), (STATEMENT.c.version, version)):
            query = query.where(column == value) if value else query
        return self._fetch(query)

    def each(self) -> Iterator[Stored]:
        """Every statement in log order, a few in memory at a time; complete once the iterator ended."""
        with log.unaltered(), closing(log.read(self.connection)) as rows:
            yield from map(_item, rows)

    def manifest(self, dataset: str, number: int) -> Stored:
        """The manifest statement published as ``dataset@number``.

        Raises:
            UnknownVersion: There is none.
        """
        found = self.find_manifest(dataset, number)
        if found is None:
            title = f"{dataset}@{number}" if number else f"dataset {dataset!r}"
            raise UnknownVersion(f"{title} is not in the registry", hint=self._known(dataset))
        return found

    def find_manifest(self, dataset: str, number: int) -> Stored | None:
        """The manifest statement published as ``dataset@number``, or nothing."""
        query = select(STATEMENT).where(STATEMENT.c.dataset == dataset, STATEMENT.c.number == number)
        return next(iter(self._fetch(query)), None)

    def holds(self, envelope: bytes) -> bool:
        """Whether this very envelope is in the log."""
        query = select(func.count()).select_from(STATEMENT).where(STATEMENT.c.digest == _digest(envelope))
        return bool(self.connection.execute(query).scalar())

    def latest_number(self, dataset: str) -> int:
        """Highest version number of ``dataset``; 0 when it has none."""
        query = select(func.max(STATEMENT.c.number)).where(STATEMENT.c.dataset == dataset)
        return self.connection.execute(query).scalar() or 0

    def manifests_named(self, prefix: str) -> tuple[Stored, ...]:
        """Manifest statements whose version name starts with ``prefix``."""
        query = select(STATEMENT).where(STATEMENT.c.version.startswith(prefix, autoescape=True))
        return self._fetch(query.where(STATEMENT.c.kind == Kind.MANIFEST).order_by(STATEMENT.c.position))

    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that have a version, sorted."""
        query = select(STATEMENT.c.dataset).where(STATEMENT.c.kind == Kind.MANIFEST).distinct()
        return tuple(sorted(self.connection.execute(query).scalars()))

    def listing(self, version: str, manifest: Manifest) -> Listing:
        """The files of a version, bound by its manifest; usable while the registry is being read."""
        return contents.listing_of(self.connection, version, manifest)

    def shards(self, version: str) -> Shards:
        """The listing of a version's files as it is kept, not checked; usable while the registry is being read."""
        return contents.shards_of(self.connection, version)

    def blob(self, digest: str) -> bytes:
        """The report or profile of that digest, checked."""
        return contents.blob(self.connection, digest)

    def has_blob(self, digest: str) -> bool:
        """Whether the report or profile of that digest is kept here."""
        return contents.has_blob(self.connection, digest)

    def checkpoint(self) -> log.Checkpoint | None:
        """The newest signed checkpoint of the log; nothing when nothing was appended yet."""
        return log.latest(self.connection)

    def prove(self, positions: Iterable[int]) -> tuple[log.Checkpoint, tuple[log.Proof, ...]]:
        """The newest checkpoint and inclusion proofs under it."""
        return log.prove(self.connection, positions)

    def prove_growth(self, size: int, root: bytes) -> tuple[log.Checkpoint, tuple[bytes, ...]]:
        """The newest checkpoint and a proof that it continues the log of ``size`` statements under ``root``."""
        return log.prove_growth(self.connection, size, root)

    def _known(self, dataset: str) -> str:
        number = self.latest_number(dataset)
        if number:
            return f"The latest version is {dataset}@{number}."
        return "Run 'poisonguard versions' to see what is published."

    @log.unaltered()
    def _fetch(self, query: Select[tuple[object, ...]]) -> tuple[Stored, ...]:
        return tuple(_stored(row) for row in self.connection.execute(query))


class Writer(Reader):
    """Reads and appends in one exclusive transaction."""

    def append(self, statements: Sequence[Statement], notary: log.Notary) -> tuple[Stored, ...]:
        """Store ``statements`` at the end of the log and sign the grown log.

        Raises:
            IntegrityError: The log was altered since the last append.
            UsageError: The same envelope is already in the registry, or nothing was given.
        """
        if not statements:
            raise UsageError("there is nothing to append")
        self._refuse_known(statements)
        leaves = log.append(self.connection, [merkle.leaf_hash(item.envelope) for item in statements], notary)
        stored = [_placed(item, leaf.position) for item, leaf in zip(statements, leaves, strict=True)]
        rows = [_row(item, leaf) for item, leaf in zip(stored, leaves, strict=True)]
        self.connection.execute(insert(STATEMENT), rows)
        return tuple(stored)

    def put_listing(self, version: str, listing: Listing) -> None:
        """Keep the files of a version."""
        contents.put_listing(self.connection, version, listing)

    def put_blob(self, content: bytes) -> str:
        """Keep a report or profile; its digest."""
        return contents.put_blob(self.connection, content)

    def _refuse_known(self, statements: Sequence[Statement]) -> None:
        digests = [_digest(item.envelope) for item in statements]
        query = select(func.count()).select_from(STATEMENT).where(STATEMENT.c.digest.in_(digests))
        if self.connection.execute(query).scalar() or len(set(digests)) != len(digests):
            raise UsageError("the registry already holds this very statement")


class Registry:
    """One registry, opened by URL; connections live only inside :meth:`read` and :meth:`write`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        try:
            self._engine = connect(url)
        except ImportError as error:
            raise UsageError(
                f"registry {self.name} needs a driver that is not installed: {error}",
                hint="For PostgreSQL: pip install 'poisonguard[postgres]', and begin the URL with postgresql+psycopg://.",
            ) from None
        except NotImplementedError as error:
            raise UsageError(f"a registry cannot be kept in {error}", hint="Use SQLite or PostgreSQL.") from None

    @property
    def name(self) -> str:
        """How to call the registry in a message; never shows a password."""
        if self.url.get_backend_name() == "sqlite":
            return str(self.url.database)
        return self.url.render_as_string(hide_password=True)

    @cached_property
    def identity(self) -> str:
        """The registry's own random name, given when it was made.

        Read once: a writer of a long listing keeps readers out, on other connections of its own process too.
        """
        with self.read() as reader:
            row = reader.connection.execute(select(REGISTRY)).first()
        if row is None or row.schema_version != SCHEMA_VERSION:
            raise IntegrityError(
                f"{self.name} is not a registry this poisonguard can read", hint="It was made by another release."
            )
        return str(row.identity)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One consistent state, for as long as the block lasts."""
        with self._translated(), self._engine.connect() as connection, closing(connection.begin()):
            yield Reader(connection)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """An exclusive transaction: committed when the block ends, undone when it raises."""
        with self._translated(), self._writing() as connection:
            # Serialises writers on PostgreSQL; SQLite, which ignores it, is serialised by BEGIN IMMEDIATE.
            if connection.execute(select(REGISTRY.c.identity).with_for_update()).first() is None:
                raise IntegrityError(f"registry {self.name} has lost its identity", hint=log.RESTORE)
            yield Writer(connection)

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def create(self, first: Callable[[Writer, str], None] | None = None) -> str:
        """Make the tables and return the new registry's identity.

        Args:
            first: Called in the same transaction, with the name of the log, to begin it.

        Raises:
            UsageError: There is a registry already.
        """
        identity = secrets.token_hex(8)
        with self._translated(), self._writing() as connection:
            METADATA.create_all(connection, checkfirst=True)
            if connection.execute(select(REGISTRY)).first() is not None:
                raise UsageError(f"{self.name} is a registry already", hint="Join it with 'poisonguard trust join'.")
            connection.execute(insert(REGISTRY).values(identity=identity, schema_version=SCHEMA_VERSION))
            if first is not None:
                first(Writer(connection), log_name(identity))
        if self.url.get_backend_name() == "sqlite":
            sync_folder(Path(str(self.url.database)).parent)
        return identity

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.execution_options(**{WRITING: True}).begin():
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise explained(error, self.name) from error


def log_name(identity: str) -> str:
    """Name of a registry's log, as its checkpoints say it."""
    return f"poisonguard/{identity}"


def open_registry(location: str) -> Registry:
    """The registry at a path (a ``registry.db``, or the folder that holds one) or a database URL.

    Raises:
        UsageError: There is none, or the URL is not understood.
        IntegrityError: It is no registry.
    """
    registry = Registry(registry_url(location))
    if registry.url.get_backend_name() == "sqlite" and not os.path.isfile(str(registry.url.database)):  # noqa: PTH113 - below
        raise UsageError(f"no registry at {registry.name}", hint="Make one with 'poisonguard trust init'.")
    registry.identity  # noqa: B018 # reading it checks that this is a registry
    return registry


def registry_url(location: str) -> URL:
    """The database URL of ``location``: itself, or SQLite in a file.

    Raises:
        UsageError: The URL or its driver is not understood.
    """
    try:
        if "://" in location:
            url = make_url(location)
            if url.drivername in {"postgres", "postgresql"}:
                url = url.set(drivername="postgresql+psycopg")  # the driver that the extra installs
            url.get_dialect()
            return url
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise UsageError(
            f"registry URL is not understood: {str(error).splitlines()[0]}",
            hint="For example postgresql+psycopg://USER@HOST/DATABASE.",
        ) from None
    return URL.create("sqlite", database=str(_database_file(Path(location))))


def _database_file(path: Path) -> Path:
    candidates = (path / ".poisonguard" / "registry.db", path / "registry.db")
    # os.path answers no where Path raises: for a name that is too long.
    if not os.path.isdir(path):  # noqa: PTH112 - see above
        return path
    return next((item for item in candidates if item.is_file()), candidates[-1])


def _placed(statement: Statement, position: int) -> Stored:
    return Stored(
        kind=statement.kind,
        dataset=statement.dataset,
        version=statement.version,
        number=statement.number,
        payload_digest=statement.payload_digest,
        envelope=statement.envelope,
        position=position,
    )


def _row(item: Stored, leaf: log.Leaf) -> dict[str, object]:
    return {
        "position": leaf.position,
        "leaf": leaf.hash,
        "nodes": leaf.nodes,
        "digest": _digest(item.envelope),
        "kind": str(item.kind),
        "dataset": item.dataset,
        "version": item.version,
        "number": item.number,
        "payload_digest": item.payload_digest,
        "envelope": item.envelope,
    }


def _stored(row: Row[Any]) -> Stored:
    log.check_leaf(row.position, row.leaf, row.digest, row.envelope, expected=row.position)
    return _item(row)


def _item(row: Row[Any]) -> Stored:
    values = row._mapping  # noqa: SLF001 # SQLAlchemy's documented, if underscored, access by column
    return Stored(
        kind=Kind(values["kind"]),
        dataset=values["dataset"],
        version=values["version"],
        number=values["number"],
        payload_digest=values["payload_digest"],
        envelope=values["envelope"],
        position=values["position"],
    )


def _digest(envelope: bytes) -> str:
    return hashlib.sha256(envelope).hexdigest()
