"""What is said of a suspect source, and which of its rows are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.chances import ranks
from poisonguard.detectors.contradiction import contradicts
from poisonguard.detectors.source_suspects import ALL_LABELS, Suspect, names
from poisonguard.detectors.source_tables import Mask, Rows, RowScores, Tallies, parts
from poisonguard.detectors.statistics_tests import Floats
from poisonguard.kernels.mapped import let_go
from poisonguard.sketches.pairs import PairTable

MOST_NAMED = 100_000
GUILTY = 0.75
"""Share of the rows named that shall be in excess of what the other sources hold."""

CLEARLY = 2.33
"""Standard errors by which its contradictions must be surer than those of the others: one-sided 1 %."""

FEWEST = 8
"""Contradictions here and there from which they can be compared."""

SPEAKS = 0.5
"""Share of the excess that must contradict its label before only such rows are named."""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Accusation:
    """A suspect in words.

    Attributes:
        suspect: The source.
        table: Names of sources and labels.
        column: The label column.
        reference: Name of the reference that holds the source's past; empty when peers were the measure.
    """

    suspect: Suspect
    table: PairTable
    column: str
    reference: str

    def fields(self, rows: Indices) -> dict[str, Any]:
        """Fields of the finding that names ``rows``."""
        source, _ = names(self.table, self.suspect)
        return {
            "subject": f"source={source}",
            "message": self._message(len(rows)),
            "confidence": 1.0 - self.suspect.p,
            "compared_with": self.reference or "the other sources",
            "column": self.column,
            "rows": rows[:MOST_NAMED].tolist(),
            "row_count": len(rows),
            "numbers": self._numbers(),
        }

    def _message(self, named: int) -> str:
        item, (source, label) = self.suspect, names(self.table, self.suspect)
        against = self.reference or "the other sources"
        if item.label == ALL_LABELS:
            return (
                f"{item.hits:,} of {item.rows:,} rows from source {source!r} ({item.rate:.1%}) contradict their label, "
                f"where {item.expected:.1%} would be expected from {against}; {named:,} rows named."
            )
        if item.against:
            return (
                f"{item.hits:,} of {item.rows:,} rows from source {source!r} ({item.rate:.1%}) carry the label "
                f"{label!r} against what the rest of the row says, where {item.expected:.1%} would be expected from "
                f"{against}."
            )
        return (
            f"Source {source!r} gives {item.rate:.1%} of {item.rows:,} rows the label {label!r}, against "
            f"{item.expected:.1%} in {against}: about {item.excess:.0f} rows too many."
        )

    def _numbers(self) -> dict[str, float | int | str]:
        item = self.suspect
        return {
            "rate": round(item.rate, 6),
            "expected_rate": round(item.expected, 6),
            "rows": item.rows,
            "excess_rows": round(item.excess, 1),
            "adjusted_p": item.p,
        }


def rows_named(item: Suspect, rows: Rows, scores: RowScores | None, both: tuple[Tallies, Tallies] | None) -> Indices:
    """Its new rows that are under suspicion, ascending."""
    mine = (rows.source == item.source) & rows.new & (rows.label >= 0)
    if item.label != ALL_LABELS:
        mine &= rows.label == item.label
    found = np.flatnonzero(mine).astype(np.int64)
    if scores is None or both is None:
        return found
    mine_scores = scores[found].astype(np.float64)
    if item.label == ALL_LABELS:
        return found[mine_scores >= _cut(item, mine_scores, _others(mine, rows, scores))]
    against = contradicts(mine_scores)
    return found[against] if against.sum() >= SPEAKS * item.excess else found


def is_surer(item: Suspect, rows: Rows, scores: RowScores) -> bool:
    """Whether models contradict the source's labels more surely than they contradict those of others.

    A wrong label stands against everything in its row. An honest kind of rows that only this source has is misread, but
    with the doubt of other mistakes (Mann & Whitney, "On a test of whether one of two random variables is
    stochastically larger than the other", 1947).
    """
    mine = (rows.source == item.source) & rows.new & (rows.label >= 0)
    found = scores[mine & (rows.label == item.label)].astype(np.float64)
    own, theirs = found[contradicts(found)], _others(mine, rows, scores)
    if min(len(own), len(theirs)) < FEWEST:
        return True
    above = float(ranks(np.concatenate([own, theirs]))[: len(own)].sum()) - len(own) * (len(own) + 1) / 2
    error = np.sqrt((len(own) + len(theirs) + 1) / (12 * len(own) * len(theirs)))
    return bool(above / (len(own) * len(theirs)) - 0.5 >= CLEARLY * error)


def _cut(item: Suspect, mine: Floats, others: Floats) -> float:
    """The lowest score above which most of the source's rows are more than the other sources hold there."""
    wrong, usual = np.sort(mine[contradicts(mine)]), np.sort(others)
    above = len(wrong) - np.arange(len(wrong))
    # As many as the others hold, where those contradict as often as was expected of this source.
    natural = item.expected * item.rows * (len(usual) - np.searchsorted(usual, wrong)) / max(1, len(usual))
    good = above - natural >= GUILTY * above
    return float(wrong[int(np.argmax(good))]) if good.any() else float(wrong[-1])


def _others(mine: Mask, rows: Rows, scores: RowScores) -> Floats:
    """Scores of the other sources' rows that contradict their labels."""
    found = [np.zeros(0, np.float32)]
    for part in parts(len(scores)):
        values = scores[part]
        found.append(values[~mine[part] & rows.new[part] & contradicts(values)])
        let_go(values)
    return np.concatenate(found).astype(np.float64)
