"""How the numbers of a column are distributed: exact counts in bins, and how far off what is read from them can be.

1. A column with at most ``limit`` distinct numbers is counted number by number. Of any other the bins widen, all by the
   same factor on the scale of a double's bits, until ``limit`` suffice (``poisonguard.kernels.floatbins``).
2. Counts are integers: merging is exact, in any order and however the data are cut.
3. The distribution function is exact at every edge of a bin. Between two edges it is off by at most the share of that
   bin: ``error`` is the largest one, so that a Kolmogorov-Smirnov distance read at the edges is short by no more than
   the errors of both sides.

Null and NaN are no numbers; the profile counts them. Infinite ones lie in the outermost bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.kernels.floatbins import counted, least_shift, numbers_of, ordered_keys, summed
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.values import plain

LIMIT = 4096
"""Bins: of ten million normal numbers none then holds more than 0.3 %."""

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_SCHEMA = pa.schema([("bin", pa.uint64()), ("shift", pa.uint8()), ("count", pa.int64())])


@dataclass(frozen=True, slots=True)
class Distribution:
    """Numbers counted in bins.

    Attributes:
        bins: What the numbers of each bin have in common: their ordered keys without the last bits; ascending, shape
            (bins,).
        shift: How many bits these lack; 0 where every bin is one number.
        counts: Rows of each bin, all positive, shape (bins,).
    """

    bins: npt.NDArray[np.uint64]
    shift: int
    counts: Counts

    @classmethod
    def of(cls, numbers: Floats) -> Distribution:
        """Each number a bin; NaN is none, shape (numbers,)."""
        keys, counts = counted(ordered_keys(numbers[~np.isnan(numbers)]))
        return cls(keys, 0, counts)

    @property
    def rows(self) -> int:
        """Numbers counted."""
        return int(self.counts.sum())

    @property
    def error(self) -> float:
        """Most that the distribution function can be off between two edges; 0 where every bin is one number."""
        return float(self.counts.max() / self.rows) if self.shift and len(self.counts) else 0.0

    @property
    def edges(self) -> Floats:
        """Largest number that each bin may hold, shape (bins,)."""
        shift = np.uint64(self.shift)
        return numbers_of((self.bins << shift) | ((np.uint64(1) << shift) - np.uint64(1)))

    def median(self) -> float:
        """The middle number, or the smallest that its bin may hold; NaN of none."""
        if not len(self.bins):
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.counts), self.rows / 2))
        return float(numbers_of(self.bins[place : place + 1] << np.uint64(self.shift))[0])

    def widened(self, shift: int) -> Distribution:
        """The same numbers in the wider bins of ``shift``."""
        if shift == self.shift:
            return self
        bins, counts = summed(self.bins >> np.uint64(shift - self.shift), self.counts)
        return Distribution(bins, shift, counts)


@dataclass(frozen=True)
class NumberBins(Sketch):
    """Counts of the numbers of ``column`` in at most ``limit`` bins; read it with ``read_bins``.

    State: ``bin`` uint64 ascending, ``shift`` the number of bits it lacks, ``count`` int64.
    """

    column: str
    limit: int = LIMIT

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """Counts of the block."""
        keys, counts = counted(ordered_keys(_numbers(plain(block.table.column(self.column)))))
        return self._state(keys, counts, 0)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Counts of all, in the bins of the widest."""
        table = pa.concat_tables([_SCHEMA.empty_table(), *states]).combine_chunks()
        if not table.num_rows:
            return table
        shift, bins, counts = (np.asarray(table[name]) for name in ("shift", "bin", "count"))
        widest = shift.max()
        bins = bins >> (widest - shift).astype(np.uint64)
        order = np.argsort(bins, kind="stable")
        return self._state(*summed(bins[order], counts[order]), int(widest))

    def _state(self, bins: npt.NDArray[np.uint64], counts: Counts, shift: int) -> pa.Table:
        more = least_shift(bins, self.limit)
        if more:
            bins, counts = summed(bins >> np.uint64(more), counts)
        shifts = np.full(len(bins), shift + more, dtype=np.uint8)
        return pa.table([pa.array(bins), pa.array(shifts), pa.array(counts)], schema=_SCHEMA)


def read_bins(state: pa.Table) -> Distribution:
    """The counts that a state holds."""
    shift = int(state["shift"][0].as_py()) if state.num_rows else 0
    return Distribution(np.asarray(state["bin"], dtype=np.uint64), shift, np.asarray(state["count"], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Distance:
    """The largest difference of two distribution functions at the edges of their bins, and how much it may lack."""

    value: float
    error: float


def kolmogorov(first: Distribution, second: Distribution) -> Distance:
    """Kolmogorov-Smirnov distance of two sets of numbers; 0 where one is empty."""
    if not first.rows or not second.rows:
        return Distance(0.0, 0.0)
    shift = max(first.shift, second.shift)
    first, second = first.widened(shift), second.widened(shift)
    bins = np.union1d(first.bins, second.bins)
    gaps = _cumulative(first, bins) - _cumulative(second, bins)
    return Distance(float(np.abs(gaps).max()), max(first.error, second.error))


def _cumulative(side: Distribution, bins: npt.NDArray[np.uint64]) -> Floats:
    """Share of the numbers in bins up to each of ``bins``, shape (bins,)."""
    total = np.append(0, np.cumsum(side.counts))
    return np.asarray(total[np.searchsorted(side.bins, bins, side="right")] / side.rows)


def _numbers(values: pa.Array) -> Floats:
    """The numbers of a column as doubles; none where it holds something else."""
    kind = values.type
    if pt.is_boolean(kind):
        values = values.cast(pa.uint8())
    elif not (pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)):
        return np.empty(0)
    held = np.asarray(pc.cast(values.drop_null(), pa.float64(), safe=False), dtype=np.float64)
    return held[~np.isnan(held)]
