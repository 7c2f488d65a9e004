"""Is there one run of pieces in which a series sits elsewhere? A scan over all runs of an exchangeable series.

1. Ranks become normal scores, so that one wild value weighs no more than any extreme one.
2. The run of the largest standardised sum, over lengths that grow by a quarter (Kulldorff 1997), then its edges: the
   stretch of the largest sum above half of the run's mean.
3. The rest must be exchangeable: rows in an order (by time, by class) hold many such runs, and none is said to be one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.chances import ranks as ranked

SHORTEST = 2
"""Pieces of a run, at least."""

LONGEST = 0.3
"""Share of the pieces that a run may take: more is another part of the data."""

GROWTH = 1.25
MARGIN = 0.1
"""Ordinary pieces on either side of a run, as a share of its length: a fault ends, a new order of things does not."""

ORDERED = 0.1
ORDERED_ERRORS = 4.0
"""Correlation of neighbours, and its standard errors, from which rows are taken to be in an order."""

SECOND = 0.6
"""A second run as strong as this share of the first one, and beyond chance: the series is full of runs."""

TINY = 1e-9
"""Scores that spread no more than this are all alike."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pieces ``start`` to ``stop`` of a series.

    Attributes:
        start: The first piece.
        stop: The one after the last.
        sigmas: Standardised sum of its scores.
        rank: Mean rank of its pieces among all, in [0, 1].
        orders: Orders of magnitude against so many pieces like the run's middle one coming together by chance.
    """

    start: int
    stop: int
    sigmas: float
    rank: float
    orders: float


def stretch_of(series: Floats, least: float) -> Stretch | None:
    """The one run in which ``series``, shape (pieces,), is higher than elsewhere; nothing when there is none.

    Args:
        series: Values in order; NaN says nothing.
        least: Standardised sum from which a run counts.
    """
    count = len(series)
    known = ~np.isnan(series)
    if count < 4 * SHORTEST or known.sum() < count / 2:
        return None
    ranks, scores = _ranked(series, known)
    best = _best(scores)
    if best is None or best.sigmas < least:
        return None
    start, stop = _edges(scores, best)
    margin = max(SHORTEST, MARGIN * (stop - start))
    if stop - start < SHORTEST or start < margin or count - stop < margin:
        return None
    outside = np.r_[:start, stop:count]
    rest = scores[outside]
    if _is_ordered(rest) or _is_full(ranks[outside], _best(rest), best.sigmas):
        return None
    return Stretch(start, stop, best.sigmas, float(ranks[start:stop].mean()), _orders(ranks, start, stop))


def _is_full(ranks: Floats, second: Stretch | None, sigmas: float) -> bool:
    """Whether the rest holds a run about as strong, and not only a few pieces of a rare kind beside each other."""
    if second is None or second.sigmas < SECOND * sigmas:
        return False
    return _orders(ranks, second.start, second.stop) > 0


def is_ordered(series: Floats) -> bool:
    """Whether neighbours of ``series``, shape (pieces,), resemble each other, as where rows are sorted."""
    known = ~np.isnan(series)
    return bool(known.sum() >= len(series) / 2) and _is_ordered(_ranked(series, known)[1])


def _ranked(series: Floats, known: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(Ranks in [0, 1], normal scores), in the middle for what is not known."""
    ranks = np.full(len(series), 0.5)
    if known.any():
        ranks[known] = (ranked(series[known]) - 0.5) / known.sum()
    return ranks, np.where(known, ndtri(ranks), 0.0)


def _best(scores: Floats) -> Stretch | None:
    """The run of the largest standardised sum."""
    spread = float(scores.std())
    if spread < TINY:
        return None
    total = np.append(0.0, np.cumsum(scores - scores.mean()))
    best: Stretch | None = None
    length = float(SHORTEST)
    while length <= max(SHORTEST, LONGEST * len(scores)):
        size = int(length)
        sums = (total[size:] - total[:-size]) / (np.sqrt(size) * spread)
        place = int(np.argmax(sums))
        if best is None or sums[place] > best.sigmas:
            best = Stretch(place, place + size, float(sums[place]), 0.0, 0.0)
        length = max(length + 1, length * GROWTH)
    return best


def _edges(scores: Floats, best: Stretch) -> tuple[int, int]:
    """The stretch of the largest sum above half of the run's mean, around the run."""
    reach = best.stop - best.start
    first, last = max(0, best.start - reach), min(len(scores), best.stop + reach)
    level = float(scores[best.start : best.stop].mean() + np.median(scores)) / 2
    total = np.append(0.0, np.cumsum(scores[first:last] - level))
    lowest = np.minimum.accumulate(total)
    stop = int(np.argmax(total - lowest))
    start = int(np.argmin(total[: stop + 1]))
    return first + start, first + stop


def _orders(ranks: Floats, start: int, stop: int) -> float:
    """Chernoff's bound, less all runs tried: few pieces of a common kind stand together by chance."""
    alike = ranks >= np.median(ranks[start:stop])
    size, rest = stop - start, len(ranks) - (stop - start)
    inside = float(alike[start:stop].mean())
    outside = (float(alike.sum()) - inside * size + 1) / (rest + 2)
    if inside <= outside:
        return 0.0
    missing = 0.0 if inside == 1 else (1 - inside) * np.log((1 - inside) / (1 - outside))
    bound = size * (inside * np.log(inside / outside) + missing)
    return float((bound - np.log(len(ranks) * LONGEST * len(ranks))) / np.log(10))


def _is_ordered(scores: Floats) -> bool:
    """Whether neighbours resemble each other."""
    if len(scores) < 4 or min(scores[1:].std(), scores[:-1].std()) < TINY:  # noqa: PLR2004 - nothing to correlate
        return False
    correlation = float(np.corrcoef(scores[1:], scores[:-1])[0, 1])
    return correlation > max(ORDERED, ORDERED_ERRORS / float(np.sqrt(len(scores))))
