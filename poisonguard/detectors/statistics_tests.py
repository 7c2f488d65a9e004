"""Two-sample tests and the control of false alarms over many of them; arrays in, plain numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from poisonguard.detectors.chances import hypergeometric_tail
from poisonguard.sketches.number_bins import Distribution, kolmogorov

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

EXPECTED_COUNT = 5.0
"""Smallest expected count of a chi-square cell (Cochran 1954); rarer categories are pooled."""


@dataclass(frozen=True, slots=True)
class Test:
    """Result of one test: how large the difference is, and how often chance alone makes one as large."""

    effect: float
    p: float


@dataclass(frozen=True, slots=True)
class Share:
    """Some rows out of all."""

    hits: int
    rows: int

    @property
    def rate(self) -> float:
        """Hits per row; 0 without rows."""
        return self.hits / self.rows if self.rows else 0.0


def adjusted(p_values: Floats) -> Floats:
    """Benjamini-Hochberg adjusted p-values: reject those at or below q to hold the false discovery rate at q.

    Args:
        p_values: Shape (tests,).
    """
    count = len(p_values)
    order = np.argsort(p_values)[::-1]
    scaled = p_values[order] * count / np.arange(count, 0, -1)
    result = np.empty(count)
    result[order] = np.minimum(1.0, np.minimum.accumulate(scaled)) if count else scaled
    return result


def kolmogorov_smirnov(new: Floats, old: Floats) -> Test:
    """Largest distance between the two distribution functions; the asymptotic p-value is conservative under ties."""
    if not len(new) or not len(old):
        return Test(0.0, 1.0)
    new, old = np.sort(new), np.sort(old)
    points = np.concatenate([new, old])
    gaps = np.searchsorted(new, points, "right") / len(new) - np.searchsorted(old, points, "right") / len(old)
    distance = float(np.abs(gaps).max())
    size = len(new) * len(old) / (len(new) + len(old))
    return Test(distance, float(special.kolmogorov(np.sqrt(size) * distance)))


def distribution_distance(new: Distribution, old: Distribution) -> Test:
    """``kolmogorov_smirnov`` of numbers counted in bins: short by no more than the bins' error, p accordingly."""
    if not new.rows or not old.rows:
        return Test(0.0, 1.0)
    distance = kolmogorov(new, old).value
    size = new.rows * old.rows / (new.rows + old.rows)
    return Test(distance, float(special.kolmogorov(np.sqrt(size) * distance)))


def more_often(new: Share, old: Share) -> float:
    """Fisher's exact one-sided p-value for a larger share in ``new`` than in ``old``."""
    return hypergeometric_tail(new.hits, new.rows + old.rows, new.hits + old.hits, new.rows)


def share_difference(new: Share, old: Share) -> Test:
    """Difference of two shares, with Fisher's exact p-value, both sides counted."""
    if not new.rows or not old.rows:
        return Test(0.0, 1.0)
    return Test(new.rate - old.rate, min(1.0, 2 * min(more_often(new, old), more_often(old, new))))


def total_variation(new: Counts, old: Counts) -> Test:
    """Total variation distance of two histograms, less what sampling alone makes of it; chi-square p-value.

    Args:
        new: Counts per category, shape (categories,).
        old: Counts of the same categories.
    """
    if not new.sum() or not old.sum():
        return Test(0.0, 1.0)
    return Test(_debiased_distance(new, old), _chi_square(*_pooled(new, old)))


def _debiased_distance(new: Counts, old: Counts) -> float:
    sizes = new.sum(), old.sum()
    share = (new + old) / sum(sizes)
    # Mean absolute deviation of a normal is sqrt(2/pi) standard deviations.
    noise = np.sqrt(2 / np.pi * share * (1 - share) * (1 / sizes[0] + 1 / sizes[1])).sum() / 2
    distance = np.abs(new / sizes[0] - old / sizes[1]).sum() / 2
    return float(max(0.0, distance - noise))


def _pooled(new: Counts, old: Counts) -> tuple[Counts, Counts]:
    smaller = min(new.sum(), old.sum())
    rare = (new + old) / (new.sum() + old.sum()) * smaller < EXPECTED_COUNT
    return np.append(new[~rare], new[rare].sum()), np.append(old[~rare], old[rare].sum())


def _chi_square(new: Counts, old: Counts) -> float:
    held = (new + old) > 0
    new, old = new[held], old[held]
    if len(new) < 2:  # noqa: PLR2004 - one category cannot differ
        return 1.0
    total = new + old
    expected = total * (new.sum() / total.sum())
    other = total - expected
    statistic = ((new - expected) ** 2 / expected + (old - other) ** 2 / other).sum()
    return float(special.chdtrc(len(new) - 1, statistic))
