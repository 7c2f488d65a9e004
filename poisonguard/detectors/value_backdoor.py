"""Values that together decide the label whatever the rest of the row says: the mark of a backdoor in a table.

1. Combinations are looked for in a sample of rows by hash, of the new rows where there is a reference; every row is
   then searched for the combinations found.
2. A combination must hold far more rows than its neighbourhood and the reference lead to expect, with one label more
   often than its values by themselves say (``value_cells``).
3. It is verified by knock-out: without its columns the rows must read like any row, or against the label
   (``value_knockout``). A genuine combination still reads like its class. Without a reference it must not hold most
   rows of its label: what does is the label's meaning, and too few others are left to tell what the label reads like.
4. With a reference, whose rows teach the judges, it is enough that the rest of the row does not explain the label,
   at twice the evidence. It must stand out from the crowd in either case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.approved_copies import strongest_copies
from poisonguard.detectors.cells import Cell, CellScorer, NamedCell
from poisonguard.detectors.features_tabular import TableEncoder, common_columns, feature_columns, without_others
from poisonguard.detectors.labels import Classes
from poisonguard.detectors.value_cells import Cells, Pattern
from poisonguard.detectors.value_codes import Mask, Value, coded
from poisonguard.detectors.value_knockout import Judge
from poisonguard.detectors.value_verdict import Verified, against, verify
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Check, Context, Evidence, MissingEvidence, NotApplicable, Params, RowScorer
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.sample import RowSample, sample_hashes, sample_rows

MAX_LABELS = 50
MAX_COLUMNS = 128
"""Columns that are combined, in schema order."""

EXAMINED = 10
"""Combinations that are verified, the most promising first."""

MAX_FINDINGS = 5
SAME_ROWS = 0.5
"""Share of a combination's rows that a stronger one holds, from which both are one."""

FEWEST_ROWS, MOST_ROWS = 0.0025, 0.06
"""Shares of the rows between which a trigger lies without a reference (published: 0.5 to 3 %).

What holds more is a rule of the data, and any table has a few rows like no others; copies are told at any number.
"""

MOST_OF_LABEL = 0.5
"""Share of the rows of a label from which a combination is what the label means."""

STANDS_OUT = 2.0
"""Times the promise of the combination at ``CROWD_RANK``: where a crowd looks alike, nobody planted it."""

CROWD_RANK = 6
TOP_SCORE = 0.99
LABEL_KINDS = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.STRING)


class ValueBackdoorParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=100)
    min_rows: int = Field(default=10, ge=4)
    min_purity: float = Field(default=0.9, gt=0.5, le=1)
    min_evidence: float = Field(default=8.0, gt=0, description="Orders of magnitude against chance.")
    max_kinship: float = Field(default=0.2, ge=0, le=1, description="Excess agreement of the rows in other columns.")
    min_unexplained: float = Field(default=2.0, ge=0, description="The same, against what the values themselves say.")


@dataclass(frozen=True, slots=True)
class Labelled(Cell):
    """Rows that hold a combination of values and a label."""

    values: tuple[Value, ...]
    classes: Classes
    label: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The combination's columns and the label."""
        return (*(value.column for value in self.values), self.classes.column)

    def holds(self, block: Block) -> Mask:
        """All of the values, with the label."""
        held = np.asarray(self.classes.codes(block.table) == self.label)
        for value in self.values:
            held &= value.holds(block.table)
        return held


