"""Tail probabilities from a sample: empirical inside, a generalised Pareto tail beyond.

The tail's shape and scale come from two quantiles of the excesses (Pickands, "Statistical inference using extreme
order statistics", 1975), so that up to a quarter of the tail may be planted without moving them: what an attacker
adds far out is judged by the honest part of the tail, not by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TAIL = 0.05
"""Share of the sample above the point where the fitted tail takes over."""

MAX_SHAPE = 1.0
"""Heavier tails than Cauchy's are taken for it: beyond, nothing would ever be an outlier."""

SHAPE_PRIOR = 50
"""Weight, in excesses, of an exponential tail: few excesses say little about the shape."""

SMALLEST_SHAPE = 1e-9
"""A shape nearer to 0 than this is exponential: 2 ** shape - 1 would be 0."""

SMALLEST = 1e-300
Floats = npt.NDArray[np.float64]


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

    def chance(self, values: Floats) -> Floats:
        """P(X >= x) of each value, 1 for NaN, never 0."""
        count = len(self.values)
        inside = (count - np.searchsorted(self.values, values, side="left")) / count
        # Infinitely far out is as improbable as can be.
        with np.errstate(over="ignore"):
            excess = np.maximum(values - self.start, 0) / self.scale
            beyond = np.exp(-excess) if self.shape == 0 else (1 + self.shape * excess) ** (-1 / self.shape)
        # The excess of a value in the sample's own tail is judged by the smooth tail, not by its rank.
        chance = np.where(values > self.start, self.share * beyond, np.maximum(inside, self.share))
        return np.asarray(np.where(np.isnan(values), 1.0, np.clip(chance, SMALLEST, 1.0)))


@dataclass(frozen=True, slots=True)
class Margin:
    """One numeric column: both tails, and ranks as normal scores."""

    upper: UpperTail
    lower: UpperTail

    @classmethod
    def fit(cls, values: Floats) -> Margin:
        """Fit both tails."""
        return cls(UpperTail.fit(values), UpperTail.fit(-values))

    def chance(self, values: Floats) -> Floats:
        """Two-sided probability of a value at least so extreme, shape (rows,)."""
        return np.asarray(np.minimum(2 * np.minimum(self.upper.chance(values), self.lower.chance(-values)), 1.0))

    def quantile(self, values: Floats) -> tuple[Floats, Floats]:
        """(P(X <= x), P(X >= x)) with ties split in half and both tails extrapolated; 0.5 each for NaN."""
        ordered = self.upper.values
        low = np.searchsorted(ordered, values, side="left")
        high = np.searchsorted(ordered, values, side="right")
        middle = np.clip((low + high) / (2 * len(ordered)), 0.5 / len(ordered), 1 - 0.5 / len(ordered))
        above = np.where(values > self.upper.start, self.upper.chance(values), 1 - middle)
        below = np.where(-values > self.lower.start, self.lower.chance(-values), middle)
        missing = np.isnan(values)
        return np.where(missing, 0.5, below), np.where(missing, 0.5, above)
