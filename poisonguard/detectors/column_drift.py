"""Column drift: which columns of the new rows are distributed unlike the reference's, and by how much.

Compared are the new rows (those that the reference does not hold) with the reference's rows and, where both
versions share rows, version with version too, so that removals show.

- numbers: Kolmogorov-Smirnov; a part of the rows that sits elsewhere (changed unit, shift, constant burst)
- categories: total variation
- text: length, kinds of characters, words
- all: share of absent values

A finding needs two things: a Benjamini-Hochberg adjusted p-value, over every test of every column, of at most
``fdr``, and an effect of at least the minimum. One finding per column, the gravest story first.

Rows are named only for a fault of one column: most of those in the part are in excess, and no other feature has
moved as a whole. What a whole population shares is no fault of a row.

Every finding here speaks for drift, also a part of the rows scaled by 1000: honest pipelines break that way
too. A changed unit is an error. Poisoning is called by detectors that see a sign of intent: a label, a source,
a trigger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.cells import Absent, Cell, CellScorer, InRange, NamedCell
from poisonguard.detectors.drift_columns import (
    EXCLUDED_KINDS,
    UNKNOWN_PAST,
    Compared,
    LeftOut,
    classify,
    counts_of,
    sketches_of,
)
from poisonguard.detectors.drift_local import MOSTLY_NEW, Part
from poisonguard.detectors.drift_stories import Minima, Story, tell
from poisonguard.detectors.drift_versions import SAMPLE, Versions, absent, numbers
from poisonguard.detectors.statistics_tests import adjusted
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role, Roles
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows


class ColumnDriftParams(Params):
    """Parameters of the check.

    Attributes:
        fdr: False discovery rate over every test of every column.
        minimum_distance: Smallest KS or total variation distance worth a finding.
        minimum_absent: Smallest change in the share of absent values.
        minimum_excess: Smallest part of the new rows that sits elsewhere.
    """

    fdr: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_distance: float = Field(default=0.05, ge=0.01, le=1)
    minimum_absent: float = Field(default=0.005, ge=0.001, le=1)
    minimum_excess: float = Field(default=0.002, ge=0.001, le=1)


@dataclass(frozen=True)
class Comparison:
    """Two versions compared: what stands, what is told of it, and what was left out."""

    versions: Versions
    stories: tuple[tuple[Story, float], ...]
    left_out: tuple[LeftOut, ...]
    moved: frozenset[str]

    def cell(self, story: Story) -> tuple[Cell, float] | None:
        """The rows that a story can name, and the share of them that the reference does not explain."""
        return None if self.moved - {story.column} else _cell(story, self.versions)


class ColumnDrift(Check[ColumnDriftParams]):
    """Flags columns that are distributed unlike the reference's."""

    detector = "column-drift"
    params_model = ColumnDriftParams

    _roles: Roles
    _latest: Comparison | None = None

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """The row sample, and profile and counts of each column, these also of the new rows."""
        if not context.has_reference:
            return NotApplicable("no reference to compare with")
        self._roles = context.roles
        columns = [column for column in context.columns if column.kind not in EXCLUDED_KINDS]
        counts = [sketch for column in columns for sketch in counts_of(column)]
        return [
            SAMPLE,
            *(sketch for column in columns for sketch in sketches_of(column.name)),
            *counts,
            *map(NewRows, counts),
        ]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding per drifted column; those whose rows can be named come from the scorer."""
        if reference is None:
            return
        compared = self._compare(evidence, reference)
        for story, q in compared.stories:
            if compared.cell(story) is None:
                yield self._finding(story, q, compared.versions)

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> CellScorer | None:
        """Scores the rows of parts that sit elsewhere, if there are any."""
        if reference is None:
            return None
        compared = self._compare(evidence, reference)
        cells = [
            NamedCell(*cell, self._finding(story, q, compared.versions))
            for story, q in compared.stories
            if (cell := compared.cell(story)) is not None
        ]
        return CellScorer(cells, compared.versions.known_hashes) if cells else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """Sample and columns left out, with their reasons; no rows if something could not be compared."""
        rows = evidence[SAMPLE].num_rows
        sampled = f"texts and parts of columns compared on the {rows} rows with the smallest hashes"
        notes = [] if rows >= evidence.rows else [sampled]
        left_out = self._latest.left_out if self._latest is not None else ()
        blind = self._latest is None or any(item.reason == UNKNOWN_PAST for item in left_out)
        if left_out:
            notes.append("not compared: " + ", ".join(f"{item.column} ({item.reason})" for item in left_out))
        return 0 if blind else evidence.rows, "; ".join(notes)

    def _compare(self, evidence: Evidence, reference: Evidence) -> Comparison:
        """Compare, or recall the comparison of the same two versions: judge and scorer share it."""
        latest = self._latest
        if latest is None or latest.versions.candidate is not evidence or latest.versions.reference is not reference:
            latest = self._latest = self._compared(Versions(evidence, reference))
        return latest

    def _compared(self, versions: Versions) -> Comparison:
        classed = [
            classify(column, self._roles.of(column.name), versions.candidate, versions.reference)
            for column in versions.candidate.columns
        ]
        minima = Minima(self.params.minimum_distance, self.params.minimum_absent, self.params.minimum_excess)
        stories = [story for item in classed if isinstance(item, Compared) for story in tell(item, versions, minima)]
        standing = _standing(stories, self.params.fdr)
        moved = frozenset(
            story.column
            for story, _ in standing
            if _is_whole(story) and self._roles.of(story.column) not in (Role.LABEL, Role.SOURCE)
        )
        return Comparison(versions, standing, tuple(item for item in classed if isinstance(item, LeftOut)), moved)

    def _finding(self, story: Story, q: float, versions: Versions) -> Finding:
        figures = {
            "test": story.test,
            "effect": round(story.result.effect, 6),
            "minimum_effect": story.minimum,
            "p": story.result.p,
            "adjusted_p": q,
            "rows": versions.candidate.rows,
            "new_rows": round(versions.new_share * versions.candidate.rows),
            "reference_rows": versions.reference.rows,
        }
        column = self._roles.of(story.column)
        role = f" ({column.value})" if column is not None else ""
        return self.finding(
            subject=f"column={story.column}",
            message=f"Column {story.column!r}{role}: {story.text} ({story.test} {abs(story.result.effect):.3f}).",
            confidence=1.0 - q,
            level=story.level or self.card.level,
            compared_with=versions.reference.name,
            column=story.column,
            numbers=figures | dict(story.numbers),
        )


def _standing(stories: Sequence[Story], fdr: float) -> tuple[tuple[Story, float], ...]:
    """The gravest significant story of each column with its adjusted p-value, in the columns' order."""
    levels = adjusted(np.array([story.result.p for story in stories]))
    chosen: dict[str, tuple[Story, float]] = {}
    for story, level in zip(stories, levels.tolist(), strict=True):
        if level > fdr or abs(story.result.effect) < story.minimum:
            continue
        held = chosen.get(story.column)
        if held is None or _gravity(story) > _gravity(held[0]):
            chosen[story.column] = (story, level)
    return tuple(chosen.values())