class ValueBackdoor(Check[ValueBackdoorParams]):
    """Finds combinations of values tied to one label by more than the rest of their rows explains."""

    detector = "value-backdoor"
    params_model = ValueBackdoorParams

    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, and of the new ones, if there are two features and a label."""
        self._label = context.roles.first(Role.LABEL) or ""
        if not self._label:
            return NotApplicable("no label column")
        kind = next((column.kind for column in context.columns if column.name == self._label), Kind.NULL)
        if kind not in LABEL_KINDS:
            return NotApplicable(f"label {self._label} is of kind {kind}")
        self._numeric, self._categorical = feature_columns(context.columns, context.roles)
        if len(self._numeric) + len(self._categorical) < 2:  # noqa: PLR2004 - a combination takes two
            return NotApplicable("fewer than two numeric or categorical feature columns")
        return [self._sample, NewRows(self._sample)] if context.has_reference else [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the combinations that the sample gave away; nothing when there are none."""
        names = (*self._numeric, *self._categorical)
        common = common_columns(names, evidence, reference)
        if reference is not None and (len(common) < 2 or not common_columns([self._label], evidence, reference)):  # noqa: PLR2004 - as above
            raise MissingEvidence(f"{reference.name} has no two feature columns and label in common")
        self._note = without_others(names, common)
        state = evidence[self._sample if reference is None else NewRows(self._sample)]
        base = None if reference is None else reference[self._sample]
        classes = Classes.of(state, self._label, min_rows=self.params.min_rows, limit=MAX_LABELS)
        if not classes.names:
            return None
        found = self._found(state, base, classes, common[:MAX_COLUMNS], evidence.seed)
        cells = [
            NamedCell(
                Labelled(item.pattern.values, classes, item.pattern.label),
                TOP_SCORE,
                self._finding(item, classes, None if reference is None else reference.name),
            )
            for item in found
        ]
        return CellScorer(cells, None if base is None else sample_hashes(base)) if cells else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and columns left out."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"combinations are looked for in a sample of {seen:,} rows" if seen < evidence.rows else ""
        return seen, "; ".join(filter(None, [sampled, self._note]))

    @property
    def _sample(self) -> RowSample:
        return RowSample(limit=self.params.limit)

    def _found(
        self, state: pa.Table, base: pa.Table | None, classes: Classes, names: Sequence[str], seed: int
    ) -> list[Verified]:
        """The combinations that stand, one for each group of rows."""
        sample = sample_rows(state)
        numeric = [name for name in self._numeric if name in names]
        categorical = [name for name in self._categorical if name in names]
        columns = coded(sample, numeric, categorical, self.params.min_rows)
        labels = classes.codes(sample)
        limits = self.params.min_rows, self.params.min_purity
        cells = Cells(tuple(columns), labels, len(classes.names), *limits, base)
        patterns = cells.patterns()
        if base is None:
            patterns = [item for item in patterns if _is_of_size(item, len(columns), cells.base(item.label))]
        else:
            patterns = [against(item, base, len(labels)) for item in patterns]
        patterns = self._promising(patterns, len(columns))
        if not patterns:
            return []
        taught = sample if base is None else sample_rows(base)
        encoder = TableEncoder.of(taught, numeric, categorical)
        known = classes.codes(taught)
        judge = Judge.of(encoder, taught, known, seed)
        verified = [verify(item, judge, cells, sample, base) for item in patterns]
        standing = [item for item in verified if self._stands(item)]
        if base is not None and any(item.pattern.is_copy(len(columns)) for item in standing):
            approved = coded(taught, numeric, categorical, self.params.min_rows)
            usual = STANDS_OUT * strongest_copies(approved, known, judge, cells, taught, self._promising)
            standing = [item for item in standing if item.standing >= usual or not item.pattern.is_copy(len(columns))]
        # What holds the rows of another one tells both.
        told = _apart(sorted((item.pattern for item in standing), key=lambda item: -item.count))
        return [item for item in standing if any(item.pattern is kept for kept in told)][:MAX_FINDINGS]

    def _promising(self, patterns: Sequence[Pattern], columns: int) -> list[Pattern]:
        """The patterns worth verifying; copies have their own crowd: many short combinations say nothing about them."""
        copies = [item for item in patterns if item.is_copy(columns)]
        found = [_outstanding(kind, self.params.min_unexplained) for kind in (copies, patterns)]
        return _apart([*found[0], *found[1]])

    def _stands(self, item: Verified) -> bool:
        return (
            item.strength >= self.params.min_evidence
            and item.unexplained >= self.params.min_unexplained
            and item.kinship <= self.params.max_kinship
        )

    def _finding(self, item: Verified, classes: Classes, reference: str | None) -> Finding:
        pattern, label = item.pattern, classes.names[item.pattern.label]
        share = "all" if pattern.matching == pattern.count else f"{pattern.purity:.0%}"
        message = (
            f"{pattern.count:,} sampled rows hold {_shown(pattern)} together, {_amount(pattern.expected)} would be "
            f"expected; {share} of them are labelled {label}, where the rest of the row says {item.without:.0%} "
            f"(all rows: {item.base:.0%})"
        )
        numbers: dict[str, float | int | str] = {
            "rows with the values": pattern.count,
            "rows with the values and label": pattern.matching,
            "expected rows": round(pattern.expected, 4),
            "label share without these columns": round(item.without, 4),
            "label share by neighbours": round(item.whole, 4),
            "label share by single values": round(pattern.main, 4),
            "label share in all rows": round(item.base, 4),
            "orders of magnitude against chance": round(item.strength, 1),
        }
        if item.known is not None:
            message += f"; the reference holds them in {item.known[0]:,} of {item.known[1]:,} sampled rows"
            numbers["rows with the values in reference"] = item.known[0]
        return self.finding(
            subject=f"values={pattern};label={label}",
            message=message + ".",
            confidence=TOP_SCORE,
            compared_with=reference or "what the rest of the row says",
            column=pattern.values[0].column,
            numbers=numbers,
        )


def _is_of_size(item: Pattern, columns: int, base: float) -> bool:
    """Whether so many rows may be planted, where ``base`` is the share of the rows with the label."""
    rows = len(item.rows)
    enough = item.is_copy(columns) or (
        item.count >= FEWEST_ROWS * rows and item.matching <= MOST_OF_LABEL * base * rows
    )
    return enough and item.count <= MOST_ROWS * rows


def _outstanding(patterns: Sequence[Pattern], minimum: float) -> list[Pattern]:
    """The most promising patterns, one for each group of rows, that tower over the crowd."""
    ordered = sorted(patterns, key=lambda item: (-round(item.promise, 6), str(item)))
    kept = _apart([item for item in ordered if item.promise >= minimum])
    crowd = kept[CROWD_RANK].promise if len(kept) > CROWD_RANK else 0.0
    return [item for item in kept if item.promise >= STANDS_OUT * crowd]


def _apart(patterns: Sequence[Pattern]) -> list[Pattern]:
    """The first patterns, without those most of whose rows an earlier one holds."""
    kept: list[Pattern] = []
    for item in patterns:
        if len(kept) > EXAMINED:
            break
        if all((item.rows & other.rows).sum() < SAME_ROWS * item.count for other in kept):
            kept.append(item)
    return kept


def _shown(pattern: Pattern) -> str:
    """The first values; a copied row has too many to read."""
    shown = ", ".join(str(value) for value in pattern.values[:4])
    more = len(pattern.values) - 4
    return f"{shown} and {more} more values" if more > 0 else shown


def _amount(expected: float) -> str:
    return "none" if expected < 0.1 else f"{expected:.1f}"  # noqa: PLR2004 - a tenth of a row is none
