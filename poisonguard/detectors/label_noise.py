"""Labels that the rest of their rows contradicts, by models that never saw them.

1. Models are cross-validated (``folding``) on a sample: of the new rows and of the reference if there is one, else of
   the candidate (``label_models``).
2. Honest labels are noisy too, and populations change: only what neither explains is an alarm (``label_alarms``).
3. Rows are ranked whether or not there is one; approved rows below all new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from poisonguard.detectors.cells import is_known
from poisonguard.detectors.contradiction import (
    APPROVED,
    ELSEWHERE,
    IN_CORNER,
    UNSURE,
    Floats,
    hardly,
    scores,
)
from poisonguard.detectors.drift_versions import SAMPLE, Versions
from poisonguard.detectors.features_tabular import TableEncoder, common_columns, feature_columns, without_others
from poisonguard.detectors.features_text import MAX_CHARACTERS
from poisonguard.detectors.label_alarms import (
    Alarm,
    LabelNoiseParams,
    Verdict,
    blind_verdict,
    cut_of,
    reference_verdict,
)
from poisonguard.detectors.label_border import Border
from poisonguard.detectors.label_models import LabelModels
from poisonguard.detectors.label_rows import LabelledRows
from poisonguard.detectors.labels import UNKNOWN, Classes, label_texts
from poisonguard.detectors.learners import MANY_CLASSES, BoostedTrees, ExtraTrees, Learner, Words
from poisonguard.detectors.picture_columns import picture_columns
from poisonguard.detectors.picture_learner import ADDED, Pictures, PixelNeighbours, with_pixels
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding, Signal
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    MissingEvidence,
    NotApplicable,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pictures import PictureColumns, PictureSample, Shape
from poisonguard.sketches.sample import sample_hashes
from poisonguard.sketches.values import HashArray

MAX_CLASSES = 50
REGRESSION_VALUES = 30
"""A numeric label with more distinct values than this is a quantity, not a class."""

MIN_SAMPLE = 200
MAX_PICTURES = 8_000
MOST_NEW = 0.5
"""Share of the rows that may be new where the reference has as many."""

LEAST_EVIDENCE = 0.3
"""Wrong labels are the commonest fault: their order counts for something however few there are."""

LABEL_KINDS = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.STRING)


class LabelNoise(Check[LabelNoiseParams]):
    """Finds rows whose label the rest of the row contradicts, where there are more of them than is natural."""

    detector = "label-noise"
    params_model = LabelNoiseParams

    _note: str = ""
    _pictures: PictureColumns | None = None
    _pixels: PictureColumns | None = None

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, if there are a label and anything that could predict it."""
        label = context.roles.first(Role.LABEL)
        if label is None:
            return NotApplicable("no label column")
        kind = next((column.kind for column in context.columns if column.name == label), Kind.NULL)
        if kind not in LABEL_KINDS:
            return NotApplicable(f"label {label} is of kind {kind}")
        self._label, self._numeric_label = label, kind in (Kind.INTEGER, Kind.FLOAT)
        self._numeric, self._categorical = feature_columns(context.columns, context.roles)
        texts = (Role.TEXT, Role.PROMPT, Role.RESPONSE)
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        self._texts = tuple(name for role in texts for name in context.roles.all(role) if name in strings)
        pictures = picture_columns(context)
        found = None if isinstance(pictures, NotApplicable) else pictures
        # Columns of pixels are numeric features, too.
        self._pixels = found if found is not None and found.shape is Shape.PIXELS else None
        self._pictures = found if self._pixels is None else None
        if not self._features:
            return NotApplicable("no feature, text or picture column that could speak for the label")
        samples: list[Sketch] = [SAMPLE]
        if self._pictures is not None:
            self._picture_sample = PictureSample(self._pictures, label, MAX_PICTURES)
            samples.append(self._picture_sample)
        return [*samples, *map(NewRows, samples)] if context.has_reference else samples

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """Models of the reference, or of the candidate where there is none, with the alarm they raise."""
        self._common = common_columns(self._features, evidence, reference)
        if reference is not None and not common_columns([self._label], evidence, reference):
            raise MissingEvidence(f"{reference.name} has no column {self._label} of this type")
        if reference is not None and not self._common:
            raise MissingEvidence(f"{reference.name} has no feature or text column in common")
        self._note = without_others(self._features, self._common)
        rows = self._rows(evidence, reference)
        learners = [] if isinstance(rows, NotApplicable) else self._learners(rows, evidence.seed)
        if isinstance(rows, NotApplicable) or not learners:
            return rows if isinstance(rows, NotApplicable) else NotApplicable("every feature is constant")
        trusted = rows.known if reference is None else ~rows.is_new
        models = LabelModels.fit(learners, rows, trusted, self.params.folds, sampled_only=self._pictures is not None)
        if reference is None:
            return ContradictionScorer(self, models, blind_verdict(models, self.params, self._encoder(rows)), None)
        verdict = reference_verdict(models, self.params, self._encoder(rows), reference.name)
        approved = Versions(evidence, reference).known_hashes
        if approved is None:
            approved = sample_hashes(reference[SAMPLE])
        return ContradictionScorer(self, models, verdict, approved)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self._limit)
        notes = [f"models are fitted on a sample of {seen:,} rows"] if seen < evidence.rows else []
        if self._pictures is not None and notes:
            notes.append("others are not scored")
        if self._texts:
            notes.append(f"first {MAX_CHARACTERS:,} characters of each text")
        return seen, "; ".join(filter(None, [*notes, self._note]))

    @property
    def _limit(self) -> int:
        return self.params.limit if self._pictures is None else min(self.params.limit, MAX_PICTURES)

    @property
    def _features(self) -> tuple[str, ...]:
        pictures = () if self._pictures is None else self._pictures.names
        return tuple(dict.fromkeys((*self._numeric, *self._categorical, *self._texts, *pictures)))

    def _sampled(self, evidence: Evidence, *, only_new: bool = False) -> pa.Table:
        """Sampled rows, with their pixels if there are pictures."""
        rows = evidence[NewRows(SAMPLE) if only_new else SAMPLE].slice(0, self._limit)
        if self._pictures is None or not rows.num_rows:
            return rows
        return with_pixels(rows, evidence[NewRows(self._picture_sample) if only_new else self._picture_sample])

    def _rows(self, evidence: Evidence, reference: Evidence | None) -> LabelledRows | NotApplicable:
        """The rows that models learn from; a reference says which labels count."""
        new, old = self._sampled(evidence, only_new=reference is not None), None
        if reference is not None:
            old = self._sampled(reference)
            wanted = min(new.num_rows, max(int(self._limit * MOST_NEW), self._limit - old.num_rows))
            new, old = new.slice(0, wanted), old.slice(0, self._limit - wanted)
        teachers = new if old is None else old
        classes = Classes.of(teachers, self._label, min_rows=self.params.min_class_rows, limit=MAX_CLASSES)
        labels = label_texts(teachers, self._label)
        problem = self._problem(classes, len(labels.unique()), teachers.num_rows)
        if not problem and (classes.codes(teachers) != UNKNOWN).sum() < 0.5 * (len(labels) - labels.null_count):
            problem = f"most values of {self._label} stand in fewer than {self.params.min_class_rows} sampled rows"
        if problem:
            return NotApplicable(problem)
        columns = [name for name in self._common if self._pictures is None or name not in self._pictures.names]
        return LabelledRows.of(new, old, columns if self._pictures is None else [*columns, ADDED], classes)

    def _problem(self, classes: Classes, distinct: int, rows: int) -> str:
        """Why labels of this shape cannot be judged; empty when they can."""
        if rows < MIN_SAMPLE:
            return f"{rows} rows are too few to learn labels from (at least {MIN_SAMPLE})"
        if self._numeric_label and distinct > REGRESSION_VALUES:
            return f"label {self._label} has {distinct} distinct numbers: a quantity, not a class"
        if len(classes.names) < 2:  # noqa: PLR2004 - one class cannot be contradicted
            return f"label {self._label} has fewer than two classes of {self.params.min_class_rows} sampled rows"
        return ""

    def _encoder(self, rows: LabelledRows) -> TableEncoder:
        numeric = [name for name in self._numeric if name in self._common]
        return TableEncoder.of(rows.table, numeric, [name for name in self._categorical if name in self._common])

    def _learners(self, rows: LabelledRows, seed: int) -> list[Learner]:
        encoder = self._encoder(rows)
        learners: list[Learner] = [Words.of(rows.table, column) for column in self._texts if column in self._common]
        if self._pictures is not None and set(self._pictures.names) <= set(self._common):
            learners.append(Pictures(self._pictures, seed))
        if encoder.columns:
            learners.append(ExtraTrees(encoder, seed))
        if self._pixels is not None and set(self._pixels.names) <= set(self._common):
            learners.append(PixelNeighbours(self._pixels))
        elif encoder.columns and len(rows.classes.names) <= MANY_CLASSES:
            learners.append(BoostedTrees(encoder, seed))
        return learners


