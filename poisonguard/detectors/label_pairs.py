"""Whether rows that look like one label carry another at random: the mark of labels changed from one to the other.

Where many rows of one label were relabelled, models learn it: the other label becomes the second best for all of them,
and nothing is *foreign* any more (``label_plateau``). But the models cannot say which of the rows carry it. Honest
mistakes are likelier where the rows lie between two labels, and there models give the other label more.

So of all rows that look like one label and carry it or one other, it is asked how well the models' doubt tells those
that carry the other: the area under the ROC curve, 0.5 where it does not at all (Hanley & McNeil, "The meaning and use
of the area under a ROC curve", 1982). The other label must be one that the models know: most of its rows look like it.

Measured on 17 clean tables (2026-11): the least area of such a pair was 0.64, and 0.61 in one with near copies; where
labels had been changed to one other, 0.50 on a table and 0.52 on texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from poisonguard.detectors.chances import ranks
from poisonguard.detectors.contradiction import Floats
from poisonguard.detectors.fold_ensemble import Mask, Probabilities
from poisonguard.detectors.labels import Codes

HIGHEST_AREA = 0.6
"""Upper bound of the area from which on the models may know which rows carry the other label."""

ERRORS = 2.33
"""Standard errors to that bound: one-sided 1 %."""

FEWEST = 30
LEAST_SHARE = 0.02
"""Share of the rows that look like one label and must carry the other."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Two labels of which one is given to rows of the other at random.

    Attributes:
        looks: Code of the label that the rows look like.
        given: Code of the label that some of them carry.
        rows: Rows that look like the one and carry either.
        carried: Those that carry the other.
        area: How well the models' doubt tells them.
        bound: Its upper bound.
    """

    looks: int
    given: int
    rows: int
    carried: int
    area: float
    bound: float


def mixed_labels(probabilities: Probabilities, codes: Codes) -> Mixed | None:
    """The pair of labels that the models' doubt tells least; nothing if it tells all. Every row has a label."""
    found = [item for item in _pairs(probabilities, codes) if item.bound <= HIGHEST_AREA]
    return min(found, key=lambda item: (item.bound, item.looks, item.given), default=None)


def _pairs(probabilities: Probabilities, codes: Codes) -> Iterator[Mixed]:
    looks, size = probabilities.argmax(axis=1), probabilities.shape[1]
    counts = np.bincount(looks * size + codes, minlength=size**2).reshape(size, size)
    for one, other in permutations(range(size), 2):
        carried, rest, known = int(counts[one, other]), int(counts[one, one]), int(counts[other, other])
        if min(carried, rest) < FEWEST or carried < LEAST_SHARE * (carried + rest) or known < carried:
            continue
        rows = np.flatnonzero((looks == one) & ((codes == one) | (codes == other)))
        doubt = probabilities[rows, other] / (probabilities[rows, one] + probabilities[rows, other])
        area, error = _area(doubt, np.asarray(codes[rows] == other))
        yield Mixed(one, other, len(rows), carried, area, area + ERRORS * error)


def _area(values: Floats, positive: Mask) -> tuple[float, float]:
    """Area under the ROC curve, and its standard error where there is nothing to tell."""
    ones = int(positive.sum())
    zeros = len(positive) - ones
    above = float(ranks(values)[positive].sum()) - ones * (ones + 1) / 2
    return above / (ones * zeros), float(np.sqrt((len(positive) + 1) / (12 * ones * zeros)))