def _gravity(story: Story) -> tuple[int, float]:
    return story.gravity, abs(story.result.effect)


def _is_whole(story: Story) -> bool:
    """Whether a story is about all rows."""
    return story.part is None and story.absent_excess is None


def _cell(story: Story, versions: Versions) -> tuple[Cell, float] | None:
    """The rows that a story is about, and the share of them that the reference does not explain."""
    if story.absent_excess is not None and story.absent_excess >= MOSTLY_NEW:
        new, all_rows = absent(versions.new_rows, story.column), absent(versions.all_rows, story.column)
        return Absent(story.column), story.absent_excess * _dilution(new, all_rows, versions)
    if story.part is None:
        return None
    part = story.part
    new, all_rows = (_inside(rows, story.column, part) for rows in (versions.new_rows, versions.all_rows))
    score = part.excess / part.share * _dilution(new, all_rows, versions)
    return InRange(story.column, part.low, part.high), score


def _inside(rows: pa.Table, column: str, part: Part) -> int:
    values = numbers(rows, column)
    return int(np.count_nonzero((values >= part.low) & (values <= part.high)))


def _dilution(new: int, all_rows: int, versions: Versions) -> float:
    """Share of a cell's rows that are new; 1 where the scorer can tell which are."""
    return 1.0 if versions.known_hashes is not None else new / max(1, all_rows)
