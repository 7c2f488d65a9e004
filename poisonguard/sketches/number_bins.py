"""How the numbers of a column are distributed: exact counts in bins, and how far off what is read from them can be.

1. A column with at most ``limit`` distinct numbers is counted number by number. Of any other the bins widen, all by the
   same factor on the scale of a double's bits, until ``limit`` suffice (``poisonguard.kernels.floatbins``).
2. Counts are integers: merging is exact, in any order and however the data are cut.
3. Of each bin the least and the largest number are kept, and how often the least occurs: round numbers, of which there
   are often many, begin a bin. The distribution function is exact at these; between them it is off by less than the
   share of the bin, so that a Kolmogorov-Smirnov distance is short by no more than the largest
   share of a bin that holds different numbers.

Null and NaN are no numbers; the profile counts them. Infinite ones lie in the outermost bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.kernels.floatbins import Bins, counted, joined
from poisonguard.kernels.floatkeys import Floats, Keys, numbers_of, sorted_keys
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.ordered_numbers import ordered_numbers

LIMIT = 4096
"""Bins: of ten million normal numbers none then holds more than 0.3 %."""

_SCHEMA = pa.schema(
    [("low", pa.uint64()), ("high", pa.uint64()), ("lowest", pa.int64()), ("count", pa.int64()), ("shift", pa.uint8())]
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Numbers counted in bins."""

    bins: Bins

    @classmethod
    def of(cls, numbers: Floats) -> Distribution:
        """Each number a bin; NaN is none, shape (numbers,)."""
        return cls(counted(sorted_keys(numbers), max(1, len(numbers))))

    @property
    def rows(self) -> int:
        """Numbers counted."""
        return int(self.bins.counts.sum())

    @property
    def error(self) -> float:
        """Most that the distribution function can be off anywhere; 0 where every bin is one number."""
        beyond = self.bins.counts - self.bins.lowest
        mixed = beyond[self.bins.low < self.bins.high]
        return float(mixed.max() / self.rows) if len(mixed) else 0.0

    def median(self) -> float:
        """The middle number, or the least of its bin; NaN of none."""
        if not self.rows:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.bins.counts), self.rows / 2))
        return float(numbers_of(self.bins.low[place : place + 1])[0])

    def share_up_to(self, keys: Keys) -> tuple[Floats, Floats]:
        """Least and largest share of the numbers that can be up to each of the ordered ``keys``, shapes (keys,)."""
        total = np.append(0, np.cumsum(self.bins.counts))
        whole, begun = (np.searchsorted(side, keys, side="right") for side in (self.bins.high, self.bins.low))
        # A key within a bin is no less than the bin's least number.
        inside = np.append(self.bins.lowest, 0)[whole]
        return (total[whole] + np.where(begun > whole, inside, 0)) / self.rows, total[begun] / self.rows


@dataclass(frozen=True)
class NumberBins(Sketch):
    """Counts of the numbers of ``column`` in at most ``limit`` bins; read it with ``read_bins``.

    State: ``low`` and ``high`` uint64 keys ascending, ``lowest`` and ``count`` int64, ``shift`` uint8, the same in
    every row.
    """

    column: str
    limit: int = LIMIT

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """Counts of the block."""
        return _state(counted(ordered_numbers(block, self.column).keys, self.limit))

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Counts of all, in the bins of the widest."""
        table = pa.concat_tables([_SCHEMA.empty_table(), *states]).combine_chunks()
        if not table.num_rows:
            return table
        bins = _bins(table.take(pa.array(np.argsort(table["low"], kind="stable"))))
        return _state(joined(bins._replace(shift=pc.max(table["shift"]).as_py()), self.limit))


def _state(bins: Bins) -> pa.Table:
    columns = (*bins[:-1], np.full(len(bins.low), bins.shift, dtype=np.uint8))
    return pa.table([pa.array(item) for item in columns], schema=_SCHEMA)


def _bins(state: pa.Table) -> Bins:
    low, high, lowest, counts = (state[name].to_numpy() for name in _SCHEMA.names[:-1])
    return Bins(low, high, lowest, counts, state["shift"][0].as_py() if state.num_rows else 0)


def read_bins(state: pa.Table) -> Distribution:
    """The counts that a state holds."""
    return Distribution(_bins(state))


@dataclass(frozen=True, slots=True)
class Distance:
    """A lower bound of the largest difference of two distribution functions, and how much more it may be."""

    value: float
    error: float


def kolmogorov(first: Distribution, second: Distribution) -> Distance:
    """Kolmogorov-Smirnov distance of two sets of numbers; 0 where one is empty."""
    if not first.rows or not second.rows:
        return Distance(0.0, 0.0)
    keys = np.unique(np.concatenate([first.bins.low, first.bins.high, second.bins.low, second.bins.high]))
    (mine, my_most), (theirs, their_most) = first.share_up_to(keys), second.share_up_to(keys)
    value = max(0.0, float(np.maximum(mine - their_most, theirs - my_most).max()))
    most = float(np.maximum(my_most - theirs, their_most - mine).max())
    return Distance(value, max(0.0, most - value))
