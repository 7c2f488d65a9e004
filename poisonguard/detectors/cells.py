"""Scores rows by the cell they fall into, and names the rows of each cell.

A cell is a condition on a row: a range of a number, no value at all, or exact values. All rows of a cell have
the cell's own score. Scores of two cells are kept apart by the smallest step that the stored score can make,
so that the rows which the engine keeps tell which cell they are of; a row in several cells goes to the highest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import RowScorer, Scored, Scores
from poisonguard.sketches.base import Block, plain
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.rules import Rule, breaks
from poisonguard.sketches.values import HashArray, as_text, present

Mask = npt.NDArray[np.bool_]


class Cell(ABC):
    """A condition on a row."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""

    @abstractmethod
    def holds(self, block: Block) -> Mask:
        """Which rows of the block are in the cell, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class InRange(Cell):
    """Rows whose number lies in [low, high]."""

    column: str
    low: float
    high: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def holds(self, block: Block) -> Mask:
        """Null and NaN lie in no range."""
        numbers = plain(block.table.column(self.column)).cast(pa.float64(), safe=False)
        return _mask(pc.and_(pc.greater_equal(numbers, self.low), pc.less_equal(numbers, self.high)))


@dataclass(frozen=True, slots=True)
class Absent(Cell):
    """Rows without a value: null or NaN."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def holds(self, block: Block) -> Mask:
        """Null or NaN."""
        return _mask(pc.is_null(plain(block.table.column(self.column)), nan_is_null=True))


@dataclass(frozen=True, slots=True)
class Holds(Cell):
    """Rows whose columns hold exactly these values, as canonical text; ``hosts`` are compared by host name."""

    values: tuple[tuple[str, str], ...]
    hosts: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(column for column, _ in self.values)

    def holds(self, block: Block) -> Mask:
        """All of them."""
        held = np.ones(block.table.num_rows, dtype=np.bool_)
        for column, value in self.values:
            found = block.table.column(column)
            held &= _mask(pc.equal(hosts(found) if column in self.hosts else as_text(plain(found)), value))
        return held


@dataclass(frozen=True, slots=True)
class Broken(Cell):
    """Rows whose value breaks a rule."""

    rule: Rule

    @property
    def columns(self) -> tuple[str, ...]:
        """The rule's column."""
        return (self.rule.column,)

    def holds(self, block: Block) -> Mask:
        """Rows without a value break no rule on values."""
        values = plain(block.table.column(self.rule.column))
        judged = ~_mask(pc.is_null(values, nan_is_null=True))
        judged[judged] = _mask(breaks(self.rule, present(values)))
        return judged


@dataclass(frozen=True, slots=True)
class NamedCell:
    """A cell, its score, and the finding that its rows belong to."""

    cell: Cell
    score: float
    finding: Finding


LEAST_SCORE = 0.3
"""Cells in which fewer than three in ten rows are in excess name no rows: most of them would be innocent."""


class CellScorer(RowScorer):
    """Scores the rows of ``cells``; concludes with one finding for each, its rows named.

    Args:
        cells: What to look for.
        known: Sorted hashes of rows that were approved and score nothing; none if nothing was.
    """

    threshold = LEAST_SCORE

    def __init__(self, cells: Sequence[NamedCell], known: HashArray | None = None) -> None:
        self._cells = _apart(cells)
        self._known = known

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a cell reads."""
        return tuple(sorted({column for item in self._cells for column in item.cell.columns}))

    def score(self, block: Block) -> Scores:
        """The highest score of the cells that hold the row; 0 in none."""
        scores = np.zeros(block.table.num_rows)
        for item in self._cells:
            np.maximum(scores, np.where(item.cell.holds(block), item.score, 0.0), out=scores)
        return scores if self._known is None else np.where(is_known(block, self._known), 0.0, scores)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """The findings, with the rows that reached the threshold."""
        for item in self._cells:
            rows = np.sort(scored.rows[scored.scores == item.score])
            yield replace(item.finding, rows=rows.tolist(), row_count=max(item.finding.row_count, len(rows)))


def is_known(block: Block, known: HashArray) -> Mask:
    """Which rows of the block have one of the hashes ``known``, which are sorted, shape (rows,)."""
    hashes = block.hashes
    if not len(known):
        return np.zeros(len(hashes), dtype=np.bool_)
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[place] == hashes, dtype=np.bool_)


def _apart(cells: Sequence[NamedCell]) -> tuple[NamedCell, ...]:
    """Cells by falling score, no two alike in single precision, which is how the engine keeps scores."""
    ceiling = np.float32(1.0)
    result = []
    for item in sorted(cells, key=lambda cell: (-cell.score, cell.finding.subject)):
        score = min(ceiling, np.float32(item.score))
        result.append(replace(item, score=float(score)))
        ceiling = np.nextafter(score, np.float32(0.0))
    return tuple(result)


def _mask(values: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False), dtype=np.bool_)
