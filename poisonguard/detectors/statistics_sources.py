"""How far does one source stand from the others, given how much sources differ anyway?

Every source has its own rate; the rates of honest sources scatter around the common one more than counting
noise explains. That scatter is estimated from the sources themselves, so robustly that a third of them may be
compromised: the intra-class correlation ``rho`` of a beta-binomial is set so that the median squared residual
is what it should be (the median of a chi-square variable with one degree of freedom). Each source is then
judged by the beta-binomial tail (empirical Bayes).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy
from scipy import special

from poisonguard.detectors.statistics_tests import Counts, Floats

CHI_SQUARE_MEDIAN = 0.4549364231195727
"""Median of a squared standard normal variable."""

LEAST_CORRELATION = 1e-4
LARGEST_CORRELATION = 0.95
FEW_SOURCES = 8.0
"""With few sources the scatter is poorly known: it is widened by a factor 1 + FEW_SOURCES / sources."""


def common_rate(hits: Counts, rows: Counts) -> float:
    """The rate that half of the sources exceed, small sources drawn to the pooled rate."""
    pooled = (hits.sum() + 0.5) / (rows.sum() + 1.0)
    shrunk = (hits + 2 * pooled) / (rows + 2)
    return float(np.clip(np.median(shrunk), 1e-6, 1 - 1e-6))


def scatter(hits: Counts, rows: Counts, rate: float) -> float:
    """Intra-class correlation in [0, 1) of the sources' rates around ``rate``."""
    squared = (hits - rows * rate) ** 2 / (rows * rate * (1 - rate))

    def excess(rho: float) -> float:
        return float(np.median(squared / (1 + (rows - 1) * rho))) - CHI_SQUARE_MEDIAN

    low, high = LEAST_CORRELATION, LARGEST_CORRELATION
    if excess(low) <= 0:
        return low
    for _ in range(50):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return float(high)


def upper_tail(hits: Counts, rows: Counts, rate: float, rho: float) -> Floats:
    """Chance that an honest source of that size has at least so many hits, shape (sources,)."""
    strength = (1 - rho) / rho
    found = scipy.stats.betabinom.sf(hits - 1, rows, rate * strength, (1 - rate) * strength)
    return np.asarray(found, dtype=np.float64)


def apart_from_peers(hits: Counts, rows: Counts) -> Floats:
    """How far each source's rate lies above its peers', as a normal score, shape (sources,).

    Args:
        hits: Rows of the source that carry the label, shape (sources,).
        rows: Rows of the source, positive.
    """
    rate = common_rate(hits, rows)
    rho = scatter(hits, rows, rate) * (1 + FEW_SOURCES / len(rows))
    return score_of(upper_tail(hits, rows, rate, min(rho, LARGEST_CORRELATION)))


def ringleaders(scores: Floats, minimum: float = 4.0, ratio: float = 2.5, share: float = 0.2) -> npt.NDArray[np.bool_]:
    """The few sources that stand apart from all others, not merely ahead of them; shape (sources,).

    Honest sources may scatter with heavy tails or come from several populations; both make large scores, but
    neither leaves a gap behind a handful of sources.

    Args:
        scores: Normal scores, shape (sources,).
        minimum: Score that each of them must reach.
        ratio: How many times the next source's score each of them must reach.
        share: Largest share of the sources that may stand apart (one always may).
    """
    order = np.argsort(-scores, kind="stable")
    ordered = np.append(scores[order], 0.0)
    found = 0
    for size in range(1, min(len(scores) - 1, max(1, int(len(scores) * share))) + 1):
        if ordered[size - 1] >= minimum and ordered[size - 1] >= ratio * max(1.0, ordered[size]):
            found = size
    chosen = np.zeros(len(scores), dtype=np.bool_)
    chosen[order[:found]] = True
    return chosen


def score_of(p: Floats) -> Floats:
    """Normal score of an upper tail probability."""
    return np.asarray(-special.ndtri(np.maximum(p, 1e-300)), dtype=np.float64)


def matched(first: tuple[str, ...], second: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Position in ``second`` of each name in ``first``; -1 where it is not there."""
    place = {name: index for index, name in enumerate(second)}
    return np.array([place.get(name, -1) for name in first], dtype=np.int64)
