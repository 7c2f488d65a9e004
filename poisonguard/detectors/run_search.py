"""Stretches of rows in which far more labels are wrong than elsewhere: where they are, and how far they stand out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.source_tables import parts
from poisonguard.detectors.statistics_tests import Floats

WRONG_THERE = 0.8
"""Share of flipped labels that models contradict; they err in the others."""

MOST_RUNS = 10
LEAST_STRETCHES = 6
"""Stretches of its length that must be there besides a run to compare it with."""

FEW_STRETCHES = 8.0
"""With few of them their scatter is poorly known: it is widened by a factor 1 + FEW_STRETCHES / stretches."""

MOSTLY_HERE = 0.4
"""Share of a label's rows, in the run and those before it, above which too few are left to compare with."""

CLUMPED = 0.05
CLUMPED_ERRORS = 6.0
"""Labels are ordered when neighbours share theirs so much more often than chance makes them, and so significantly."""

ALIKE = 2
"""Blocks of one label that are up to so many times as long as a run are of its kind."""

BARRED = -1e9

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled rows in their order, shapes (rows,).

    Attributes:
        label: Code of each label.
        wrong: Whether the row contradicts it.
        labels: How many labels there are.
    """

    label: Codes
    wrong: Mask
    labels: int


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of rows.

    Attributes:
        start: Its first row.
        stop: The row after its last.
        wrong: Rows of it that contradict their label.
        expected: Share of them that would be expected.
        distance: How far its contradictions stand out from other stretches as long, in standard deviations.
        decisions: Labels that were given in it one by one: rows; or, where labels come in blocks of one label and
            blocks hardly longer than the run are common elsewhere, its blocks.
    """

    start: int
    stop: int
    wrong: int
    expected: float
    distance: float
    decisions: int

    @property
    def rate(self) -> float:
        """Share of its rows that contradict their label."""
        return self.wrong / (self.stop - self.start)


def runs(rows: Labelled, chance: float) -> Iterator[Run]:
    """Stretches that chance makes with less than ``chance``, were rows independent, the likeliest first."""
    if not len(rows.label):
        return
    free = np.ones(len(rows.label), dtype=np.bool_)
    usual = expected_shares(rows, by_label=False)
    evidence, start, stop = _likeliest(rows, usual, free)
    if _is_ordered(np.delete(rows.label, np.s_[start:stop]), rows.labels):
        usual = expected_shares(rows, by_label=True)
        evidence, start, stop = _likeliest(rows, usual, free)
    for _ in range(MOST_RUNS):
        if evidence < np.log(len(rows.label) / chance):
            return
        free[start:stop] = False
        yield _run(rows, usual, free, (start, stop))
        evidence, start, stop = _likeliest(rows, usual, free)


def expected_shares(rows: Labelled, *, by_label: bool) -> Floats:
    """Share of the rows of each label that contradict it; of all rows, unless ``by_label``; shape (labels,)."""
    total = np.bincount(rows.label, minlength=rows.labels) + 1.0
    wrong = np.bincount(rows.label[rows.wrong], minlength=rows.labels) + 0.5
    share = wrong / total if by_label else np.full(rows.labels, wrong.sum() / total.sum())
    return np.asarray(share, dtype=np.float64)


def _likeliest(rows: Labelled, usual: Floats, free: Mask) -> tuple[float, int, int]:
    """Logarithm of the likelihood ratio of the best stretch of free rows, its first row, and the row after its last."""
    # Where labels contradict as often everywhere, they say nothing.
    there = np.maximum(WRONG_THERE, usual)
    weights = np.log(np.stack([(1 - there) / (1 - usual), there / usual]))
    best, total, low, low_at = (0.0, 0, 0), 0.0, 0.0, 0
    for part in parts(len(rows.label)):
        gains = np.where(free[part], weights[rows.wrong[part].astype(np.int8), rows.label[part]], BARRED)
        sums = np.append(total, total + np.cumsum(gains))
        lows = np.minimum.accumulate(np.minimum(sums, low))
        stop = int(np.argmax(sums - lows))
        if sums[stop] - lows[stop] > best[0]:
            held = np.flatnonzero(sums[: stop + 1] == lows[stop])
            start = part.start + int(held[-1]) if len(held) else low_at
            best = (float(sums[stop] - lows[stop]), start, part.start + stop)
        if lows[-1] < low:
            low, low_at = float(lows[-1]), part.start + int(np.argmin(sums))
        total = float(sums[-1])
    return best


def _run(rows: Labelled, usual: Floats, free: Mask, place: tuple[int, int]) -> Run:
    here = rows.label[place[0] : place[1]]
    # A label that is hardly found elsewhere may be hard to learn: its rows are compared with each other.
    runs_hold, all_hold = (np.bincount(of, minlength=rows.labels) for of in (rows.label[~free], rows.label))
    held = runs_hold / np.maximum(1, all_hold)
    usual = np.where(held > MOSTLY_HERE, np.maximum(usual, expected_shares(rows, by_label=True)), usual)
    wrong, expected = int(rows.wrong[place[0] : place[1]].sum()), float(usual[here].mean())
    return Run(*place, wrong, expected, _distance(rows, usual, free, place), _decisions(rows, free, place))


def _decisions(rows: Labelled, free: Mask, place: tuple[int, int]) -> int:
    """Rows of a stretch; its blocks of one label where such short ones are common among the ``free`` rows."""
    others = rows.label[free]
    if not _is_ordered(others, rows.labels):
        return place[1] - place[0]
    blocks = np.diff(np.flatnonzero(np.diff(others, prepend=-1, append=-1)))
    common = int((blocks <= ALIKE * (place[1] - place[0])).sum()) >= LEAST_STRETCHES
    return 1 + int((np.diff(rows.label[slice(*place)]) != 0).sum()) if common else place[1] - place[0]


def _distance(rows: Labelled, usual: Floats, free: Mask, place: tuple[int, int]) -> float:
    """Excess of a stretch against those of others of its length, beside each other; 0 where there are too few."""
    length = place[1] - place[0]
    excess = rows.wrong - usual[rows.label]
    others = excess[free]
    count = len(others) // length
    if count < LEAST_STRETCHES:
        return 0.0
    sums = others[: count * length].reshape(count, length).sum(axis=1)
    middle = float(np.median(sums))
    scatter = float(np.sqrt(np.mean((sums - middle) ** 2))) * (1 + FEW_STRETCHES / count)
    expected = usual[rows.label[place[0] : place[1]]]
    chance = float(np.sqrt((expected * (1 - expected)).sum()))
    return (float(excess[place[0] : place[1]].sum()) - middle) / max(scatter, chance)


def _is_ordered(label: Codes, labels: int) -> bool:
    """Whether neighbours share their label much more often than they would in random order."""
    if len(label) < 2:  # noqa: PLR2004 - no neighbours
        return False
    share = np.bincount(label, minlength=labels) / len(label)
    alike, expected = float((label[1:] == label[:-1]).mean()), float((share**2).sum())
    error = np.sqrt(expected * (1 - expected) / len(label))
    return bool(alike - expected > max(CLUMPED * (1 - expected), CLUMPED_ERRORS * error))
