"""Labels that the rest of their rows contradicts, by models that never saw them.

1. Models are cross-validated by row hash on a sample: of the reference if there is one, else of the candidate.
2. Honest labels are noisy too. Without a reference the contradictions must reach into the rows that the models
   are surest of, where honest mistakes do not. With one, the rows that the reference does not hold must
   contradict their labels more often than the reference's own rows do, in the same models.
3. Labels that contradict the reference, but not models of the candidate itself, follow another rule: drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.contradiction import Excess, Floats, Floor, Judged, margins, natural_cut, scores
from poisonguard.detectors.delta import new_rows
from poisonguard.detectors.features_tabular import TableEncoder, common_columns, feature_columns, without_others
from poisonguard.detectors.features_text import MAX_CHARACTERS
from poisonguard.detectors.fold_ensemble import FoldEnsemble, Training
from poisonguard.detectors.labels import UNKNOWN, Classes, label_texts
from poisonguard.detectors.learners import MANY_CLASSES, BoostedTrees, ExtraTrees, Learner, Words
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
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.sample import RowSample, sample_hashes

MAX_CLASSES = 50
REGRESSION_VALUES = 30
"""A numeric label with more distinct values than this is a quantity, not a class."""

MIN_SAMPLE = 200
MIN_DELTA = 30
MIN_OTHERS = 200
"""Fewer old rows in the new version than this cannot tell a rule from noise."""

LABEL_KINDS = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.STRING)


class LabelNoiseParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=MIN_SAMPLE)
    folds: int = Field(default=5, ge=2)
    min_class_rows: int = Field(default=10, ge=5)
    min_floor: float = Field(default=0.03, ge=0, le=1, description="Contradictions among the surest fifth of rows.")
    floor_errors: float = Field(default=3.0, ge=0, description="Standard errors by which the floor must exceed that.")
    floor_ratio: float = Field(default=0.25, ge=0, le=1, description="The same, as a share of the overall error rate.")
    max_error: float = Field(default=0.4, gt=0, le=1, description="Models that err more often say nothing.")
    min_excess: float = Field(default=0.005, ge=0, le=1, description="Excess over the reference's rate.")
    chance: float = Field(default=1e-4, gt=0, lt=1, description="Family-wise level of the test against the reference.")


@dataclass(frozen=True, slots=True)
class Model:
    """Models fitted on a sample, and how its own labels fare."""

    classes: Classes
    ensemble: FoldEnsemble
    judged: Judged

    def margins(self, table: pa.Table | pa.RecordBatch, hashes: npt.NDArray[np.uint64]) -> Floats:
        """Margins of other rows, each by the models of its fold."""
        return margins(self.ensemble.predict(table, hashes), self.classes.codes(table))


@dataclass(frozen=True, slots=True)
class Alarm:
    """A dataset-level test that fired."""

    message: str
    compared_with: str
    numbers: dict[str, float | int | str]
    signal: Signal | None = None


class LabelNoise(Check[LabelNoiseParams]):
    """Finds rows whose label the rest of the row contradicts, where there are more of them than is natural."""

    detector = "label-noise"
    params_model = LabelNoiseParams

    _note: str = ""

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
        if not (self._numeric or self._categorical or self._texts):
            return NotApplicable("no feature or text column that could speak for the label")
        return [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """Models of the reference, or of the candidate where there is none, with the alarm they raise."""
        features = (*self._numeric, *self._categorical, *self._texts)
        self._common = common_columns(features, evidence, reference)
        if reference is not None and not common_columns([self._label], evidence, reference):
            raise MissingEvidence(f"{reference.name} has no column {self._label} of this type")
        if reference is not None and not self._common:
            raise MissingEvidence(f"{reference.name} has no feature or text column in common")
        self._note = without_others(features, self._common)
        model = self._model(evidence if reference is None else reference, evidence.seed)
        if isinstance(model, NotApplicable):
            return model
        if reference is None:
            floor = Floor.of(model.judged)
            # What the floor holds by nature grows with the honest disagreement elsewhere.
            natural = max(self.params.min_floor, self.params.floor_ratio * (floor.overall - floor.share))
            cut = natural_cut(model.judged, max(0.0, floor.share - natural))
            return ContradictionScorer(self, model, cut, self._blind_alarm(floor))
        cut = natural_cut(model.judged, 0.0)
        return ContradictionScorer(self, model, cut, self._reference_alarm(model, evidence, reference))

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self.params.limit)
        notes = [f"models are fitted on a sample of {seen:,} rows"] if seen < evidence.rows else []
        if self._texts:
            notes.append(f"first {MAX_CHARACTERS:,} characters of each text")
        return seen, "; ".join(filter(None, [*notes, self._note]))

    @property
    def _sample(self) -> RowSample:
        return RowSample(limit=self.params.limit)

    def _model(self, evidence: Evidence, seed: int) -> Model | NotApplicable:
        """Models of one version's sample."""
        sample = evidence[self._sample]
        classes = Classes.of(sample, self._label, min_rows=self.params.min_class_rows, limit=MAX_CLASSES)
        labels = label_texts(sample, self._label)
        problem = self._problem(classes, len(labels.unique()), sample.num_rows)
        codes = classes.codes(sample)
        if not problem and (codes != UNKNOWN).sum() < 0.5 * (len(labels) - labels.null_count):
            problem = f"most values of {self._label} stand in fewer than {self.params.min_class_rows} sampled rows"
        learners = [] if problem else self._learners(sample, len(classes.names), seed)
        if problem or not learners:
            return NotApplicable(problem or "every feature is constant")
        hashes = sample_hashes(sample)
        ensemble, probabilities = FoldEnsemble.fit(
            learners, Training(sample, codes, hashes, len(classes.names), self.params.folds)
        )
        return Model(classes, ensemble, Judged.of(probabilities, codes))

    def _problem(self, classes: Classes, distinct: int, rows: int) -> str:
        """Why labels of this shape cannot be judged; empty when they can."""
        if rows < MIN_SAMPLE:
            return f"{rows} rows are too few to learn labels from (at least {MIN_SAMPLE})"
        if self._numeric_label and distinct > REGRESSION_VALUES:
            return f"label {self._label} has {distinct} distinct numbers: a quantity, not a class"
        if len(classes.names) < 2:  # noqa: PLR2004 - one class cannot be contradicted
            return f"label {self._label} has fewer than two classes of {self.params.min_class_rows} sampled rows"
        return ""

    def _learners(self, sample: pa.Table, classes: int, seed: int) -> list[Learner]:
        numeric = [name for name in self._numeric if name in self._common]
        categorical = [name for name in self._categorical if name in self._common]
        encoder = TableEncoder.of(sample, numeric, categorical)
        learners: list[Learner] = [Words.of(sample, column) for column in self._texts if column in self._common]
        if encoder.columns:
            learners.append(ExtraTrees(encoder, seed))
        if encoder.columns and classes <= MANY_CLASSES:
            learners.append(BoostedTrees(encoder, seed))
        return learners

    def _blind_alarm(self, floor: Floor) -> Alarm | None:
        """Contradictions where the models are surest, more than honest labels show."""
        params = self.params
        fires = (
            floor.lowest(params.floor_errors) >= max(params.min_floor, params.floor_ratio * floor.overall)
            and floor.overall <= params.max_error
        )
        if not fires:
            return None
        message = (
            f"{floor.wrong:,} of the {floor.rows:,} sampled rows that the models are surest of carry another label "
            f"({floor.share:.1%}); honest labels leave few there"
        )
        numbers: dict[str, float | int | str] = {
            "contradictions among the surest": round(floor.share, 4),
            "threshold": params.min_floor,
            "contradictions in all rows": round(floor.overall, 4),
        }
        return Alarm(message, "models of the other rows, cross-validated", numbers)

    def _reference_alarm(self, model: Model, evidence: Evidence, reference: Evidence) -> Alarm | None:
        """Contradictions in new rows, more than the reference's own rows show in the same models."""
        sample, base = evidence[self._sample], reference[self._sample]
        hashes = sample_hashes(sample)
        complete = reference.rows <= self.params.limit
        new = new_rows(hashes, sample_hashes(base), reference_complete=complete)
        codes = model.classes.codes(sample)
        if new.sum() < MIN_DELTA:
            return None
        table = sample.filter(pa.array(new))
        probabilities = model.ensemble.predict(table, hashes[new])
        rows = Judged.of(probabilities, codes[new])
        worst = self._worst(model, rows, model.judged)
        if worst is None:
            return None
        return self._excess_alarm(worst, consistent=self._is_rule(evidence, new), reference=reference.name)

    def _is_rule(self, evidence: Evidence, new: npt.NDArray[np.bool_]) -> bool:
        """Whether models that know the new rows find no more wrong with them than with the others.

        What such models have learnt, each from folds without the row, is a rule and not noise.
        """
        own = self._model(evidence, evidence.seed)
        if isinstance(own, NotApplicable):
            return False
        fresh = new[own.classes.codes(evidence[self._sample]) != UNKNOWN]
        rows, others = own.judged.where(fresh), own.judged.where(~fresh)
        if len(others.sure) < MIN_OTHERS:
            return False
        return self._worst(own, rows, others) is None

    def _worst(self, model: Model, rows: Judged, own: Judged) -> Excess | None:
        """The least probable excess, of all rows or of one predicted label: a targeted flip moves one class only."""
        names = ["all rows", *(f"those that read like {name}" for name in model.classes.names)]
        tests = [Excess.of(names[0], rows, own)]
        tests += [
            Excess.of(name, rows.where(rows.predicted == code), own.where(own.predicted == code))
            for code, name in enumerate(names[1:])
        ]
        level = self.params.chance / len(tests)
        fired = [item for item in tests if item.share >= self.params.min_excess and item.chance <= level]
        return min(fired, key=lambda item: item.chance, default=None)

    def _excess_alarm(self, excess: Excess, *, consistent: bool, reference: str) -> Alarm:
        message = (
            f"{excess.wrong:,} of {excess.rows:,} sampled new rows ({excess.name}) carry a label that the models are "
            f"sure is wrong; as many rows of the reference, as sure, hold {excess.expected:,.0f}"
        )
        if consistent:
            message += "; models of the new version agree with them, so the labels follow another rule than before"
        numbers: dict[str, float | int | str] = {
            "contradictions in new rows": excess.wrong,
            "expected from the reference": round(excess.expected, 1),
            "excess share": round(excess.share, 4),
            "p": float(f"{excess.chance:.2g}"),
            "minimum excess": self.params.min_excess,
        }
        return Alarm(message, reference, numbers, Signal.DRIFT if consistent else None)


class ContradictionScorer(RowScorer):
    """Scores how strongly each row contradicts its label."""

    threshold = 0.5

    def __init__(self, check: LabelNoise, model: Model, cut: float, alarm: Alarm | None) -> None:
        self._check = check
        self._model = model
        self._cut = cut
        self._alarm = alarm

    @property
    def columns(self) -> tuple[str, ...]:
        """The features and the label."""
        return tuple(dict.fromkeys([*self._model.ensemble.columns, self._model.classes.column]))

    def score(self, block: Block) -> Scores:
        """0.5 where honest contradictions end."""
        return scores(self._model.margins(block.table, block.hashes), self._cut)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for the label column if the dataset-level test fired."""
        if self._alarm is None or not scored.flagged:
            return
        yield self._check.finding(
            subject=f"column={self._model.classes.column}",
            message=f"{self._alarm.message}; {scored.flagged:,} rows named.",
            confidence=float(scored.scores[0]),
            compared_with=self._alarm.compared_with,
            column=self._model.classes.column,
            numbers={**self._alarm.numbers, "rows named": scored.flagged},
            rows=np.sort(scored.rows),
            row_count=scored.flagged,
            signal=self._alarm.signal or self._check.card.signal,
        )
