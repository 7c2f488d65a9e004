"""Tail probabilities from a sample: empirical inside, a generalised Pareto tail beyond.

The tail's shape and scale come from two quantiles of the excesses (Pickands, "Statistical inference using extreme
order statistics", 1975), so that up to a quarter of the tail may be planted without moving them: what an attacker
adds far out is judged by the honest part of the tail, not by itself. Where a column ends in one value that many rows
hold, as counts end at 0, whatever lies beyond is few and may all be planted: its scale is that of the column's body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.margins import bucket_starts, first_at_least, look_up, rank_scores

TAIL = 0.05
"""Share of the sample above the point where the fitted tail takes over."""

MAX_SHAPE = 1.0
"""Heavier tails than Cauchy's are taken for it: beyond, nothing would ever be an outlier."""

SHAPE_PRIOR = 50
"""Weight, in excesses, of an exponential tail: few excesses say little about the shape."""

SMALLEST_SHAPE = 1e-9
"""A shape nearer to 0 than this is exponential: 2 ** shape - 1 would be 0."""

FEW_BEYOND = 0.01
"""Share of the sample beyond the tail's start, below which a column ends there and the few beyond say nothing."""

BODY = 0.01
"""Share of the sample at the other end that the spread of a column's body leaves out."""

SMALLEST = 1e-300

BUCKETS = 4096
BULK = 0.005, 0.995
"""Quantiles between which buckets of equal width speed the search up."""

SIZES = 16
"""Sizes of samples whose ranks are remembered."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Starts = npt.NDArray[np.int32]


def _buckets(ordered: Floats) -> tuple[Starts, Floats]:
    """Place of the first number of each bucket, and the end; (where the first begins, buckets per unit)."""
    low, high = (float(ordered[int(share * (len(ordered) - 1))]) for share in BULK)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        per_unit = np.float64(BUCKETS - 2) / np.float64(high - low)
    # Above and below the bulk there is one bucket each.
    usable = np.isfinite(per_unit) and per_unit > 0 and np.isfinite(low - 1 / per_unit)
    scale = np.array([low - 1 / per_unit, per_unit]) if usable else np.zeros(2)
    starts = np.empty(BUCKETS + 1, dtype=np.int32)
    bucket_starts(ordered, scale[0], scale[1], starts)
    return starts, scale


def _below(numbers: Floats, ordered: Floats) -> Integers:
    """How many of ``ordered`` are less than each number, shape (rows,); of NaN nothing is said."""
    found = np.empty(len(numbers), dtype=np.int64)
    first_at_least(np.ascontiguousarray(numbers), ordered, *_buckets(ordered), found)
    return found


@lru_cache(maxsize=SIZES)
def _rank_scores(count: int) -> Floats:
    """Normal scores of the ranks of so many numbers, halves between, shape (2 * count + 1,)."""
    scores = np.empty(2 * count + 1)
    rank_scores(count, scores)
    scores.flags.writeable = False
    return scores


@dataclass(frozen=True, slots=True)
class UpperTail:
    """P(X >= x) of one quantity.

    Attributes:
        values: The sample, ascending, shape (n,).
        start: Where the fitted tail takes over.
        share: P(X > start).
        shape: Pareto shape, 0 for an exponential tail.
        scale: Pareto scale, positive.
    """

    values: Floats
    start: float
    share: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, values: Floats) -> UpperTail:
        """Fit to a sample; NaN is ignored.

        Raises:
            ValueError: The sample is empty.
        """
        ordered = np.sort(values[~np.isnan(values)])
        if not len(ordered):
            raise ValueError("no values to fit a tail to")
        start = float(np.quantile(ordered, 1 - TAIL, method="lower"))
        excesses = ordered[ordered > start] - start
        if not len(excesses):
            spread = float(ordered.std()) or max(abs(start), 1.0)
            return cls(ordered, start, 0.5 / len(ordered), 0.0, spread)
        half, three_quarters = np.quantile(excesses, [0.5, 0.75])
        trust = len(excesses) / (len(excesses) + SHAPE_PRIOR)
        with np.errstate(over="ignore"):
            ratio = three_quarters / half
        shape = trust * float(np.clip(np.log2(max(ratio - 1, 1.0)), 0, MAX_SHAPE))
        shape = shape if shape > SMALLEST_SHAPE else 0.0
        scale = half / np.log(2) if shape == 0 else shape * half / (2**shape - 1)
        return cls(ordered, start, len(excesses) / len(ordered), shape, max(float(scale), 1e-12))

    @property
    def parameters(self) -> Floats:
        """Start, share, shape and scale, as ``poisonguard.kernels.margins`` takes them."""
        return np.array([self.start, self.share, self.shape, self.scale])

    def ending(self) -> UpperTail:
        """The tail with the scale of the column's body, where the column ends at its start."""
        if self.share >= FEW_BEYOND:
            return self
        body = self.values[self.values <= self.start]
        spread = float(body[int(BODY * len(body)) :].std())
        return replace(self, shape=0.0, scale=min(self.scale, spread)) if spread > 0 else self

    def chance(self, values: Floats) -> Floats:
        """P(X >= x) of each value, 1 for NaN, never 0."""
        count = len(self.values)
        inside = (count - _below(values, self.values)) / count
        chance = np.maximum(inside, self.share)
        # The excess of a value in the sample's own tail is judged by the smooth tail, not by its rank.
        far = np.flatnonzero(values > self.start)
        # Infinitely far out is as improbable as can be.
        with np.errstate(over="ignore"):
            excess = (values[far] - self.start) / self.scale
            beyond = np.exp(-excess) if self.shape == 0 else (1 + self.shape * excess) ** (-1 / self.shape)
        chance[far] = self.share * beyond
        chance[np.isnan(values)] = 1.0
        return np.asarray(np.clip(chance, SMALLEST, 1.0))


@dataclass(frozen=True, slots=True)
class Margin:
    """One numeric column: both tails, and ranks as normal scores."""

    upper: UpperTail
    lower: UpperTail

    @classmethod
    def fit(cls, values: Floats) -> Margin:
        """Fit both tails."""
        return cls(UpperTail.fit(values).ending(), UpperTail.fit(-values).ending())

    def look_up(self, values: Floats) -> tuple[Floats, Floats]:
        """Two-sided probability of values at least so extreme, and ranks as normal scores, shapes (rows,).

        Ties are split in half, both tails extrapolated; NaN is ordinary: 1 and 0.
        """
        chances, scores = np.empty(len(values)), np.empty(len(values))
        sides = self.upper.parameters, self.lower.parameters
        ordered = self.upper.values
        ranks = _rank_scores(len(ordered))
        look_up(np.ascontiguousarray(values), ordered, *_buckets(ordered), ranks, *sides, SMALLEST, chances, scores)
        return chances, scores
