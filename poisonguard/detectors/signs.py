"""Rules for the content of texts: one detector for each rulebook, all alike.

The first pass counts (``sketches.sign_counts``), ``sign_verdicts`` says which kinds are told and how gravely, and the
second pass names their rows. Notes name rows, too, but do not flag them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from poisonguard.detectors.content_columns import nested_columns
from poisonguard.detectors.sign_verdicts import Alarm, Limits, alarms
from poisonguard.domain.dataset import Kind as ColumnKind
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    NotApplicable,
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.rulebooks import rulebook
from poisonguard.sketches.sample import RowSample
from poisonguard.sketches.sign_counts import Signs

NOTED = 0.45
"""Scores of kinds that are merely noted lie below the threshold and order the rows."""
QUIET = 0.15
"""And those of kinds that are as usual as they may be."""
THRESHOLD = 0.5
LEAST_NAMED = 0.2
"""Scores from which on rows are named."""
LEARNT = (Role.TEXT, Role.PROMPT, Role.RESPONSE, Role.REJECTED)


class SignParams(Params):
    """Parameters of every check by rules."""

    habit: float = Field(default=0.2, gt=0, le=1, description="Share of a column's texts that makes a kind its habit.")
    min_habit: int = Field(default=20, ge=1, description="Texts that it takes to speak of a habit.")
    min_burst: int = Field(default=3, ge=1, description="Fewest texts that can be a burst against the reference.")
    chance: float = Field(default=1e-3, gt=0, lt=1, description="Level of the test against the reference.")


class SignCheck(Check[SignParams]):
    """Finds texts that hold what a rulebook knows.

    Attributes:
        book: Name of the rulebook.
        learnt: Whether only columns of running text are read, where roles name any; nested ones always are.
        nested: Whether strings inside nested columns are read.
        why: End of the sentence that a finding makes.
        private: Whether values stay out of reports.
    """

    params_model = SignParams
    book: ClassVar[str]
    learnt: ClassVar[bool] = True
    nested: ClassVar[bool] = True
    why: ClassVar[str]
    private: ClassVar[bool] = False

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Counts by kind for the columns that are read."""
        strings = tuple(column.name for column in context.columns if column.kind is ColumnKind.STRING)
        running = tuple(name for name in strings if context.roles.of(name) in LEARNT)
        texts = (running or strings) if self.learnt else strings
        texts += nested_columns(context) if self.nested else ()
        self._sketch = Signs(self.book, texts)
        return [self._sketch, *self._sample()] if texts else NotApplicable("no string column")

    def _sample(self) -> Sequence[RowSample]:
        """What shows whether the data speak of a kind's matter anyway, for books that ask it."""
        return [RowSample()] if any(kind.matter for kind in rulebook(self.book).kinds) else []

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the rows; nothing when no text holds anything that is told."""
        limits = Limits(self.params.habit, self.params.min_habit, self.params.min_burst, self.params.chance)
        told = alarms(rulebook(self.book), self._sketch, evidence, reference, limits)
        return SignScorer(self, self._sketch, told) if told else None


class SignScorer(RowScorer):
    """Scores each row by the gravest sign in it; kinds are told apart by their scores."""

    threshold = THRESHOLD
    named = LEAST_NAMED

    def __init__(self, check: SignCheck, sketch: Signs, told: Sequence[Alarm]) -> None:
        self._check = check
        self._sketch = sketch
        self._told = told
        grave = any(alarm.level is not Level.NOTE for alarm in told)
        weights = {alarm.kind.name: NOTED if grave and alarm.level is Level.NOTE else 1.0 for alarm in told}
        book = rulebook(sketch.book)
        self._scores = {kind.name: kind.score * weights.get(kind.name, QUIET) for kind in book.kinds}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return self._sketch.texts

    def score(self, block: Block) -> Scores:
        """The gravest kind's score."""
        scores = np.zeros(block.table.num_rows)
        for _, row, found in rulebook(self._sketch.book).signs(block.table, self._sketch.texts):
            scores[row] = max(scores[row], *(self._scores[kind] for kind in found))
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for each kind that is told."""
        for alarm in self._told:
            mine = np.abs(scored.scores - self._scores[alarm.kind.name]) < 1e-4  # noqa: PLR2004 - kinds differ by more
            yield self._finding(alarm, np.sort(scored.rows[mine]).tolist())

    def _finding(self, alarm: Alarm, rows: Sequence[int]) -> Finding:
        tally, numbers = alarm.tally, {"texts": alarm.tally.rows, "texts looked at": alarm.tally.texts}
        if alarm.known is not None:
            numbers["texts in the reference"] = alarm.known
        return self._check.finding(
            subject=f"signs={alarm.kind.name}",
            message=_message(alarm, self._check.why),
            level=alarm.level,
            confidence=alarm.kind.score if alarm.level is not Level.NOTE else alarm.kind.score * NOTED,
            compared_with="the rest of the dataset" if alarm.known is None else "the reference",
            column=tally.columns[0][0],
            numbers=numbers,
            rows=rows,
            row_count=max(len(rows), 1),
            highlight=tally.fragment,
            private=self._check.private,
        )


def _message(alarm: Alarm, why: str) -> str:
    tally = alarm.tally
    where = ", ".join(f"{name} ({count:,})" for name, count in tally.columns)
    texts = "1 text holds" if tally.rows == 1 else f"{tally.rows:,} texts hold"
    message = f"{texts} {alarm.kind.name}, such as “{_line(tally.fragment)}”: {where}"
    if alarm.known is not None:
        message += f"; the reference holds {alarm.known:,}"
    return f"{message}. {'The column is made of them.' if alarm.habit else why}"


def _line(fragment: str) -> str:
    """The fragment on one line."""
    return " ".join(fragment.split())


class Secrets(SignCheck):
    """Credentials."""

    detector = "secrets"
    book = "secrets"
    learnt = False
    private = True
    why = "Who trains on them publishes them: a model repeats what it has seen."


class PersonalData(SignCheck):
    """Personal data."""

    detector = "personal-data"
    book = "personal-data"
    learnt = False
    private = True
    why = "A model repeats what it has seen."


class Injections(SignCheck):
    """Text that speaks to a model."""

    detector = "injection-text"
    book = "injections"
    why = "It speaks to the model that reads it, not to a person."


class Blobs(SignCheck):
    """Encoded blobs."""

    detector = "encoded-blobs"
    book = "blobs"
    why = "No reviewer reads what is encoded; a model may learn to."


class Payloads(SignCheck):
    """Dangerous lines of code."""

    detector = "code-payloads"
    book = "code"
    why = "A model that learns such lines writes them where nobody asked for them."


class Formulas(SignCheck):
    """Cells that a spreadsheet runs."""

    detector = "spreadsheet-formulas"
    book = "formulas"
    learnt = False
    nested = False
    why = "They run when somebody opens the data in a spreadsheet to review them."
