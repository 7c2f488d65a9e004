"""Labels that rows of like meaning contradict, by an embedding model that the user brought.

Words tell labels apart as well as meaning does where there are many rows; an embedding knows that "dreadful" is near
"awful" before it has seen either twice, and what a picture shows wherever it stands. Models over the vectors of a
sample judge its labels, with the tests of PG-LABEL-001. Embedding is slow, so only sampled rows are judged, and only
they can be named: the second pass knows them by their hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from poisonguard.detectors.contradiction import scores
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.features_text import MAX_CHARACTERS
from poisonguard.detectors.label_alarms import (
    Alarm,
    LabelNoiseParams,
    Verdict,
    blind_verdict,
    cut_of,
    reference_verdict,
)
from poisonguard.detectors.label_models import LabelModels
from poisonguard.detectors.label_rows import LabelledRows
from poisonguard.detectors.labels import Classes
from poisonguard.detectors.meaning_rows import VECTOR, Linear, Neighbours, Pictures, Texts, embedded
from poisonguard.detectors.picture_columns import picture_columns
from poisonguard.domain.finding import Finding, Signal
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Block, Check, Context, Evidence, NotApplicable, RowScorer, Scored, Scores
from poisonguard.plugin.embedder import PictureEmbedder, TextEmbedder
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pictures import LABEL, SIDE

MIN_SAMPLE = 200
MIN_NEW = 50
MOST_LABELS = 50

Hashes = npt.NDArray[np.uint64]


class MeaningContradictionParams(LabelNoiseParams):
    """Parameters of the check."""

    limit: int = Field(default=5_000, ge=MIN_SAMPLE, description="Rows of each version that are embedded.")


class MeaningContradiction(Check[MeaningContradictionParams]):
    """Finds sampled rows whose label rows of like meaning contradict, where there are more of them than is natural."""

    detector = "meaning-contradiction"
    params_model = MeaningContradictionParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of texts or pictures, if there are labels and a model that reads them."""
        label, embedder = context.roles.first(Role.LABEL), context.embedder
        if embedder is None:
            return NotApplicable("no embedding model was given (--embeddings)")
        if label is None:
            return NotApplicable("no label column")
        values = _texts(context, label, embedder) if embedder.reads == "text" else _pictures(context, label, embedder)
        if isinstance(values, NotApplicable):
            return values
        self._label, self._values = label, values
        return [values.sample, NewRows(values.sample)] if context.has_reference else [values.sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """The scores of the sampled rows, by their hashes."""
        rows = self._rows(evidence, reference)
        if isinstance(rows, NotApplicable):
            return rows
        trusted = rows.known if reference is None else ~rows.is_new
        models = LabelModels.fit([Linear(), Neighbours()], rows, trusted, self.params.folds, sampled_only=True)
        if reference is None:
            verdict = blind_verdict(models, self.params)
        else:
            verdict = reference_verdict(models, self.params, TableEncoder.of(rows.table, [], []), reference.name)
        found = scores(models.margin, cut_of(models, verdict.alarm))
        return MeaningScorer(self, rows.hashes[rows.is_new], found[rows.is_new], verdict)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, the model, and what it was shown of each value."""
        seen = min(evidence.rows, self.params.limit)
        shown = (
            f"first {MAX_CHARACTERS:,} characters"
            if self._values.embedder.reads == "text"
            else f"{SIDE} x {SIDE} pixels"
        )
        embedder = self._values.embedder
        model = f"embedded with {embedder.name} ({embedder.digest}), {shown} of each"
        return seen, f"a sample of {seen:,} rows, {model}" if seen < evidence.rows else model

    def report(self, alarm: Alarm, scored: Scored) -> Finding:
        """The finding for the label column."""
        is_drift = alarm.signal is Signal.DRIFT
        model = f"{self._values.embedder.name} {self._values.embedder.digest}"
        ends = "" if is_drift else f"; {scored.flagged:,} rows named"
        return self.finding(
            subject=f"column={self._label};by={self._values.column}",
            message=f"By the meaning of {self._values.column}: {alarm.message[0].lower()}{alarm.message[1:]}{ends}.",
            confidence=float(scored.scores[0]),
            compared_with=alarm.compared_with,
            column=self._label,
            numbers={**alarm.numbers, "embedding model": model},
            rows=() if is_drift else np.sort(scored.rows),
            row_count=0 if is_drift else scored.flagged,
            signal=alarm.signal,
        )

    @property
    def label(self) -> str:
        """The label column."""
        return self._label

    def _rows(self, evidence: Evidence, reference: Evidence | None) -> LabelledRows | NotApplicable:
        """The rows that models learn from and judge."""
        sample, limit, old = self._values.sample, self.params.limit, None
        if reference is None:
            new = embedded(self._values, evidence[sample], limit)
        else:
            new = embedded(self._values, evidence[NewRows(sample)], limit)
            old = embedded(self._values, reference[sample], limit)
            if new.num_rows < MIN_NEW:
                return NotApplicable(f"{new.num_rows} new rows are too few to compare with the reference's")
        teachers = new if old is None else old
        if teachers.num_rows < MIN_SAMPLE:
            return NotApplicable(f"{teachers.num_rows} rows are too few to learn labels from (at least {MIN_SAMPLE})")
        classes = Classes.of(teachers, LABEL, min_rows=self.params.min_class_rows, limit=MOST_LABELS)
        if len(classes.names) < 2:  # noqa: PLR2004 - one class cannot be contradicted
            return NotApplicable(f"fewer than two values of {self._label} stand in {self.params.min_class_rows} rows")
        return LabelledRows.of(new, old, [VECTOR], classes)


class MeaningScorer(RowScorer):
    """Knows the sampled rows by their hashes; all others score nothing."""

    threshold = 0.5

    def __init__(self, check: MeaningContradiction, hashes: Hashes, found: Scores, verdict: Verdict) -> None:
        alarm, self.evidence = verdict.alarm, verdict.evidence
        order = np.argsort(hashes, kind="stable")
        self._check, self._alarm = check, alarm
        self._hashes, self._found = hashes[order], found[order]
        if alarm is not None and alarm.signal is Signal.DRIFT:
            self.threshold, self.named = 1.0, 0.5

    @property
    def columns(self) -> tuple[str, ...]:
        """The label, though only the row's hash is looked at."""
        return (self._check.label,)

    def score(self, block: Block) -> Scores:
        """The score of each row that was sampled, shape (rows,)."""
        place = np.minimum(np.searchsorted(self._hashes, block.hashes), len(self._hashes) - 1)
        return np.where(self._hashes[place] == block.hashes, self._found[place], 0.0)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding, if the dataset-level test fired."""
        if self._alarm is not None and scored.flagged:
            yield self._check.report(self._alarm, scored)


def _texts(context: Context, label: str, embedder: TextEmbedder) -> Texts | NotApplicable:
    columns = [name for role in (Role.TEXT, Role.PROMPT) for name in context.roles.all(role)]
    return (
        Texts(columns[0], label, embedder)
        if columns
        else NotApplicable("no column of text, which the embedding model reads")
    )


def _pictures(context: Context, label: str, embedder: PictureEmbedder) -> Pictures | NotApplicable:
    found = picture_columns(context)
    return found if isinstance(found, NotApplicable) else Pictures(found, label, embedder)
