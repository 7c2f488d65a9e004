"""Which ways of a column are worth telling of: those that walk little by little, and those that leap.

Rules:

1. *A walk* goes back to the earliest version from which the column has come as far as the minimum, though no step on
   the way did. Who was warned and approved the version knew of it, and a step that reached the minimum was told:
   versions before those are not gone back to.
2. What wavers does not walk. Honest versions differ by more than their rows' chance, so versions are what is counted:
   the column must have come farther than ``FARTHER`` times its largest step, and the nearer a version, the less far it
   must be, more orderly than versions in any order are in ``ORDERLY`` of cases (Kendall 1938). That takes five.
3. *A leap*, from ``LEAST_VERSIONS`` approved versions on, is a step from the reference that is under the minimum, but
   farther than ``FARTHER`` times any before, and than their median and ``MADS`` times their median absolute deviation.
4. Chance is ruled out by p-values adjusted over every comparison with the candidate.
5. A step from the reference that reaches the minimum is told by the comparison with the reference, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.statistics_tests import Test, adjusted
from poisonguard.detectors.version_steps import Way

LEAST_VERSIONS = 5
"""Approved versions from which on their steps say what is usual."""
MADS = 6.0
FLOOR = 0.01
"""Steps up to here are usual, however small the others were."""
FARTHER = 1.5
ORDERLY = 0.01


@dataclass(frozen=True, slots=True)
class Told:
    """A way that is worth telling of.

    Attributes:
        way: The way.
        place: The version that the candidate is compared with.
        test: How far it has come since.
        q: Adjusted p-value.
        minimum: What would be far, at once.
        steps: Sizes of the steps that it is laid beside: of a walk its own, of a leap those before.
        usual: Of a leap, the largest step that would have been usual; nothing of a walk.
    """

    way: Way
    place: int
    test: Test
    q: float
    minimum: float
    steps: tuple[float, ...]
    usual: float | None = None

    @property
    def gravity(self) -> tuple[bool, float]:
        """A walk before a leap, then the farther."""
        return self.usual is None, abs(self.test.effect) / self.minimum


@dataclass(frozen=True, slots=True)
class Limits:
    """What is far, and what is chance.

    Attributes:
        fdr: False discovery rate.
        minima: By name of the test, the effect that is far.
        is_broken: Whether the first step is over versions that were not looked at.
    """

    fdr: float
    minima: Mapping[str, float]
    is_broken: bool

    def is_far(self, way: Way, test: Test | None) -> bool:
        """Whether a step was as large as the minimum; that one of so many is by chance must be as rare as one alone."""
        chance = self.fdr / len(way.steps)
        return test is not None and abs(test.effect) >= self.minima[way.test] and test.p <= chance


def worth_telling(found: Sequence[Way], limits: Limits) -> Iterator[Told]:
    """The gravest of each column."""
    best: dict[str, Told] = {}
    for told in _told(found, limits):
        held = best.get(told.way.column)
        if held is None or told.gravity > held.gravity:
            best[told.way.column] = told
    yield from best.values()


def _told(found: Sequence[Way], limits: Limits) -> Iterator[Told]:
    levels = iter(adjusted(np.array([test.p for way in found for test in way.since if test is not None])).tolist())
    far = {way.column for way in found if limits.is_far(way, way.since[-1])}
    for way in found:
        own = [1.0 if test is None else next(levels) for test in way.since]
        if way.column not in far:
            told = _walk(way, own, limits) or _leap(way, own, limits)
            if told is not None:
                yield told


def _walk(way: Way, levels: Sequence[float], limits: Limits) -> Told | None:
    minimum = limits.minima[way.test]
    for place in range(_known_from(way, limits), len(way.since) - 1):
        test, steps = way.since[place], _sizes([*way.steps[place + 1 :], way.since[-1]])
        own = steps[1:] if limits.is_broken and place == 0 else steps
        if test is None or abs(test.effect) < minimum or levels[place] > limits.fdr:
            continue
        if abs(test.effect) > FARTHER * max(own) and by_chance_as_orderly(_sizes(way.since[place:])) <= ORDERLY:
            return Told(way, place, test, levels[place], minimum, own)
    return None


def _known_from(way: Way, limits: Limits) -> int:
    """The latest version that announced itself, or before which nothing can be compared."""
    steps = enumerate(way.steps)
    return max((place for place, step in steps if step is None or way.told[place] or limits.is_far(way, step)))


def _leap(way: Way, levels: Sequence[float], limits: Limits) -> Told | None:
    last, before = way.since[-1], _sizes(way.steps[2 if limits.is_broken else 1 :])
    if last is None or len(before) < LEAST_VERSIONS - 1 or levels[-1] > limits.fdr:
        return None
    middle = float(np.median(before))
    spread = float(np.median(np.abs(np.array(before) - middle)))
    usual = max(FLOOR, middle + MADS * spread, FARTHER * max(before))
    if abs(last.effect) <= usual:
        return None
    return Told(way, len(way.since) - 1, last, levels[-1], limits.minima[way.test], before, usual)


def by_chance_as_orderly(sizes: Sequence[float]) -> float:
    """Share of all orders of so many different numbers that decline in as many pairs as ``sizes`` do, or more."""
    rising = sum(later >= earlier for place, earlier in enumerate(sizes) for later in sizes[place + 1 :])
    orders = np.ones(1)  # by how many of their pairs rise
    for length in range(2, len(sizes) + 1):
        orders = np.convolve(orders, np.ones(length))
    return float(orders[: rising + 1].sum() / orders.sum())


def _sizes(steps: Sequence[Test | None]) -> tuple[float, ...]:
    return tuple(abs(step.effect) for step in steps if step is not None)
