"""Rows that no other row resembles: extreme values, many mild deviations, combinations that never occur.

1. A model of ordinary rows is fitted on a sample: of the reference if there is one, else of the candidate.
2. An outlier is a data-quality matter. Without a reference only rows too odd for a dataset of this size are
   named (fewer than 0.05 of them are expected), as a note.
3. With a reference, rows are odd that lie beyond all but a few of its own; those were approved and score nothing.
   Many more odd rows than it has is drift: the finding says that new rows come from elsewhere, not why.
4. It is a sign of poisoning when impossible numbers are scattered over the columns, or when new rows are odd as
   combinations only while all others go together as before (``outlier_signs``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.cells import is_known
from poisonguard.detectors.copula import RowModel
from poisonguard.detectors.delta import new_rows
from poisonguard.detectors.drift_versions import approved_hashes
from poisonguard.detectors.feature_check import FeatureCheck, SampledParams
from poisonguard.detectors.outlier_signs import (
    Excess,
    Scattered,
    count_odd,
    impossible,
    incoherent,
    is_as_before,
    newly_scattered,
    scattered,
)
from poisonguard.domain.finding import Finding, Level, Signal
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
from poisonguard.sketches.sample import sample_hashes
from poisonguard.sketches.values import HashArray

PLANTED_FAR = 0.05
"""Expected rows so odd, where odd rows were planted."""

MOSTLY = 0.7
"""Share of the rows so odd that must hold one impossible number."""

SEEN_ROWS = 50
"""Rows per column from which a model does not know its own rows by heart."""

MIN_SAMPLE = 100
MIN_DELTA = 30


class RowOutliersParams(SampledParams):
    """Parameters of the check."""

    far_out: float = Field(default=0.001, gt=0, lt=1, description="Expected rows so odd in a clean dataset.")
    odd_share: float = Field(default=0.003, gt=0, lt=0.1, description="Share of honest rows taken for odd.")
    min_excess: float = Field(default=0.005, ge=0, le=1, description="Excess over the reference's share of odd rows.")
    chance: float = Field(default=1e-4, gt=0, lt=1, description="Level of the test against the reference.")


Numbers = dict[str, float | int | str]


class RowOutliers(FeatureCheck[RowOutliersParams]):
    """Finds rows that are odd in their values or in how these go together."""

    detector = "row-outliers"
    params_model = RowOutliersParams
    most_columns = 400  # the covariance is quadratic in the columns
    fitted = "the model is"

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, if there are features."""
        return [self._sample] if self._choose(context) else NotApplicable("no numeric or categorical feature column")

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A model of ordinary rows, with the cut beyond which a row is named."""
        numeric, categorical = self._in_both(evidence, reference)
        known = (evidence if reference is None else reference)[self._sample]
        if known.num_rows < MIN_SAMPLE:
            return NotApplicable(f"{known.num_rows} rows are too few to tell odd ones (at least {MIN_SAMPLE})")
        model = RowModel.fit(known, numeric, categorical)
        if model is None:
            return NotApplicable("no feature column varies")
        if reference is not None:
            return self._against(model, evidence, reference)
        believed = model.believed()
        surprise = believed.surprise(known)
        found = scattered(believed, known, surprise, impossible(evidence.rows))
        far = self._far(evidence.rows, self._planted(believed, known, surprise, evidence.rows) if found else None)
        return OddityScorer(self, believed if found else model, far, None, found)

    def _far(self, rows: int, found: Scattered | None) -> float:
        """The surprise beyond which a row is far out; where such rows were planted, the nearer ones count, too."""
        return float(np.log10(rows / (self.params.far_out if found is None else PLANTED_FAR)))

    def _planted(self, model: RowModel, sample: pa.Table, surprise: Floats, rows: int) -> Scattered | None:
        """The nearer ones, if they are scattered as the far ones are: else one heavy column would be named, too."""
        limit = float(np.log10(rows / PLANTED_FAR))
        found = scattered(model, sample, surprise, limit)
        return found if found and found.rows >= MOSTLY * (surprise > limit).sum() else None

    def _against(self, model: RowModel, evidence: Evidence, reference: Evidence) -> OddityScorer:
        """With every number as improbable as its column says, if such numbers are scattered; else calibrated."""
        believed = self._compared(model.believed(), evidence, reference)
        return believed if believed.is_scattered else self._compared(model, evidence, reference)

    def _compared(self, model: RowModel, evidence: Evidence, reference: Evidence) -> OddityScorer:
        """The widest cut at which new rows are odd more often than the reference's: moderate first, then far."""
        sample, base = evidence[self._sample], reference[self._sample]
        new = new_rows(sample_hashes(sample), sample_hashes(base), reference_complete=base.num_rows >= reference.rows)
        table = sample.filter(pa.array(new))
        own, surprise = _own(model, base), model.surprise(table)
        rows = max(evidence.rows, base.num_rows)
        found = scattered(model, table, surprise, impossible(evidence.rows)) or newly_scattered(
            model, table, surprise, base, own, float(np.log10(rows / PLANTED_FAR)), self.params.chance
        )
        far = self._far(rows, self._planted(model, table, surprise, rows) if found else None)
        known = approved_hashes(reference, self._sample)
        moderate = float(np.quantile(own, 1 - self.params.odd_share))
        if len(surprise) >= MIN_DELTA:
            for cut, minimum in ((moderate, self.params.min_excess), (far, self.params.min_excess / 10)):
                excess = count_odd(surprise, own, cut, reference.name)
                if excess.share - excess.base >= minimum and excess.chance <= self.params.chance:
                    is_sign = incoherent(model, table, surprise, own, cut)
                    if found is None and is_as_before(surprise, own, cut):
                        found = scattered(model, table, surprise, cut)
                    return OddityScorer(self, model, cut, replace(excess, incoherent=is_sign), found, known)
        return OddityScorer(self, model, far, None, found, known)


