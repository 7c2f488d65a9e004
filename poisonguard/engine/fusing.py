"""One score per row, from what every check says of it (docs/adr/0019).

1. *Accused* rows, which findings of poisoning or of forbidden files and items name, come first. A finding weighs minus
   log10 of the share of all rows that it names: what is soonest looked through is looked at first, and one large
   finding cannot use up the alert budget of all others. What other checks find in the same row adds to that. Within a
   finding, the rows are ordered by their own scores.
2. Every *other* row has a place in the order of each check: the share of the rows that one must look at to see it. That
   is its tail probability, whatever the scale of the check's scores. Divided by the weight of the check, the least
   counts (Genovese, Roeder & Wasserman, "False discovery control with p-value weighting", 2006). A check that names
   rows without accusing them weighs as much as it is confident, such as of values far out; one that names none as
   much as its test of the whole dataset went towards an alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Scores

Mask = npt.NDArray[np.bool_]

ACCUSED_FROM = 0.5
"""Score of accused rows, at least: every other row stays below."""

UNFIRED_WEIGHT = 0.45
"""Highest score of a row that nothing accuses: below every flag threshold, and still an order."""

SILENT = 0.02
"""Least weight of a check that names no row: two in a hundred of the rows looked at are its own."""

BESIDE = 0.3
"""What the weights of all others are multiplied by where something accuses."""

CORROBORATION = 0.2
"""Part of its weight by which every further finding adds to the weightiest one: checks that look at the same thing
agree in their mistakes, too."""

OWN, REST = 1e-2, 1e-4
"""What a row's own score, and its place in the order of the others, count for among rows accused alike."""

PART_ROWS = 65_536
EXACT_ROWS = 1_000_000
"""Up to so many rows every score is a level of its own; of more, scores that agree in 13 bits of 23 are one."""

