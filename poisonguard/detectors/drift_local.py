"""Does a part of the new rows sit elsewhere? Mixture test for partial shifts, changed units, constant bursts.

A change that all rows share moves the whole distribution; a broken or tampered part of the rows leaves the
rest as it was and adds mass where the reference has little. So: find the run of bins, or the single value,
whose excess over the reference is the most surprising (a scan over all runs, Kulldorff 1997, paid for by
Bonferroni), and call it local only if the rest of the new rows still looks like the reference.
Then ask whether the part is the reference multiplied by a constant: a changed unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poisonguard.detectors.statistics_tests import Counts, Floats, Share, kolmogorov_smirnov, more_often

SCAN_LEVELS = np.unique(np.concatenate([np.linspace(0, 1, 49), [0.001, 0.002, 0.005, 0.995, 0.998, 0.999]]))
LEAST_ROWS = 8
"""Fewer rows than this are not told from chance without a label or a source (measured in the prototype)."""

MOSTLY_NEW = 0.75
"""Share of a part's rows that must be excess: its rows can then be named with at most 1 in 4 wrong."""

MINOR = 0.6
"""A larger part than this is the distribution, not a part of it."""

REST_DISTANCE = 0.08
"""KS distance of the rest from the reference up to which it still looks like it."""

KS_QUANTILE = 1.63
"""99 % quantile of the Kolmogorov distribution."""

FACTORS = (10.0, 100.0, 1000.0, 1e6, 60.0, 3600.0, 1024.0, 2.54, 2.2046, 1.609344, 3.28084, -1.0)
"""Changed units: decimal and binary prefixes, time, inch, pound, mile, foot, sign; and their inverses."""

_TRIED = (*FACTORS, *(1 / factor for factor in FACTORS))

SAME_FIT = 0.03
"""Factors whose images fit as well as this: the first listed is named (1000 before 1024)."""

UNIT_DISTANCE = 0.2
"""KS distance of the rescaled part from the reference up to which a factor explains it, or what few rows scatter."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the new rows that sits elsewhere.

    Attributes:
        low: Smallest value of the part's range.
        high: Largest value, included.
        rows: New rows in the range.
        share: Share of the new rows in the range.
        reference_share: Share of the reference's rows in the range.
        p: Chance of such an excess anywhere, all ranges tried paid for.
        factor: The constant that turns the reference into the part, if one does.
    """

    low: float
    high: float
    rows: int
    share: float
    reference_share: float
    p: float
    factor: float | None = None

    @property
    def excess(self) -> float:
        """Share of the new rows that the reference does not explain."""
        return self.share - self.reference_share

    @property
    def is_value(self) -> bool:
        """Whether the part is a single value."""
        return self.low == self.high


def parts_elsewhere(new: Floats, old: Floats, minimum_excess: float) -> dict[str, Part | None]:
    """By family of ranges tried, the part of ``new`` that sits where ``old`` hardly does, the rest unchanged.

    Families are tried apart, so that a few values far outside do not pay for the many ranges inside.

    Args:
        new: Values of the new rows, shape (new,).
        old: Values of the reference, shape (old,).
        minimum_excess: Smallest excess, as a share of the new rows, worth a finding.
    """
    if len(new) < LEAST_ROWS or not len(old):
        return {}
    found = {"one value": _value(new, old), **_ranges(new, old)}
    return {
        family: _with_factor(part, new, old) if part and _is_local(part, new, old, minimum_excess) else None
        for family, part in found.items()
    }


def whole_factor(new: Floats, old: Floats) -> float | None:
    """The constant that turns all of ``old`` into ``new``, if one does and nothing simpler."""
    return _factor(new, old, -np.inf, np.inf)


def _value(new: Floats, old: Floats) -> Part | None:
    values, place = np.unique(np.concatenate([new, old]), return_inverse=True)
    mine = np.bincount(place[: len(new)], minlength=len(values))
    theirs = np.bincount(place[len(new) :], minlength=len(values))
    # Only values seen often enough in both together can be significant at all; the others cost nothing (Tarone 1990).
    often = mine + theirs >= LEAST_ROWS
    if not often.any():
        return None
    values, mine, theirs = values[often], mine[often], theirs[often]
    best = int(np.argmax(_surprise(mine, len(new), theirs, len(old))))
    value = float(values[best])
    return _part((value, value), Share(int(mine[best]), len(new)), Share(int(theirs[best]), len(old)), len(values))


