"""Which phrases stand out: they are not natural, strong enough, and no part of a crowd of equals.

What is natural is found in two ways. The rest of the rows tells which of them hold the phrase; or the label is a matter
of form, and other rows of the same form teach it. A label that is a matter of form has many forms: a phrase must tower
over those that were found natural, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.association import Association, Group, spokesman
from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.phrase_context import Pool
from poisonguard.detectors.study import Study

STANDS_OUT = 2.0
"""Times the evidence of the phrase at ``CROWD_RANK``: where a crowd of phrases looks alike, nobody planted it."""

CROWD_RANK = 6

SHARED = 0.2
"""Share of the rows of the rarer of two phrases that both hold, from which one says nothing about the other."""

MOST_ASKED = 12
"""Groups of phrases, the strongest, of which other rows are asked whether they know the label: bounds the time."""


@dataclass(frozen=True, slots=True)
class Judges:
    """What a check asks of phrases.

    Attributes:
        strength: How strong a phrase is, in orders of magnitude.
        told: Whether the rest of the rows tells which of them hold the phrases of a group.
        taught: What rows that do not stand apart teach about the label of theirs: its mean probability.
        formal: Whether that makes a phrase a form of its label.
    """

    strength: Callable[[Association], float]
    told: Callable[[Group], bool]
    taught: Callable[[Group, Integers], float]
    formal: Callable[[Association, float], bool]


class Pools:
    """The sampled rows that phrases might have stood in: the new ones, of any label or of one."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._pools: dict[int | None, Pool] = {}

    def told(self, item: Association, label: int | None = None) -> bool:
        """Whether the rest of the rows tells which of them hold the phrase."""
        if label not in self._pools:
            given = self._study.labelling
            rows = np.flatnonzero(given.among if label is None else given.among & (given.codes == label))
            self._pools[label] = Pool.of(self._study.matrix.weights, rows)
        return self._pools[label].tells(item)

    def taught(self, group: Group, apart: Integers) -> float:
        """Mean probability of the label that all rows but those ``apart`` give the rows of a group, phrases left in."""
        return self._study.surface.taught(group[0].rows, apart, self._study.labelling.codes == group[0].label)


def outstanding(groups: list[Group], judges: Judges, minimum: float) -> list[Association]:
    """One phrase per group of rows that is not natural, reaches ``minimum`` and towers over the crowd."""
    reached = [(max(map(judges.strength, group)), group) for group in groups]
    # Weaker ones cannot raise the bar.
    able = [(own, group) for own, group in reached if own * STANDS_OUT >= minimum and not judges.told(group)]
    informal, bars = _informal(able, judges)
    ranked = sorted((own for own, _ in informal), reverse=True)
    crowd = ranked[CROWD_RANK] if len(ranked) > CROWD_RANK else 0.0
    least = max(minimum, STANDS_OUT * crowd)
    return [spokesman(group) for own, group in informal if own >= max(least, bars.get(group[0].label, 0.0))]


def _informal(able: list[tuple[float, Group]], judges: Judges) -> tuple[list[tuple[float, Group]], dict[int, float]]:
    """(those that are no form of their label, the most that is left unexplained of any form of each label)."""
    asked = sorted(range(len(able)), key=lambda place: -able[place][0])[:MOST_ASKED]
    forms, bars = set[int](), dict[int, float]()
    for place in asked:
        first = able[place][1][0]
        taught = judges.taught(able[place][1], _apart(able[place][1], [group for _, group in able]))
        if judges.formal(first, taught):
            forms.add(place)
            bars[first.label] = max(first.against(max(taught, first.expected)), bars.get(first.label, 0.0))
    return [item for place, item in enumerate(able) if place not in forms], bars


def _apart(group: Group, groups: list[Group]) -> Integers:
    """The rows of a group and of those that share some with it: two triggers would teach each other."""
    own = group[0]
    near = [
        other[0].rows
        for other in groups
        if other[0].label == own.label
        and len(np.intersect1d(own.rows, other[0].rows)) >= SHARED * min(len(own.rows), len(other[0].rows))
    ]
    return np.unique(np.concatenate([spokesman(group).rows, *near]))
