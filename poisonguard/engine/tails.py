"""The order in which a scorer puts rows, as shares: how many of them must be looked at to see a given one.

That is the row's tail probability, whatever the scale of the scores: what scores of different checks have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Scores

PART_ROWS = 65_536
EXACT_ROWS = 1_000_000
"""Up to so many rows every score is a level of its own; of more, scores that agree in 13 bits of 23 are one."""

ROUNDED = np.uint32(10)


class RowSet:
    """A set of row numbers, one bit each, filled from the first row on."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.uint8]] = []
        self.count = 0

    def append(self, mask: npt.NDArray[np.bool_]) -> None:
        """Which of the next rows are in it, shape (rows,): ``PART_ROWS`` of them, but for the last."""
        self._parts.append(np.packbits(mask))
        self.count += int(mask.sum())

    def part(self, number: int, rows: int) -> npt.NDArray[np.bool_]:
        """Which of the rows of a part are in it, shape (rows,)."""
        return np.unpackbits(self._parts[number], count=rows).view(np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Share of the rows whose score is as high as a given one.

    Attributes:
        levels: Scores that occur, as ascending integers, shape (levels,).
        shares: Share of the rows at or above each, shape (levels,).
        shift: Bits of a score that are not looked at.
    """

    levels: npt.NDArray[np.uint32]
    shares: Scores
    shift: np.uint32

    @classmethod
    def of(cls, column: npt.NDArray[np.float32], left_out: RowSet | None = None) -> Tail:
        """Count the scores of all rows but those left out, of many a part at a time."""
        if len(column) <= EXACT_ROWS:
            shift = np.uint32(0)
            parts: Sequence[npt.NDArray[np.uint32]] = [_level(part, shift) for part in _parts(column, left_out)]
            levels, counts = np.unique(np.concatenate([*parts, np.empty(0, np.uint32)]), return_counts=True)
        else:
            shift, all_counts = ROUNDED, np.zeros(int(_level(np.ones(1, np.float32), ROUNDED)[0]) + 1, np.int64)
            for part in _parts(column, left_out):
                all_counts += np.bincount(_level(part, shift), minlength=len(all_counts))
            levels = np.flatnonzero(all_counts).astype(np.uint32)
            counts = all_counts[levels]
        return cls(levels, counts[::-1].cumsum()[::-1] / max(1, int(counts.sum())), shift)

    def share(self, values: npt.NDArray[np.float32]) -> Scores:
        """Share of the rows that stand before or beside each value, shape (values,); all and more for 0."""
        if not len(self.levels):
            return np.full(len(values), np.inf)
        place = np.searchsorted(self.levels, _level(values, self.shift))
        return np.asarray(np.where(values > 0, self.shares[np.minimum(place, len(self.shares) - 1)], np.inf))


def _parts(column: npt.NDArray[np.float32], left_out: RowSet | None) -> Iterator[npt.NDArray[np.float32]]:
    for number, start in enumerate(range(0, len(column), PART_ROWS)):
        part = column[start : start + PART_ROWS]
        yield part if left_out is None else part[~left_out.part(number, len(part))]
        let_go(part)


def _level(values: npt.NDArray[np.float32], shift: np.uint32) -> npt.NDArray[np.uint32]:
    """Scores as integers of the same order: the bits of a positive float are one."""
    return np.ascontiguousarray(np.abs(values)).view(np.uint32) >> shift
