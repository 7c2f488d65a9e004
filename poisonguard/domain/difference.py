"""What differs between two states of a dataset: files, row groups, rows, columns. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from poisonguard.domain.dataset import Column


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two states.

    Attributes:
        name: What the user called it.
        version: Name of its manifest, ``pg1:...``.
        files: How many files it has.
        size: Their bytes.
        units: Runs of rows: row groups and blocks.
        rows: Their rows.
        columns: Its columns.
        rows_digest: Digest of the multiset of its rows.
        formats: Formats of the files that hold rows, sorted.
    """

    name: str
    version: str
    files: int
    size: int
    units: int
    rows: int
    columns: tuple[Column, ...]
    rows_digest: str
    formats: tuple[str, ...]


class Change(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that differs.

    Attributes:
        change: What became of it.
        path: Where it is, or was when it is gone.
        before: Where it was when it was renamed, otherwise nothing.
        size: Its bytes, before and after; 0 where it is not.
        rows: Its rows, before and after.
    """

    change: Change
    path: str
    before: str | None
    size: tuple[int, int]
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FileDifferences:
    """Which files differ.

    Attributes:
        same: Files with the same path and bytes.
        counts: How many differ, by kind; every kind is there.
        named: The first of each kind, in order of the paths.
    """

    same: int
    counts: Mapping[Change, int]
    named: tuple[FileDifference, ...]

    @property
    def unnamed(self) -> int:
        """How many more there are than are named."""
        return sum(self.counts.values()) - len(self.named)


@dataclass(frozen=True, slots=True)
class UnitDifferences:
    """Row groups by digest, and the rows in them: those of both sides cancel without a look at their rows."""

    same: int
    added: int
    removed: int
    same_rows: int
    added_rows: int
    removed_rows: int


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row: the path of its file, and its number there, from 0."""

    path: str
    row: int


@dataclass(frozen=True, slots=True)
class RowDifferences:
    """Rows by digest.

    Attributes:
        same: Rows of both sides, wherever they are.
        added: Rows that only the second side has, without those that are changed.
        removed: Rows that only the first side has, without those that are changed.
        changed: Rows of one key on both sides that differ otherwise; nothing when there is no key to tell by.
        key: Column by which changed rows are told, or nothing.
        without_key: Why changed rows cannot be told from added and removed ones; empty when they can.
        examples: Places of the first rows that are added, removed (on the first side) and changed (on the second).
    """

    same: int
    added: int
    removed: int
    changed: int | None
    key: str | None
    without_key: str
    examples: Mapping[Change, tuple[RowPlace, ...]]


@dataclass(frozen=True, slots=True)
class RowsNotCompared:
    """Rows could not be compared, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """A column that is new, gone, or of another kind or type; ``before`` or ``after`` is missing accordingly."""

    name: str
    before: Column | None
    after: Column | None


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """How the columns differ.

    Attributes:
        columns: Columns that differ, first those of the first side in its order, then the new ones.
        reordered: Whether the columns that both sides have stand in another order.
    """

    columns: tuple[ColumnDifference, ...]
    reordered: bool


class Likeness(StrEnum):
    """How alike two states are, in one word."""

    IDENTICAL = "identical"
    SAME_ROWS = "same-rows"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two states of a dataset."""

    before: Side
    after: Side
    files: FileDifferences
    units: UnitDifferences
    rows: RowDifferences | RowsNotCompared
    schema: SchemaDifference

    @property
    def likeness(self) -> Likeness:
        """Identical: the same files. Same rows: other files that hold the same multiset of rows, and there are rows."""
        if not any(self.files.counts.values()):
            return Likeness.IDENTICAL
        if self.before.rows and self.before.rows_digest == self.after.rows_digest:
            return Likeness.SAME_ROWS
        return Likeness.DIFFERENT
