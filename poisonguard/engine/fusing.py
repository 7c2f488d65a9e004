"""One score per row, from what every check says of it (docs/adr/0027).

1. *Accused* rows, which findings of poisoning or of forbidden files and items name, come first, in the order of
   ``accusing``: those that some check shows soonest, and sooner what several accuse.
2. Every *other* row has a place in the order of each check, too: the share of the rows **that nothing accuses** which
   one must look at to see it. Divided by the weight of the check, the least counts (Genovese, Roeder & Wasserman,
   "False discovery control with p-value weighting", 2006). A check that accuses weighs 1: poison seldom ends at its
   threshold. One that names rows without accusing them weighs as much as it is confident, such as of values far out;
   one that names none as much as its test of the whole dataset went towards an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.engine.accusing import Accusations, Group, parts
from poisonguard.engine.tails import RowSet, Tail
from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Scores

ACCUSED_FROM = 0.5
"""Score of accused rows, at least: every other row stays below."""

UNFIRED_WEIGHT = 0.45
"""Highest score of a row that nothing accuses: below every flag threshold, and still an order."""

SILENT = 0.02
"""Least weight of a check that names no row: two in a hundred of the rows looked at are its own."""

BESIDE = 0.3
"""What the order of a check that accuses nobody counts for less where another accuses; rows that it names do not."""

TIES = 1e-4
"""What its place in the order of the others counts for among rows accused alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """What is known of all rows before any of them is scored.

    Attributes:
        accusations: Rows that are accused, and where.
        scores: Score of every row by every scorer.
        tails: The order in which each scorer puts the rows that nothing accuses.
        weights: What the order of each check counts for.
        named: Rows that findings name without accusing them, and their weighted place.
    """

    accusations: Accusations
    scores: Mapping[str, npt.NDArray[np.float32]]
    tails: Mapping[str, Tail]
    weights: Mapping[str, float]
    named: Sequence[tuple[Group, float]]

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - what the score book holds
        cls,
        total: int,
        scores: Mapping[str, npt.NDArray[np.float32]],
        thresholds: Mapping[str, float],
        accusers: frozenset[str],
        groups: Sequence[Group],
        evidence: Mapping[str, float],
    ) -> Fusion:
        """Count the scores of all rows; ``accusers`` are the scorers whose findings accuse."""
        accusing = {card: scores[card] for card in accusers}
        accusations = Accusations.of(total, accusing, thresholds, groups)
        accused = accusations.accused()
        tails = {card: Tail.of(column, accused) for card, column in scores.items()}
        weights = _weights(scores, accusers, groups, evidence, BESIDE if accusations.by_check else 1.0)
        others = [group for group in groups if not group.accuses]
        counts = _left(others, accused, total)
        rest = max(1, total - (accused.count if accused else 0))
        named = [(group, count / rest / max(SILENT, group.score)) for group, count in zip(others, counts, strict=True)]
        return cls(accusations, scores, tails, weights, named)

    def ranked(self, start: int, stop: int) -> Scores:
        """Scores of rows ``start`` to ``stop``, shape (stop - start,), each in [0, 1)."""
        accused, weight = self.accusations.of_rows(start, stop)
        order = np.maximum(-np.log10(self._least(start, stop) * SILENT * BESIDE), 0.0)
        found = weight + TIES * order
        return np.where(accused, ACCUSED_FROM + ACCUSED_FROM * _bounded(found), UNFIRED_WEIGHT * _bounded(order))

    def _least(self, start: int, stop: int) -> Scores:
        """The least weighted share of rows that one must look at to see each row; infinite where none names it."""
        least = np.full(stop - start, np.inf)
        for card, tail in self.tails.items():
            values = self.scores[card][start:stop]
            np.minimum(least, tail.share(values) / self.weights[card], out=least)
            let_go(values)
        for group, place in self.named:
            inside = group.between(start, stop)
            least[inside] = np.minimum(least[inside], place)
        return least


def _weights(
    scores: Mapping[str, npt.NDArray[np.float32]],
    accusers: frozenset[str],
    groups: Sequence[Group],
    evidence: Mapping[str, float],
    beside: float,
) -> dict[str, float]:
    """What the order of each check counts for."""
    weights = {card: beside * max(SILENT, evidence.get(card, SILENT)) for card in scores}
    for group in groups:
        if group.check in scores and not group.accuses:
            weights[group.check] = max(weights[group.check], beside * group.score)
    return weights | dict.fromkeys(accusers, 1.0)


def _left(groups: Sequence[Group], accused: RowSet | None, total: int) -> list[int]:
    """How many rows of each group nothing accuses; one at least."""
    counts = [group.count for group in groups]
    if accused is not None:
        for number, (start, stop) in enumerate(parts(total)):
            mask = accused.part(number, stop - start)
            for place, group in enumerate(groups):
                counts[place] -= int(mask[group.between(start, stop)].sum())
    return [max(1, count) for count in counts]


def _bounded(values: Scores) -> Scores:
    """Numbers from 0 up as numbers in [0, 1), in the same order."""
    return values / (1.0 + values)
