"""The registry's append-only Merkle log (RFC 6962), over an open connection.

Rules:

1. A leaf is one statement's envelope, byte for byte, in the order of ``position`` from 0 without a gap.
2. Appending and proving read and write O(log n) rows; what they read proves itself: it gives the root that was
   signed, or nothing is appended and nothing is proven.
3. An append believes the newest checkpoint only if a trusted log key signed it, and ends with a checkpoint of the
   new size, which names the one before, in the same transaction.
4. Whoever reads the log from end to end gets every statement that was signed for, or an error.
5. An audit recomputes every leaf, every subtree and every root ever signed, and can be held against a checkpoint
   that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, Connection, CursorResult, Row, Table, func, insert, select

from poisonguard.domain import merkle
from poisonguard.domain.wording import count
from poisonguard.errors import IntegrityError
from poisonguard.store import nodes
from poisonguard.store.nodes import Span, Subtree
from poisonguard.store.tables import CHECKPOINT, STATEMENT

RESTORE = "The registry was altered or is damaged: restore it from a backup, then run 'poisonguard log audit'."
FEW = 64
"""Statements that are in memory together when all are read."""

CheckNote = Callable[[str, int, bytes], None]
"""(note, size, root): raises ``IntegrityError`` unless a trusted log key signed the note for that size and root."""


class Notary(Protocol):
    """Signs checkpoints for the log, and knows whose signatures count."""

    def sign(self, size: int, root: bytes) -> str:
        """Text of a signed checkpoint."""
        ...

    def check(self, note: str, size: int, root: bytes) -> None:
        """Refuse a note that no trusted log key signed for that size and root.

        Raises:
            IntegrityError: It is one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log at one size: ``note`` is the signed text that says so."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf that was appended: what its row must hold.

    Attributes:
        position: Its place.
        hash: The leaf's hash.
        nodes: Roots of the subtrees that it completes, lowest first.
    """

    position: int
    hash: bytes
    nodes: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """Where one leaf is in the log of the newest checkpoint, and the hashes that lead from it to the root."""

    position: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit went over; it raises when anything is wrong."""

    leaves: int
    checkpoints: int
    root: bytes


