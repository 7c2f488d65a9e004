"""Which rows findings accuse, and how early each of them is looked at.

Every check that accuses puts the rows that it names in one order: those of its scorer by their scores, those that
findings name by themselves one finding after the other, the surest first. The *place* of a row is the share of all rows
that one must look at to see it in that order. Rows that a check cannot tell apart share the last of their places: a
finding whose rows are all alike is looked through as a whole, and cannot use up the alert budget before another check
has shown the rows it is surest of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.engine.tails import PART_ROWS, RowSet, Tail
from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Scores

CORROBORATION = 0.2
"""Part of its weight by which every further check adds to the weightiest one: checks that look at the same thing
agree in their mistakes, too."""


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
class Accusation:
    """The rows that one check accuses.

    Attributes:
        scores: Score of every row, if its scorer accuses, else nothing.
        threshold: Score from which on it does.
        tail: The order of all rows by it.
        groups: Rows that its findings name.
        places: Place of each group.
    """

    scores: npt.NDArray[np.float32]
    threshold: np.float32
    tail: Tail
    groups: Sequence[Group]
    places: Sequence[float]

    @classmethod
    def of(
        cls, total: int, scores: npt.NDArray[np.float32] | None, threshold: float, groups: Sequence[Group]
    ) -> Accusation:
        """Count the scores, and put the findings in order."""
        column = np.empty(0, np.float32) if scores is None else scores
        ordered = sorted(groups, key=lambda group: (-group.score, group.count, group.rows[:1].tolist()))
        places = np.minimum(np.cumsum([group.count for group in ordered]) / max(1, total), 1.0)
        return cls(column, np.float32(threshold), Tail.of(column), ordered, places.tolist())

    def of_rows(self, start: int, stop: int) -> Scores:
        """Place of each row, infinite where it is not accused, shape (stop - start,)."""
        found = np.full(stop - start, np.inf)
        for group, place in zip(self.groups, self.places, strict=True):
            inside = group.between(start, stop)
            found[inside] = np.minimum(found[inside], place)
        if len(self.scores):
            values = self.scores[start:stop]
            reached = np.flatnonzero(values >= self.threshold)
            found[reached] = np.minimum(found[reached], self.tail.share(values[reached]))
            let_go(values)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Accusations:
    """All of them.

    Attributes:
        total: Rows.
        by_check: Those of each check, in the order of their cards.
    """

    total: int
    by_check: Mapping[str, Accusation]

    @classmethod
    def of(
        cls,
        total: int,
        scores: Mapping[str, npt.NDArray[np.float32]],
        thresholds: Mapping[str, float],
        groups: Sequence[Group],
    ) -> Accusations:
        """From the scorers whose findings accuse, and the groups that do."""
        by_check = {
            card: Accusation.of(
                total,
                scores.get(card),
                thresholds.get(card, 0.0),
                [group for group in groups if group.check == card and group.accuses],
            )
            for card in sorted({*scores, *(group.check for group in groups if group.accuses)})
        }
        return cls(total, by_check)

    def of_rows(self, start: int, stop: int) -> tuple[npt.NDArray[np.bool_], Scores]:
        """Which rows are accused, and by how much, each shape (stop - start,)."""
        rows = stop - start
        accused, total, most = np.zeros(rows, np.bool_), np.zeros(rows), np.zeros(rows)
        for accusation in self.by_check.values():
            place = accusation.of_rows(start, stop)
            charged = np.isfinite(place)
            weight = -np.log10(np.clip(place[charged], 1 / max(1, self.total), 1.0))
            accused |= charged
            total[charged] += weight
            most[charged] = np.maximum(most[charged], weight)
        return accused, most + CORROBORATION * (total - most)

    def accused(self) -> RowSet | None:
        """The rows that are accused; nothing if none is."""
        if not self.by_check:
            return None
        found = RowSet()
        for start, stop in parts(self.total):
            found.append(self.of_rows(start, stop)[0])
        return found


def parts(total: int) -> Iterator[tuple[int, int]]:
    """First and last row, exclusive, of each part."""
    for start in range(0, total, PART_ROWS):
        yield start, min(start + PART_ROWS, total)
