"""Slow drift: a column that moves a little with every version, or farther than it ever did.

The comparison with the reference sees one step, and who walks in small steps walks the reference along. So a candidate
is compared with approved versions before the reference, too: the first of all and the latest (``workflow.past``). What
is worth telling of is decided in ``walks``. One finding per column: a walk is the card's level, a leap is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby

from pydantic import Field

from poisonguard.detectors.drift_columns import (
    EXCLUDED_KINDS,
    UNKNOWN_PAST,
    Compared,
    LeftOut,
    classify,
    counts_of,
    sketches_of,
)
from poisonguard.detectors.drift_versions import SAMPLE
from poisonguard.detectors.version_steps import ABSENT, CATEGORIES, NUMBERS, moved, ways
from poisonguard.detectors.walks import Limits, Told, worth_telling
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Roles
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch

AT_ONCE = "PG-DRIFT-001"
"""The card that compares with the reference alone."""


class SlowDriftParams(Params):
    """Parameters of the check.

    Attributes:
        fdr: False discovery rate over every comparison of every column.
        minimum_distance: Smallest KS or total variation distance from an earlier version worth a finding.
        minimum_absent: Smallest change in the share of absent values since an earlier version.
    """

    fdr: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_distance: float = Field(default=0.05, ge=0.01, le=1)
    minimum_absent: float = Field(default=0.01, ge=0.001, le=1)


class SlowDrift(Check[SlowDriftParams]):
    """Flags columns that move little by little, or unlike ever before."""

    detector = "slow-drift"
    params_model = SlowDriftParams

    _roles: Roles
    _looked_at: str = ""
    _is_blind: bool = True

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Profile and counts of each column, and the sample by which it is told how columns are compared."""
        if not context.has_reference:
            return NotApplicable("no reference to compare with")
        if not context.has_history:
            return NotApplicable("no approved version before the reference is known here")
        self._roles = context.roles
        columns = [column for column in context.columns if column.kind not in EXCLUDED_KINDS]
        of_each = ((*sketches_of(column.name), *counts_of(column)) for column in columns)
        return [SAMPLE, *dict.fromkeys(chain.from_iterable(of_each))]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding per column that walks or leaps."""
        if reference is None:
            return
        past = reference.history
        columns = self._columns(evidence, reference)
        found = ways(columns, evidence, chain(past, [reference]), (AT_ONCE, self.card.id))
        minima = dict.fromkeys((NUMBERS, CATEGORIES), self.params.minimum_distance)
        limits = Limits(self.params.fdr, minima | {ABSENT: self.params.minimum_absent}, past.is_broken)
        self._looked_at = f"compared with {count(len(past), 'approved version')} before it: {', '.join(past.names)}"
        told = sorted(worth_telling(found, limits), key=_place)
        for place, group in groupby(told, _place):
            then = past.read(place) if place < len(past) else reference
            for item in group:
                yield self._finding(item, evidence, then)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """Which versions were looked at; no rows if a column that should be compared could not be."""
        return 0 if self._is_blind else evidence.rows, self._looked_at

    def _columns(self, evidence: Evidence, reference: Evidence) -> list[Compared]:
        roles = ((column, self._roles.of(column.name)) for column in evidence.columns)
        classed = [classify(column, role, evidence, reference) for column, role in roles]
        self._is_blind = any(isinstance(item, LeftOut) and item.reason == UNKNOWN_PAST for item in classed)
        return [item for item in classed if isinstance(item, Compared)]

    def _finding(self, told: Told, evidence: Evidence, then: Evidence) -> Finding:
        column, effect, largest = told.way.column, abs(told.test.effect), max(told.steps)
        how_far = f"{moved(told.way, evidence, then)} ({told.way.test} {effect:.3f})"
        if told.usual is None:
            beside = f"none of the {len(told.steps)} steps looked at is larger than {largest:.3f}"
        else:
            beside = f"none of the {len(told.steps)} steps before was larger than {largest:.3f}"
        return self.finding(
            subject=f"column={column}",
            message=f"Column {column!r}: since {then.name} {how_far}; {beside}.",
            confidence=1.0 - told.q,
            level=self.card.level if told.usual is None else Level.NOTE,
            compared_with=then.name,
            column=column,
            numbers=_numbers(told) | {"rows": evidence.rows, "reference_rows": then.rows},
        )


def _place(told: Told) -> int:
    return told.place


def _numbers(told: Told) -> dict[str, float | int | str]:
    first = told.way.since[0]
    figures: dict[str, float | int | str] = {
        "test": told.way.test,
        "effect": round(told.test.effect, 6),
        "minimum_effect": told.minimum if told.usual is None else round(told.usual, 6),
        "p": told.test.p,
        "adjusted_p": told.q,
        "steps": len(told.steps),
        "largest_step": round(max(told.steps), 6),
    }
    return figures if first is None else figures | {"effect_since_first": round(first.effect, 6)}
