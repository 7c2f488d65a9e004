"""Do the new rows differ from the reference's as a whole, also where no single column does?

1. A classifier learns to tell new rows from the reference's, on one half of the rows each, judged on the other half
   (by row hash, so no copy is judged by a model that knows it). Where both are alike, it can only guess: AUC 0.5.
2. A finding takes an AUC of at least the minimum and a small p. It names the columns that differ by themselves and the
   pair of columns whose dependence changed most.
3. Ids and timestamps are no features; running numbers and columns in which the versions do not overlap are left out:
   they tell when a row was written, not what it says.
4. What the whole population shares is drift, never a sign of poisoning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field
from scipy.special import ndtri

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.chances import normal_tail
from poisonguard.detectors.chances import ranks as ranked
from poisonguard.detectors.features_tabular import TableEncoder, common_columns, feature_columns, without_others
from poisonguard.detectors.learners import SEED_RANGE, threads
from poisonguard.detectors.library_models import boosted_classifier
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Check, Context, Evidence, MissingEvidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.sample import RowSample, sample_hashes

LEAST_ROWS = 100
"""New rows, and rows of the reference, below which nothing is compared."""

ALL_DISTINCT = 0.98
MOSTLY_ONCE = 0.95
"""Share of distinct rows below which all rows of the candidate are compared instead of the new ones."""

MAX_COLUMNS = 200
NAMED_COLUMNS = 3
CORRELATED_COLUMNS = 60
"""Columns between which changed dependence is looked for, the first ones."""


class JointDriftParams(Params):
    """Parameters of the check."""

    rows: int = Field(default=8_000, ge=LEAST_ROWS, description="Rows of either side that are compared.")
    minimum_auc: float = Field(default=0.52, ge=0.5, lt=1)
    chance: float = Field(default=1e-4, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows of the reference and new ones as one matrix.

    Attributes:
        names: The columns.
        matrix: Shape (rows, columns).
        is_category: Which columns hold categories, shape (columns,).
        is_new: Which rows are new, shape (rows,).
        half: Which half each row is in, shape (rows,).
    """

    names: tuple[str, ...]
    matrix: Floats
    is_category: npt.NDArray[np.bool_]
    is_new: npt.NDArray[np.bool_]
    half: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, old: pa.Table, new: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> Sides:
        """Both samples, encoded alike; running numbers left out."""
        hashes = np.concatenate([sample_hashes(old), sample_hashes(new)])
        both = pa.concat_tables([_features(side, numeric, categorical) for side in (old, new)])
        encoder = TableEncoder.of(both, numeric, categorical)
        matrix = encoder.matrix(both)
        is_new = np.arange(len(hashes)) >= old.num_rows
        kept = np.array([not _runs_on(matrix[:, place], is_new) for place in range(matrix.shape[1])], dtype=np.bool_)
        names = tuple(name for name, keep in zip(encoder.columns, kept, strict=True) if keep)
        return cls(names, matrix[:, kept], encoder.is_category[kept], is_new, hashes % np.uint64(2) == 0)

    def auc(self, seed: int) -> tuple[float, float]:
        """(mean AUC of both halves, p that it is no better than guessing)."""
        areas, weights = [], []
        for held in (self.half, ~self.half):
            chances = self._chances(~held, held, seed)
            areas.append(area(chances, self.is_new[held]))
            weights.append(_variance(self.is_new[held]))
        mean, spread = float(np.mean(areas)), float(np.sqrt(np.sum(weights)) / 2)
        return mean, normal_tail((mean - 0.5) / spread)

    def _chances(self, taught: npt.NDArray[np.bool_], judged: npt.NDArray[np.bool_], seed: int) -> Floats:
        features = self.matrix[taught]
        filled = np.where(np.isnan(features).all(axis=0), 0.0, features)
        with threads().limit(limits=1):
            model = boosted_classifier(
                max_iter=50,
                max_leaf_nodes=15,
                min_samples_leaf=20,
                early_stopping=False,
                random_state=seed % SEED_RANGE,
            ).fit(filled, self.is_new[taught])
            return np.asarray(model.predict_proba(self.matrix[judged])[:, 1])

    def columns(self) -> list[tuple[str, float]]:
        """The numeric columns that differ most by themselves, with their AUC."""
        areas = [
            (name, area(self.matrix[:, place], self.is_new))
            for place, name in enumerate(self.names)
            if not self.is_category[place]
        ]
        return sorted(areas, key=lambda item: (-abs(round(item[1], 6) - 0.5), item[0]))[:NAMED_COLUMNS]

    def pair(self) -> tuple[str, str, float, float] | None:
        """The numeric columns whose correlation of normal scores changed most, with it then and now."""
        places = np.flatnonzero(~self.is_category)[:CORRELATED_COLUMNS]
        if len(places) < 2:  # noqa: PLR2004 - a pair
            return None
        scores = np.column_stack([_normal_scores(self.matrix[:, place]) for place in places])
        then, now = (_correlations(scores[side]) for side in (~self.is_new, self.is_new))
        change = np.triu(np.abs(now - then), 1)
        first, second = np.unravel_index(int(np.argmax(np.round(change, 9))), change.shape)
        names = self.names[places[first]], self.names[places[second]]
        return *names, float(then[first, second]), float(now[first, second])


