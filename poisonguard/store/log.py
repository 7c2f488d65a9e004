"""The registry's append-only Merkle log (RFC 6962), over an open connection.

Rules:

1. A leaf is one statement's envelope, byte for byte, in the order of ``position`` from 0 without a gap.
2. Every append ends with a checkpoint of the new size, signed in the same transaction.
3. Nothing is appended to a log whose last checkpoint does not cover all of it.
4. An audit recomputes every leaf and every root ever signed, and can be held against a checkpoint kept elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError
from poisonguard.store.tables import CHECKPOINT, STATEMENT

SignCheckpoint = Callable[[int, bytes], str]
"""(size, root) to the text of a signed checkpoint."""

RESTORE = "The registry was altered or is damaged: restore it from a backup, then run 'poisonguard log audit'."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log at one size: ``peaks`` are the roots of its perfect subtrees, ``note`` the signed text."""

    frontier: merkle.Frontier
    note: str

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.frontier.size


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
        IntegrityError: It does not cover exactly the statements that are stored.
    """
    row = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).first()
    count, last = connection.execute(select(func.count(), func.max(STATEMENT.c.position))).one()
    size = 0 if row is None else row.size
    if count != size or (last is None) != (size == 0) or (last is not None and last != size - 1):
        raise IntegrityError(f"the log is signed for {size} statements but holds {count}", hint=RESTORE)
    return None if row is None else _checkpoint(row.size, row.peaks, row.note)


def append(connection: Connection, leaves: Sequence[bytes], sign: SignCheckpoint) -> Checkpoint:
    """Sign the log grown by ``leaves`` (hashes); the statements themselves are the caller's to insert."""
    before = latest(connection)
    frontier = before.frontier if before else merkle.Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    after = Checkpoint(frontier, sign(frontier.size, frontier.root()))
    values = {"size": after.size, "peaks": b"".join(frontier.peaks), "note": after.note}
    connection.execute(insert(CHECKPOINT).values(values))
    return after


@unaltered()
def prove(connection: Connection, positions: Iterable[int]) -> tuple[Checkpoint, tuple[Proof, ...]]:
    """The newest checkpoint and an inclusion proof of each of ``positions`` under it.

    Raises:
        IntegrityError: The log is empty, or its leaves do not give the root that was signed.
    """
    checkpoint = latest(connection)
    if checkpoint is None:
        raise IntegrityError("the log is empty", hint=RESTORE)
    leaves = list(connection.execute(select(STATEMENT.c.leaf).order_by(STATEMENT.c.position)).scalars())
    if merkle.root(leaves) != checkpoint.frontier.root():
        raise IntegrityError(f"the log's {len(leaves)} leaves do not give the root that was signed", hint=RESTORE)
    return checkpoint, tuple(Proof(item, merkle.inclusion_proof(leaves, item)) for item in positions)


@unaltered()
def audit(connection: Connection, check_note: Callable[[str, int, bytes], None]) -> Audit:
    """Recompute every leaf and every checkpoint.

    Args:
        connection: An open connection.
        check_note: Raises ``IntegrityError`` unless the note is signed for that size and root.

    Raises:
        IntegrityError: A statement or a checkpoint is not what was appended; the message names the first.
    """
    latest(connection)
    checkpoints = {row.size: row for row in connection.execute(select(CHECKPOINT))}
    frontier, seen = merkle.Frontier(), 0
    rows = connection.execute(select(STATEMENT).order_by(STATEMENT.c.position).execution_options(yield_per=256))
    for row in rows:
        check_leaf(row.position, row.leaf, row.digest, row.envelope, expected=frontier.size)
        frontier = frontier.append(row.leaf)
        if frontier.size in checkpoints:
            _check_checkpoint(frontier, checkpoints[frontier.size], check_note)
            seen += 1
    if seen != len(checkpoints):
        raise IntegrityError(f"{len(checkpoints) - seen} checkpoints are of no size the log ever had", hint=RESTORE)
    return Audit(frontier.size, seen, frontier.root())


@unaltered()
def root_at(connection: Connection, size: int) -> bytes:
    """Root of the first ``size`` leaves.

    Raises:
        IntegrityError: The log is shorter.
    """
    query = select(STATEMENT.c.leaf).where(STATEMENT.c.position < size).order_by(STATEMENT.c.position)
    leaves = list(connection.execute(query).scalars())
    if len(leaves) != size:
        raise IntegrityError(f"the log was {size} statements long and now holds {len(leaves)}", hint=RESTORE)
    return merkle.root(leaves)


def check_leaf(position: int, leaf: bytes, digest: str, envelope: bytes, *, expected: int) -> None:
    """Check one stored statement against its own leaf and place.

    Raises:
        IntegrityError: It is not what was appended there.
    """
    if position != expected:
        raise IntegrityError(f"statement {expected} is missing from the log", hint=RESTORE)
    if merkle.leaf_hash(envelope) != leaf or hashlib.sha256(envelope).hexdigest() != digest:
        raise IntegrityError(f"statement {position} is not the one that was logged", hint=RESTORE)


def _check_checkpoint(frontier: merkle.Frontier, row: object, check_note: Callable[[str, int, bytes], None]) -> None:
    stored = _checkpoint(row.size, row.peaks, row.note)  # type: ignore[attr-defined] # a row of CHECKPOINT
    if stored.frontier != frontier:
        raise IntegrityError(f"checkpoint {frontier.size} does not match the statements before it", hint=RESTORE)
    check_note(stored.note, frontier.size, frontier.root())


def _checkpoint(size: int, peaks: bytes, note: str) -> Checkpoint:
    if not (isinstance(size, int) and isinstance(peaks, bytes) and isinstance(note, str)):
        raise TypeError("a checkpoint of the wrong types")
    step = merkle.HASH_SIZE
    parts = tuple(peaks[start : start + step] for start in range(0, len(peaks), step))
    return Checkpoint(merkle.Frontier(size, parts), note)