class ContradictionScorer(RowScorer):
    """Scores rows by how strongly their label is contradicted, each by models of other folds."""

    def __init__(self, check: LabelNoise, models: LabelModels, verdict: Verdict, approved: HashArray | None) -> None:
        alarm = verdict.alarm
        self.evidence = max(LEAST_EVIDENCE, verdict.evidence)
        self._check = check
        self._models = models
        self._alarm = alarm
        self._approved = approved
        self._cut = cut_of(models, alarm)
        if alarm is not None and alarm.signal is Signal.DRIFT:
            # What the whole population does is nobody's fault: rows are counted, none is flagged.
            self.threshold, self.named = 1.0, 0.5

    @property
    def columns(self) -> tuple[str, ...]:
        """The features and the label."""
        return self._models.columns

    def score(self, block: Block) -> Scores:
        """0.5 where honest contradictions end."""
        found = scores(self._models.margins(block.table, block.hashes), self._cut)
        if self._alarm is not None and (self._alarm.code is not None or self._alarm.place is not None):
            found = self._pointed(found, block, self._alarm)
        if self._approved is None:
            return found
        return np.where(is_known(block, self._approved), APPROVED * found, found)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for the label column if the dataset-level test fired."""
        alarm, column = self._alarm, self._models.rows.classes.column
        if alarm is None:
            return
        flagged = 0 if alarm.signal is Signal.DRIFT else scored.flagged
        named = f"; {flagged:,} rows named" if flagged else "; no single row stands out"
        yield self._check.finding(
            subject=f"column={column}",
            message=f"{alarm.message}{'' if alarm.signal is Signal.DRIFT else named}.",
            confidence=float(scored.scores[0]) if len(scored.scores) else self.threshold / 2,
            compared_with=alarm.compared_with,
            column=column,
            numbers={**alarm.numbers, "rows named": flagged},
            rows=np.sort(scored.rows) if flagged else (),
            row_count=flagged,
            signal=alarm.signal,
        )

    def _pointed(self, found: Floats, block: Block, alarm: Alarm) -> Floats:
        """Scores once it is known which label labels were changed to, or where."""
        codes = self._models.rows.classes.codes(block.table)
        if alarm.place is None:
            return np.where(codes == alarm.code, found, ELSEWHERE * found)
        inside = alarm.place.holds(block.table, codes)
        contradicted = inside & (found >= scores(np.array([alarm.least]), self._cut)[0])
        if isinstance(alarm.place, Border):
            return np.where(contradicted, IN_CORNER + (1 - IN_CORNER) * found, hardly(found, inside))
        # Rows that honestly carry their label lie there, too: models find it fitting.
        beside = np.where(inside, UNSURE, ELSEWHERE * found)
        return np.where(contradicted, IN_CORNER + (1 - IN_CORNER) * found, beside)