@contextmanager
def unaltered() -> Iterator[None]:
    """Turn what only a row of the wrong shape can cause into an ``IntegrityError``."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise IntegrityError(
            f"the log holds a row that was never written by poisonguard: {error}", hint=RESTORE
        ) from None


@unaltered()
def latest(connection: Connection) -> Checkpoint | None:
    """The newest checkpoint; nothing for an empty log.

    Raises:
        IntegrityError: The statements do not end where it says.
    """
    row = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).first()
    last = connection.execute(select(func.max(STATEMENT.c.position))).scalar()
    size, held = (0 if row is None else row.size), (0 if last is None else last + 1)
    if size != held:
        raise IntegrityError(f"the log is signed for {count(size, 'statement')} but holds {held:,}", hint=RESTORE)
    return None if row is None else _checkpoint(row)


@unaltered()
def append(connection: Connection, leaves: Sequence[bytes], notary: Notary) -> tuple[Leaf, ...]:
    """Sign the log grown by ``leaves`` (hashes), and say what their rows must hold; inserting those is the caller's.

    Raises:
        IntegrityError: The log is not the one that was signed.
    """
    before = latest(connection)
    frontier = _frontier(connection, before, notary)
    grown = []
    for leaf in leaves:
        grown.append(Leaf(frontier.size, leaf, nodes.completed(frontier, leaf)))
        frontier = frontier.append(leaf)
    root = frontier.root()
    values = {"size": frontier.size, "before": before.size if before else 0, "root": root}
    connection.execute(insert(CHECKPOINT).values(**values, note=notary.sign(frontier.size, root)))
    return tuple(grown)


@unaltered()
def prove(connection: Connection, positions: Iterable[int]) -> tuple[Checkpoint, tuple[Proof, ...]]:
    """The newest checkpoint and an inclusion proof of each of ``positions`` under it.

    Raises:
        IntegrityError: The log is empty, or what it holds does not give the root that was signed.
    """
    checkpoint = _newest(connection)
    return checkpoint, tuple(_prove(connection, item, checkpoint) for item in positions)


@unaltered()
def prove_growth(connection: Connection, size: int, root: bytes) -> tuple[Checkpoint, tuple[bytes, ...]]:
    """The newest checkpoint and a proof that it continues the log of ``size`` leaves under ``root``.

    Raises:
        IntegrityError: It does not: the log was cut, rewritten or forked.
    """
    checkpoint = _newest(connection)
    if checkpoint.size < size:
        raise IntegrityError(
            f"the log was {count(size, 'statement')} long and now holds {checkpoint.size:,}", hint=RESTORE
        )
    hashes = _roots(connection, nodes.consistency(size, checkpoint.size)) if size else ()
    if not _continues(size, root, checkpoint, hashes):
        raise IntegrityError(
            f"the log does not continue the checkpoint of {count(size, 'statement')} that was kept",
            hint="The log was rewritten after that checkpoint; keep both and find out who did it.",
        )
    return checkpoint, hashes


def read(connection: Connection) -> Generator[Row[Any]]:
    """Every statement's row, in order, each one checked; complete once the iterator ended.

    Raises:
        IntegrityError: A statement is not the one that was logged, or one is missing.
    """
    checkpoint = latest(connection)
    frontier = merkle.Frontier()
    with unaltered(), _stream(connection, STATEMENT, STATEMENT.c.position) as rows:
        for row in rows:
            check_leaf(row.position, row.leaf, row.digest, row.envelope, expected=frontier.size)
            frontier = frontier.append(row.leaf)
            yield row
    if checkpoint is not None and frontier.root() != checkpoint.root:
        raise IntegrityError(f"the log's {frontier.size} leaves do not give the root that was signed", hint=RESTORE)


@unaltered()
def audit(connection: Connection, check_note: CheckNote) -> Audit:
    """Recompute every leaf, every subtree and every checkpoint.

    Args:
        connection: An open connection.
        check_note: Says whether a note is signed for a size and root.

    Raises:
        IntegrityError: A row is not what was written; the message names the first.
    """
    frontier = merkle.Frontier()
    with _stream(connection, CHECKPOINT, CHECKPOINT.c.size) as notes, closing(read(connection)) as rows:
        signed = _Checkpoints(notes, check_note)
        for row in rows:
            if row.nodes != nodes.completed(frontier, row.leaf):
                raise IntegrityError(f"the subtrees at statement {row.position} are not those of the log", hint=RESTORE)
            frontier = frontier.append(row.leaf)
            signed.step(frontier)
        signed.end()
    return Audit(frontier.size, signed.count, frontier.root())


def check_leaf(position: int, leaf: bytes, digest: str, envelope: bytes, *, expected: int) -> None:
    """Check one stored statement against its own leaf and place.

    Raises:
        IntegrityError: It is not what was appended there.
    """
    if position != expected:
        raise IntegrityError(f"statement {expected} is missing from the log", hint=RESTORE)
    if merkle.leaf_hash(envelope) != leaf or hashlib.sha256(envelope).hexdigest() != digest:
        raise IntegrityError(f"statement {position} is not the one that was logged", hint=RESTORE)


class _Checkpoints:
    """The checkpoints beside the growing log: each is the root at its size, and names the one before."""

    def __init__(self, rows: Iterable[Row[Any]], check_note: CheckNote) -> None:
        self._rows, self._check_note = iter(rows), check_note
        self._next = next(self._rows, None)
        self._size = self.count = 0

    def step(self, frontier: merkle.Frontier) -> None:
        """Compare the checkpoint of this size, if there is one."""
        if self._next is None or self._next.size != frontier.size:
            return
        found, root = _checkpoint(self._next), frontier.root()
        if found.root != root:
            raise IntegrityError(f"checkpoint {found.size} does not match the statements before it", hint=RESTORE)
        if self._next.before != self._size:
            raise IntegrityError(
                f"a checkpoint before that of {count(found.size, 'statement')} is missing", hint=RESTORE
            )
        self._check_note(found.note, found.size, root)
        self._size, self._next, self.count = found.size, next(self._rows, None), self.count + 1

    def end(self) -> None:
        """Refuse a checkpoint that was not met."""
        if self._next is not None:
            raise IntegrityError(f"checkpoint {self._next.size} is of no size the log ever had", hint=RESTORE)


def _newest(connection: Connection) -> Checkpoint:
    checkpoint = latest(connection)
    if checkpoint is None:
        raise IntegrityError("the log is empty", hint=RESTORE)
    return checkpoint


def _frontier(connection: Connection, checkpoint: Checkpoint | None, notary: Notary) -> merkle.Frontier:
    """The right edge of the log of ``checkpoint``, which is believed only after its note was checked."""
    if checkpoint is None:
        return merkle.Frontier()
    notary.check(checkpoint.note, checkpoint.size, checkpoint.root)
    subtrees = list(Span(0, checkpoint.size).subtrees())
    rows = _rows(connection, subtrees)
    frontier = merkle.Frontier(checkpoint.size, tuple(item.root_in(rows[item.row]) for item in subtrees))
    if frontier.root() != checkpoint.root:
        raise IntegrityError("what the log holds does not give the root that was signed", hint=RESTORE)
    return frontier


def _prove(connection: Connection, position: int, checkpoint: Checkpoint) -> Proof:
    path = nodes.inclusion(position, checkpoint.size)
    leaf, *hashes = _roots(connection, (Span(position, position + 1), *path))
    if not merkle.verify_inclusion(leaf, position, checkpoint.size, hashes, checkpoint.root):
        raise IntegrityError(
            f"what the log holds around statement {position} does not give the root that was signed", hint=RESTORE
        )
    return Proof(position, tuple(hashes))


def _continues(size: int, root: bytes, checkpoint: Checkpoint, hashes: Sequence[bytes]) -> bool:
    if size == 0:
        return root == merkle.EMPTY_ROOT
    return merkle.verify_consistency(size, checkpoint.size, hashes, root, checkpoint.root)


def _roots(connection: Connection, spans: Sequence[Span]) -> tuple[bytes, ...]:
    rows = _rows(connection, [item for span in spans for item in span.subtrees()])
    return tuple(_root(rows, span) for span in spans)


def _root(rows: dict[int, bytes], span: Span) -> bytes:
    parts = tuple(item.root_in(rows[item.row]) for item in span.subtrees())
    return merkle.Frontier(span.high - span.low, parts).root()


def _rows(connection: Connection, subtrees: Sequence[Subtree]) -> dict[int, bytes]:
    """The hashes in the rows of ``subtrees``, by position."""
    wanted = {item.row for item in subtrees}
    columns = (STATEMENT.c.position, STATEMENT.c.leaf, STATEMENT.c.nodes)
    found = connection.execute(select(*columns).where(STATEMENT.c.position.in_(wanted)))
    rows: dict[int, bytes] = {row.position: row.leaf + row.nodes for row in found}
    missing = wanted - rows.keys()
    if missing:
        raise IntegrityError(f"statement {min(missing)} is missing from the log", hint=RESTORE)
    return rows


def _stream(connection: Connection, table: Table, order: Column[int]) -> CursorResult[Any]:
    """The rows of a table, a few at a time; to be closed, for a server keeps them ready."""
    return connection.execute(select(table).order_by(order).execution_options(yield_per=FEW))


def _checkpoint(row: Row[Any]) -> Checkpoint:
    if not (isinstance(row.size, int) and isinstance(row.root, bytes) and isinstance(row.note, str)):
        raise TypeError("a checkpoint of the wrong types")
    return Checkpoint(row.size, row.root, row.note)
