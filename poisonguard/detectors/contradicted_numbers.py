"""Numbers that the rest of their row contradicts, although each is ordinary by itself: broken dependence.

1. Models say what number the rest of a row leads to expect (``number_models``). Only columns that are predicted well
   can be contradicted.
2. Without a reference a row is far out beyond three times what nine in ten rows reach, and at least by one standard
   deviation. How many honest rows lie there is extrapolated from the other rows' errors by a Pareto law.
3. With a reference its own rows tell: far out is what few of them reach, and what was approved is not named. Where the
   bulk of the new rows is predicted worse than before, the dependence changed for all: that is drift, not this.
4. One number that many of the rows share is a code for something, such as "unknown": it contradicts nothing. Without a
   reference, numbers that are all too high, or all too low, or odd by themselves, are a group or a fault of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.cells import is_known
from poisonguard.detectors.drift_versions import approved_hashes
from poisonguard.detectors.feature_check import FeatureCheck, SampledParams
from poisonguard.detectors.learners import threads
from poisonguard.detectors.number_contradictions import Contradicted, Judged, contradicted, orders, where_told
from poisonguard.detectors.number_models import FEWEST_COLUMNS, Mask, NumberModels
from poisonguard.detectors.picture_columns import are_pixels
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import (
    Block,
    Context,
    Evidence,
    NotApplicable,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.values import HashArray

FEWEST = 8
MIN_SAMPLE = 500

TOLD = 1 / 3
"""Part of the evidence that must lie, without a reference, in rows whose number the others tell."""


class ContradictedNumbersParams(SampledParams):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=MIN_SAMPLE)
    min_orders: float = Field(default=6.0, gt=0, description="Orders of magnitude against chance, without a reference.")
    min_orders_against: float = Field(default=5.0, gt=0, description="The same, against a reference.")
    min_share: float = Field(default=0.005, ge=0, le=1, description="Share of the rows that must be far out.")
    max_share: float = Field(default=0.1, gt=0, lt=1, description="Share of the rows that may be far out.")


class ContradictedNumbers(FeatureCheck[ContradictedNumbersParams]):
    """Finds rows that hold a number which the rest of them contradicts."""

    detector = "contradicted-numbers"
    params_model = ContradictedNumbersParams
    most_columns = 40  # each is predicted from all others
    fitted = "the models are"

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, and of the new ones."""
        if self._choose(context) < FEWEST_COLUMNS or not self._numeric:
            return NotApplicable("no numeric feature column beside another feature")
        if are_pixels(context):
            return NotApplicable("the numbers are pixels; the checks of pictures look at them")
        return [self._sample, NewRows(self._sample)] if context.has_reference else [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """Scores the columns that hold contradicted numbers; nothing when none does."""
        numeric, categorical = self._in_both(evidence, reference)
        known = (evidence if reference is None else reference)[self._sample]
        if known.num_rows < MIN_SAMPLE:
            return NotApplicable(f"{known.num_rows} rows are too few to predict numbers (at least {MIN_SAMPLE})")
        models = NumberModels.fit(known, numeric, categorical, evidence.seed)
        if len(models.encoder.columns) < FEWEST_COLUMNS:
            return NotApplicable("no other feature varies")
        looked = known if reference is None else evidence[NewRows(self._sample)]
        if not models.models or looked.num_rows < FEWEST:
            return None
        found = self._found(models, looked, None if reference is None else known, evidence.seed)
        approved = None if reference is None else approved_hashes(reference, self._sample)
        compared = "the rest of the row" if reference is None else reference.name
        return NumberScorer(self, models, found, approved, compared) if found else None

    def _found(self, models: NumberModels, looked: pa.Table, base: pa.Table | None, seed: int) -> list[Contradicted]:
        """The columns that stand, the purest first; one that a purer one explains is left out."""
        rows = Judged.of(models, looked)
        old = None if base is None else Judged.of(models, base)
        found = [contradicted(model, rows, old) for model in models.models]
        standing, explained = list[Contradicted](), np.zeros(looked.num_rows, dtype=np.bool_)
        for item in sorted((item for item in found if item is not None), key=lambda item: item.impurity):
            left = item.far & ~explained
            enough = max(FEWEST, self.params.min_share * looked.num_rows)
            if not enough <= left.sum() <= self.params.max_share * looked.num_rows:
                continue
            if self._stands_alone(item, left, rows, seed) if base is None else self._stands(item, left):
                standing.append(item)
                explained |= item.far
        return standing

    def _stands(self, item: Contradicted, left: Mask) -> bool:
        return orders(int(left.sum()), item.expected) >= self.params.min_orders_against

    def _stands_alone(self, item: Contradicted, left: Mask, rows: Judged, seed: int) -> bool:
        """Beyond chance where small errors are expected; or beyond chance everywhere, and partly there."""
        least = self.params.min_orders
        told, expected = where_told(item, rows, seed)
        inner = orders(int((left & told).sum()), expected)
        return inner >= least or (inner >= TOLD * least and orders(int(left.sum()), item.expected) >= least)


class NumberScorer(RowScorer):
    """Scores how far a row's numbers lie from what the rest of it says; 0.5 at the cut."""

    threshold = 0.5

    def __init__(
        self,
        check: ContradictedNumbers,
        models: NumberModels,
        found: Sequence[Contradicted],
        known: HashArray | None,
        compared: str,
    ) -> None:
        self._check = check
        self._models = models
        self._found = found
        self._known = known
        self._compared = compared

    @property
    def columns(self) -> tuple[str, ...]:
        """The features."""
        return self._models.encoder.columns

    def score(self, block: Block) -> Scores:
        """Error over error plus cut, of the column where that is highest; 0 for rows that were approved."""
        matrix, scores = self._models.encoder.matrix(block.table), np.zeros(block.table.num_rows)
        with threads().limit(limits=1):
            for item in self._found:
                errors = np.abs(item.model.errors(matrix, block.hashes))
                errors[np.isin(matrix[:, item.model.place], item.codes)] = 0.0
                np.maximum(scores, errors / (errors + item.cut), out=scores)
        return scores if self._known is None else np.where(is_known(block, self._known), 0.0, scores)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for all columns."""
        if not scored.flagged:
            return
        names = [self._models.name(item.model) for item in self._found]
        first = self._found[0]
        shown = "; ".join(
            f"{name}: {int(item.far.sum()):,} of {len(item.far):,} sampled rows, {item.expected:.1f} are expected"
            for name, item in zip(names, self._found, strict=True)
        )
        yield self._check.finding(
            subject=f"columns={','.join(names)}",
            message=f"{scored.flagged:,} rows hold a number that the rest of the row contradicts ({shown}).",
            confidence=float(scored.scores[0]),
            compared_with=self._compared,
            column=names[0],
            numbers={
                "rows named": scored.flagged,
                "rows far out": int(first.far.sum()),
                "expected": round(first.expected, 2),
                "orders of magnitude against chance": round(first.orders, 1),
                "standard deviations from which a row is far out": round(first.cut, 3),
            },
            rows=np.sort(scored.rows),
            row_count=scored.flagged,
        )