def _ranges(new: Floats, old: Floats) -> dict[str, Part]:
    """The most surprising range outside the reference, in one of its tails, and anywhere inside."""
    edges = np.unique(np.quantile(old, SCAN_LEVELS, method="inverted_cdf"))
    edges = np.append(edges, np.nextafter(edges[-1], np.inf))
    sums = [_cumulative(edges, values) for values in (new, old)]
    start, stop = np.triu_indices(len(edges) + 2, 1)
    last = len(edges) + 1
    outside = ((start == 0) & (stop == 1)) | ((start == last - 1) & (stop == last))
    tails = ((start == 0) ^ (stop == last)) & ~outside
    families = {"outside": outside, "a tail": tails, "a range": (start > 0) & (stop < last)}
    return {
        name: _best_range(edges, start[chosen], stop[chosen], sums) for name, chosen in families.items() if chosen.any()
    }


def _cumulative(edges: Floats, values: Floats) -> Counts:
    counts = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1)
    return np.append(0, np.cumsum(counts))


def _best_range(edges: Floats, start: Counts, stop: Counts, sums: list[Counts]) -> Part:
    mine, theirs = (total[stop] - total[start] for total in sums)
    sizes = int(sums[0][-1]), int(sums[1][-1])
    best = int(np.argmax(_surprise(mine, sizes[0], theirs, sizes[1])))
    low = -np.inf if start[best] == 0 else float(edges[start[best] - 1])
    high = np.inf if stop[best] == len(edges) + 1 else float(np.nextafter(edges[stop[best] - 1], -np.inf))
    return _part((low, high), Share(int(mine[best]), sizes[0]), Share(int(theirs[best]), sizes[1]), len(start))


def _part(span: tuple[float, float], new: Share, old: Share, tried: int) -> Part:
    p = min(1.0, more_often(new, old) * tried)
    return Part(*span, new.hits, new.rate, old.rate, p)


def _surprise(new: Counts, new_rows: int, old: Counts, old_rows: int) -> Floats:
    """Log-likelihood ratio of an excess; 0 where there is none."""
    expected = new_rows * (old + 0.5) / (old_rows + 1)
    rest, expected_rest = np.maximum(new_rows - new, 1e-9), np.maximum(new_rows - expected, 1e-9)
    ratio = new * np.log(np.maximum(new, 1e-9) / expected) + rest * np.log(rest / expected_rest)
    return np.where(new > expected, ratio, 0.0)


def _is_local(part: Part, new: Floats, old: Floats, minimum_excess: float) -> bool:
    if part.rows < LEAST_ROWS or part.excess < minimum_excess or part.excess < MOSTLY_NEW * part.share:
        return False
    if part.share > MINOR:
        return False
    rest, old_rest = _outside(new, part), _outside(old, part)
    noise = KS_QUANTILE * np.sqrt(1 / len(rest) + 1 / max(1, len(old_rest)))
    return kolmogorov_smirnov(rest, old_rest).effect <= max(REST_DISTANCE, float(noise))


def _outside(values: Floats, part: Part) -> Floats:
    return values[(values < part.low) | (values > part.high)]


def _with_factor(part: Part, new: Floats, old: Floats) -> Part:
    if part.is_value:
        return part
    inside = new[(new >= part.low) & (new <= part.high)]
    factor = _factor(inside, old, part.low, part.high)
    return replace(part, factor=factor)


def _factor(inside: Floats, old: Floats, low: float, high: float) -> float | None:
    """The factor whose image of the reference, seen through the window, is closest to ``inside``."""
    unchanged = kolmogorov_smirnov(inside, old).effect
    fits = {factor: _image_distance(inside, old * factor, low, high) for factor in _TRIED}
    close = min(fits.values())
    limit = min(max(UNIT_DISTANCE, KS_QUANTILE / np.sqrt(len(inside))), unchanged / 2)
    return next(factor for factor, fit in fits.items() if fit <= close + SAME_FIT) if close <= limit else None


def _image_distance(inside: Floats, image: Floats, low: float, high: float) -> float:
    seen = image[(image >= low) & (image <= high)]
    # A window that hardly any of the image falls into proves nothing.
    enough = len(inside) and len(seen) >= max(LEAST_ROWS, 0.05 * len(image))
    return kolmogorov_smirnov(inside, seen).effect if enough else np.inf
