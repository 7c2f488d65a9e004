"""Tails of the usual distributions and ranks, as in ``scipy.stats``, which takes half a second to import."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Numbers = npt.ArrayLike

FARTHEST = 40
"""Standard deviations at which the terms of a tail end: beyond, one is less than 1e-300 of the largest."""


def binomial_tail(least: Numbers, trials: Numbers, chance: Numbers) -> Floats:
    """Probability of at least so many successes; by the incomplete beta function."""
    wanted, tried, likely = np.broadcast_arrays(
        np.asarray(least, np.float64), np.asarray(trials, np.float64), np.asarray(chance, np.float64)
    )
    inside = (wanted > 0) & (wanted <= tried)
    first, second = np.where(inside, wanted, 1.0), np.where(inside, tried - wanted + 1, 1.0)
    return np.where(inside, special.betainc(first, second, likely), np.where(wanted <= 0, 1.0, 0.0))


def hypergeometric_tail(least: int, total: int, marked: int, drawn: int) -> float:
    """Probability that at least so many of ``drawn`` out of ``total`` are among the ``marked``."""
    centre = drawn * marked / max(total, 1)
    # Farther from the middle, or beyond what is asked for, terms add nothing: their number is that of the deviation.
    reach = FARTHEST * (np.sqrt(min(drawn, marked, total - drawn, total - marked)) + 1)
    first = max(least, drawn + marked - total, 0, int(centre - reach))
    count = np.arange(first, min(marked, drawn, int(max(first, centre) + reach)) + 1, dtype=np.float64)
    logs = _choices(marked, count) + _choices(total - marked, drawn - count) - _choices(total, np.float64(drawn))
    return float(min(1.0, np.exp(logs).sum()))


def fisher_tail(table: Numbers) -> float:
    """One-sided p of Fisher's exact test: at least as many in the first cell of two by two, all sums as they are."""
    (one, two), (three, four) = np.asarray(table).tolist()
    return hypergeometric_tail(one, one + two + three + four, one + three, one + two)


def normal_tail(deviation: float) -> float:
    """Probability of at least this standard normal deviation."""
    return float(special.ndtr(-deviation))


def pearson_tail(deviation: float, skew: float) -> float:
    """The same where a distribution is skewed: Pearson's type III, a gamma distribution moved and mirrored."""
    shape = 4 / skew**2
    place = shape + 2 / skew * deviation
    if place <= 0:  # beyond the end
        return 1.0 if skew > 0 else 0.0
    return float(special.gammaincc(shape, place) if skew > 0 else special.gammainc(shape, place))


def ranks(values: npt.NDArray[np.generic]) -> Floats:
    """Ranks from 1, equal values sharing the mean of theirs, shape kept; not for NaN."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])


def discovery_rates(chances: Floats) -> Floats:
    """P-values adjusted by Benjamini and Hochberg, 1995, shape kept."""
    order = np.argsort(chances, kind="stable")[::-1]
    scaled = chances[order] * len(chances) / np.arange(len(chances), 0, -1)
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled))
    return adjusted


def _choices(total: float, chosen: Floats | np.float64) -> Floats:
    """Logarithm of the binomial coefficients."""
    return np.asarray(-np.log(total + 1) - special.betaln(total - chosen + 1, chosen + 1))