ROUNDED = np.uint32(10)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The rows that one finding names.

    Attributes:
        check: Card of the finding.
        rows: Their numbers, ascending, shape (n,).
        count: How many the finding speaks of: more, if not all are named.
        score: Its confidence.
        accuses: Whether it puts them under suspicion.
        flags: Whether somebody should look at them.
    """

    check: str
    rows: npt.NDArray[np.int64]
    count: int
    score: float
    accuses: bool
    flags: bool

    def between(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Places of its rows in ``start`` to ``stop``."""
        return self.rows[np.searchsorted(self.rows, start) : np.searchsorted(self.rows, stop)] - start


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Share of all rows whose score is as high as a given one.

    Attributes:
        levels: Scores that occur, as ascending integers, shape (levels,).
        shares: Share of the rows at or above each, shape (levels,).
        shift: Bits of a score that are not looked at.
    """

    levels: npt.NDArray[np.uint32]
    shares: Scores
    shift: np.uint32

    @classmethod
    def of(cls, column: npt.NDArray[np.float32]) -> Tail:
        """Count the scores of all rows, of many a part at a time."""
        if len(column) <= EXACT_ROWS:
            shift = np.uint32(0)
            levels, counts = np.unique(_level(column, shift), return_counts=True)
        else:
            shift, all_counts = ROUNDED, np.zeros(int(_level(np.ones(1, np.float32), ROUNDED)[0]) + 1, np.int64)
            for start in range(0, len(column), PART_ROWS):
                part = column[start : start + PART_ROWS]
                all_counts += np.bincount(_level(part, shift), minlength=len(all_counts))
                let_go(part)
            levels = np.flatnonzero(all_counts).astype(np.uint32)
            counts = all_counts[levels]
        return cls(levels, counts[::-1].cumsum()[::-1] / max(1, len(column)), shift)

    def share(self, values: npt.NDArray[np.float32]) -> Scores:
        """Share of the rows that stand before or beside each value, shape (values,); all and more for 0."""
        place = np.searchsorted(self.levels, _level(values, self.shift))
        return np.asarray(np.where(values > 0, self.shares[np.minimum(place, len(self.shares) - 1)], np.inf))


def _level(values: npt.NDArray[np.float32], shift: np.uint32) -> npt.NDArray[np.uint32]:
    """Scores as integers of the same order: the bits of a positive float are one."""
    return np.ascontiguousarray(np.abs(values)).view(np.uint32) >> shift


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """What is known of all rows before any of them is scored.

    Attributes:
        total: Rows.
        scores: Score of every row by every scorer.
        thresholds: Score from which on a scorer names a row.
        accusers: Scorers whose findings accuse.
        groups: Rows that findings name.
        tails: The order of each scorer.
        weights: What the order of each check counts for.
    """

    total: int
    scores: Mapping[str, npt.NDArray[np.float32]]
    thresholds: Mapping[str, float]
    accusers: frozenset[str]
    groups: Sequence[Group]
    tails: Mapping[str, Tail]
    weights: Mapping[str, float]

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
        """Count the scores of all rows."""
        tails = {card: Tail.of(column) for card, column in scores.items()}
        beside = BESIDE if accusers or any(group.accuses for group in groups) else 1.0
        weights = {card: evidence.get(card, SILENT) for card in scores}
        for group in groups:
            if not group.accuses:
                weights[group.check] = max(weights.get(group.check, SILENT), group.score)
        weights = {card: beside * max(SILENT, weight) for card, weight in weights.items()}
        return cls(total, scores, thresholds, accusers, groups, tails, weights | dict.fromkeys(accusers, 1.0))

    def ranked(self, start: int, stop: int) -> Scores:
        """Scores of rows ``start`` to ``stop``, shape (stop - start,), each in [0, 1)."""
        accused, evidence = self._accused(start, stop)
        order = np.maximum(-np.log10(self._least(start, stop) * SILENT * BESIDE), 0.0)
        found = evidence + REST * order
        return np.where(accused, ACCUSED_FROM + ACCUSED_FROM * _bounded(found), UNFIRED_WEIGHT * _bounded(order))

    def _accused(self, start: int, stop: int) -> tuple[Mask, Scores]:
        """Which rows are accused, and by how much, each shape (stop - start,)."""
        rows = stop - start
        accused, total, most, scores = np.zeros(rows, np.bool_), np.zeros(rows), np.zeros(rows), np.zeros(rows)
        for evidence, own in self._charges(start, stop):
            charged = evidence >= 0
            accused |= charged
            total[charged] += evidence[charged]
            most[charged] = np.maximum(most, evidence)[charged]
            scores[charged] = np.maximum(scores, own)[charged]
        return accused, most + CORROBORATION * (total - most) + OWN * scores

    def _charges(self, start: int, stop: int) -> Iterator[tuple[Scores, Scores]]:
        """(evidence against each row, or -1 where there is none; the row's own score) by each check that accuses."""
        for card in sorted(self.accusers | {group.check for group in self.groups if group.accuses}):
            evidence, own = np.full(stop - start, -1.0), np.zeros(stop - start)
            if card in self.accusers:
                values = self.scores[card][start:stop]
                threshold = np.float32(self.thresholds[card])
                evidence[values >= threshold] = self._weight(self.tails[card].share(np.array([threshold]))[0])
                own[:] = values
                let_go(values)
            for group in self.groups:
                if group.check == card and group.accuses:
                    inside = group.between(start, stop)
                    evidence[inside] = np.maximum(evidence[inside], self._weight(group.count / self.total))
                    if card not in self.accusers:
                        own[inside] = np.maximum(own[inside], group.score)
            yield evidence, own

    def _weight(self, share: float) -> float:
        return float(-np.log10(np.clip(share, 1 / max(1, self.total), 1.0)))

    def _least(self, start: int, stop: int) -> Scores:
        """The least weighted share of rows that one must look at to see each row; infinite where none names it."""
        least = np.full(stop - start, np.inf)
        for card, tail in self.tails.items():
            values = self.scores[card][start:stop]
            np.minimum(least, tail.share(values) / self.weights[card], out=least)
            let_go(values)
        for group in self.groups:
            if not group.accuses and group.check not in self.scores:
                inside = group.between(start, stop)
                least[inside] = np.minimum(least[inside], group.count / self.total / self.weights[group.check])
        return least


def _bounded(values: Scores) -> Scores:
    """Numbers from 0 up as numbers in [0, 1), in the same order."""
    return values / (1.0 + values)