def _own(model: RowModel, base: pa.Table) -> Floats:
    """Surprise of the reference's own rows; of few rows with many columns, by models that did not see them."""
    names = (*model.numeric, *(item.column for item in model.categorical))
    if base.num_rows >= SEEN_ROWS * len(names):
        return model.surprise(base)
    half = np.arange(base.num_rows) % 2 == 0
    parts = [base.filter(pa.array(half)), base.filter(pa.array(~half))]
    categorical = tuple(item.column for item in model.categorical)
    models = [RowModel.fit(part, model.numeric, categorical) or model for part in parts]
    if model.extreme is None:
        models = [item.believed() for item in models]
    return np.concatenate([models[1].surprise(parts[0]), models[0].surprise(parts[1])])


class OddityScorer(RowScorer):
    """Scores how odd each row is; 0.5 at the cut."""

    threshold = 0.5

    def __init__(  # noqa: PLR0913, PLR0917 - what the check found, piece by piece
        self,
        check: RowOutliers,
        model: RowModel,
        cut: float,
        excess: Excess | None,
        found: Scattered | None,
        known: HashArray | None = None,
    ) -> None:
        self._found = found
        self._known = known
        self._check = check
        self._model = model
        self._cut = cut
        self._excess = excess

    @property
    def columns(self) -> tuple[str, ...]:
        """The features."""
        return self._model.columns

    @property
    def is_scattered(self) -> bool:
        """Whether impossible numbers are scattered over the columns."""
        return self._found is not None

    def score(self, block: Block) -> Scores:
        """Surprise over surprise plus cut, in [0, 1); 0 for rows that were approved."""
        surprise = self._model.surprise(block.table)
        scores = np.asarray(surprise / (surprise + self._cut))
        return scores if self._known is None else np.where(is_known(block, self._known), 0.0, scores)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """Drift when the reference has far fewer; a note when rows are too odd for the dataset's size."""
        if not scored.flagged:
            return
        rows = np.sort(scored.rows)
        top = float(scored.scores[0])
        orders = self._cut * top / max(1 - top, 1e-9)
        numbers: Numbers = {
            "rows named": scored.flagged,
            "oddest row, orders of magnitude": round(orders, 1),
            "columns": len(self._model.columns),
        }
        if self._found is not None:
            numbers |= {"impossible numbers": self._found.rows, "columns with them": self._found.columns}
        if self._excess is None:
            yield self._far_out(scored, top, orders, numbers, rows)
        else:
            yield self._beyond(self._excess, scored, top, numbers, rows)

    def _far_out(
        self, scored: Scored, top: float, orders: float, numbers: Numbers, rows: npt.NDArray[np.int64]
    ) -> Finding:
        """A note, or a sign when the rows are scattered over the columns."""
        expected = float(f"{scored.total * 10**-self._cut:.2g}")
        message = (
            f"{scored.flagged:,} rows lie so far from all others that {expected:g} would be expected among "
            f"{scored.total:,}; the oddest is 10^-{orders:.0f} likely"
        )
        is_sign = self._found is not None
        return self._check.finding(
            subject="rows=far-out",
            message=message + self._scattering() + ".",
            confidence=top,
            level=Level.WARNING if is_sign else Level.NOTE,
            signal=Signal.POISONING if is_sign else Signal.QUALITY,
            numbers=numbers,
            rows=rows,
            row_count=scored.flagged,
        )

    def _beyond(
        self, excess: Excess, scored: Scored, top: float, numbers: Numbers, rows: npt.NDArray[np.int64]
    ) -> Finding:
        """Drift, or a sign."""
        is_sign = excess.incoherent or self._found is not None
        message = (
            f"{excess.odd:,} of {excess.rows:,} sampled new rows ({excess.share:.2%}) are odd beyond what the "
            f"reference holds ({excess.base:.2%}); {scored.flagged:,} rows named"
        )
        if excess.incoherent:
            message += "; their numbers are ordinary one by one and do not go together, all other new rows do"
        return self._check.finding(
            subject="rows=odd",
            message=message + self._scattering() + ".",
            confidence=top,
            signal=Signal.POISONING if is_sign else Signal.DRIFT,
            compared_with=excess.reference,
            numbers=numbers
            | {
                "odd share of new rows": round(excess.share, 5),
                "odd share in the reference": round(excess.base, 5),
                "p": float(f"{excess.chance:.2g}"),
            },
            rows=rows,
            row_count=scored.flagged,
        )

    def _scattering(self) -> str:
        if self._found is None:
            return ""
        return f"; {self._found.rows:,} sampled rows hold one impossible number each, in {self._found.columns} columns"