def _features(sample: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> pa.Table:
    """The feature columns of a sample, in types that both versions share."""
    kinds = {**dict.fromkeys(numeric, pa.float64()), **dict.fromkeys(categorical, pa.string())}
    return pa.table({name: sample[name].cast(kind, safe=False) for name, kind in kinds.items()})


class JointDrift(Check[JointDriftParams]):
    """Finds new rows that a classifier tells from the reference's."""

    detector = "joint-drift"
    params_model = JointDriftParams

    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Samples of the reference and of the new rows."""
        if not context.has_reference:
            return NotApplicable("no reference to compare with")
        self._numeric, self._categorical = feature_columns(context.columns, context.roles)
        if not self._numeric and not self._categorical:
            return NotApplicable("no numeric or categorical feature column")
        return [RowSample(), NewRows(RowSample())]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding for the whole."""
        if reference is None:
            return
        names = (*self._numeric, *self._categorical)
        common = common_columns(names, evidence, reference)[:MAX_COLUMNS]
        if not common:
            raise MissingEvidence(f"{reference.name} has no feature column in common")
        self._note = without_others(names, common)
        old = reference[RowSample()]
        new = evidence[RowSample() if _repeats(old) else NewRows(RowSample())]
        if min(old.num_rows, new.num_rows) < LEAST_ROWS:
            return
        limit = self.params.rows
        sides = Sides.of(
            old.slice(0, limit),
            new.slice(0, limit),
            [name for name in self._numeric if name in common],
            [name for name in self._categorical if name in common],
        )
        if not sides.names:
            return
        found, chance = sides.auc(evidence.seed)
        if found >= self.params.minimum_auc and chance <= self.params.chance:
            yield self._finding(sides, found, chance, reference.name)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and columns left out."""
        seen = min(evidence.rows, self.params.rows)
        sampled = f"at most {self.params.rows:,} rows of either side are compared" if seen < evidence.rows else ""
        return seen, "; ".join(filter(None, [sampled, self._note]))

    def _finding(self, sides: Sides, found: float, chance: float, reference: str) -> Finding:
        message = f"A classifier tells new rows from the reference's with an AUC of {found:.3f} (0.5 is guessing)"
        columns = sides.columns()
        if columns:
            message += "; by themselves: " + ", ".join(f"{name} {value:.3f}" for name, value in columns)
        pair = sides.pair()
        numbers: dict[str, float | int | str] = {
            "AUC": round(found, 4),
            "minimum AUC": self.params.minimum_auc,
            "p": float(f"{chance:.2g}"),
            "new rows": int(sides.is_new.sum()),
            "reference rows": int((~sides.is_new).sum()),
        }
        numbers |= {f"AUC of {name}": round(value, 4) for name, value in columns}
        if pair is not None:
            first, second, then, now = pair
            message += f"; correlation of {first} and {second}: {then:.2f} in the reference, {now:.2f} now"
            numbers |= {"correlation in the reference": round(then, 3), "correlation now": round(now, 3)}
        return self.finding(
            subject="rows=new",
            message=message + ".",
            confidence=min(1.0, 2 * found - 1),
            compared_with=reference,
            numbers=numbers,
        )


def _repeats(sample: pa.Table) -> bool:
    """Whether rows stand in the reference more than once: rows that are new are then rarer ones than all are."""
    return bool(len(np.unique(sample_hashes(sample))) < MOSTLY_ONCE * sample.num_rows)


def area(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """AUC: chance that a positive value is higher than another, ties half; NaN is left out, 0.5 if nothing remains."""
    known = ~np.isnan(values)
    ours = positive[known]
    mine, others = int(ours.sum()), int((~ours).sum())
    if not mine or not others:
        return 0.5
    ranks = ranked(values[known])
    return float((ranks[ours].sum() - mine * (mine + 1) / 2) / (mine * others))


def _variance(positive: npt.NDArray[np.bool_]) -> float:
    """Variance of an AUC of guesses (Mann and Whitney 1947)."""
    mine, others = max(int(positive.sum()), 1), max(int((~positive).sum()), 1)
    return (mine + others + 1) / (12 * mine * others)


def _runs_on(values: Floats, is_new: npt.NDArray[np.bool_]) -> bool:
    """Whether a column numbers its rows, or lies on other ground in the new rows than in the reference's."""
    held = values[~np.isnan(values)]
    whole = len(held) > 0 and bool((held == np.floor(held)).all())
    if whole and len(np.unique(held)) >= ALL_DISTINCT * len(values):
        return True
    new, old = (values[side & ~np.isnan(values)] for side in (is_new, ~is_new))
    return bool(len(new) and len(old) and (new.min() > old.max() or new.max() < old.min()))


def _normal_scores(values: Floats) -> Floats:
    known = ~np.isnan(values)
    scores = np.zeros(len(values))
    if known.any():
        scores[known] = ndtri((ranked(values[known]) - 0.5) / known.sum())
    return scores


def _correlations(scores: Floats) -> Floats:
    """Correlations, 0 where a column does not vary."""
    spread = np.where(scores.std(axis=0) > 0, scores.std(axis=0), 1.0)
    centred = (scores - scores.mean(axis=0)) / spread
    return np.asarray(centred.T @ centred / len(scores))
