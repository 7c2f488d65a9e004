"""How improbable a row is, column by column and as a combination, from a sample.

1. *Tails*: the sum of the columns' log tail probabilities (ECOD, Li et al. 2022) and the most extreme single one.
2. *Dependence*: values become normal scores through the sample's ranks, and the Mahalanobis distance under one
   regularised covariance says how odd they are together (a Gaussian copula): each value may be ordinary.
3. *Rarity*: the sum of the log frequencies of its categories, null a category of its own.
4. *Extremes*: the smallest tail probability of its numbers.
Each is calibrated on the sample to a tail probability. A row gets the smallest, corrected for the number of looks;
the dependence bears a part of that only, for honest rows with heavy tails are common, and honest rows whose numbers do
not go together are not. That is a preference in the order of rows, not a correction that holds a level for each look:
the level asked for is small instead. The fitted tail of a heavy column may be too light, so the extremes are
calibrated, too, until they are ``believed``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.linalg import solve_triangular

from poisonguard.detectors.calibration import SMALLEST, Floats, Margin, UpperTail
from poisonguard.detectors.features_tabular import Categories, TableEncoder, numbers
from poisonguard.detectors.learners import threads

MAX_SCORE = 5.0
"""Normal scores are those of ranks in a sample; further out the tails speak, and the dependence says nothing."""

TRIMMED = 0.02
"""The oddest rows of the sample are left out of the second covariance: outliers must not widen their own ruler."""

MIN_SHRINKAGE = 0.001

DEPENDENCE = 1
"""Place of the dependence among the looks at a row with numbers."""

TRUSTED = 0.15
"""Part of the correction for so many looks that the dependence bears; four looks leave it 0.6 of its probability."""

MIN_DISTINCT = 3


@dataclass(frozen=True, slots=True)
class RowModel:
    """A fitted model of ordinary rows."""

    numeric: tuple[str, ...]
    margins: tuple[Margin, ...]
    root: Floats
    categorical: tuple[Categories, ...]
    frequencies: tuple[Floats, ...]
    tails: tuple[UpperTail, ...]
    extreme: UpperTail | None = None

    @classmethod
    def fit(cls, sample: pa.Table, numeric: tuple[str, ...], categorical: tuple[str, ...]) -> RowModel | None:
        """Fit to a sample; nothing when no column varies enough."""
        kept = tuple(name for name in numeric if _is_varied(numbers(sample, name)))
        encoder = TableEncoder.of(sample, (), categorical)
        if not kept and not encoder.categorical:
            return None
        margins = tuple(Margin.fit(numbers(sample, name)) for name in kept)
        codes = encoder.matrix(sample)
        frequencies = tuple(_frequencies(codes[:, place], item) for place, item in enumerate(encoder.categorical))
        with threads().limit(limits=1):
            looked = _looked_up(sample, kept, margins)
            root = _root(looked[1])
            draft = cls(kept, margins, root, encoder.categorical, frequencies, ())
            tails = tuple(UpperTail.fit(statistic) for statistic in draft._statistics(sample, *looked))
        extreme = UpperTail.fit(-np.log(_least(looked[0]))) if kept else None
        return cls(kept, margins, root, encoder.categorical, frequencies, tails, extreme)

    def believed(self) -> RowModel:
        """The model with the extremes as improbable as the tails of their columns say."""
        return replace(self, extreme=None)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (*self.numeric, *(item.column for item in self.categorical))

    def surprise(self, table: pa.Table | pa.RecordBatch) -> Floats:
        """Minus log10 of the probability of a row at least so odd, shape (rows,), at least 0."""
        looks = self._looks(table)
        if self.numeric:
            looks[DEPENDENCE] = looks[DEPENDENCE] * TRUSTED
        least = np.minimum(np.min(looks, axis=0) * len(looks), 1.0)
        # Rounded: the last bits of a matrix product depend on how many rows it has.
        return np.asarray(np.round(-np.log10(np.maximum(least, SMALLEST)), 6)) + 0.0

    def dependence(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Which rows are odder as a combination of numbers than in any other way, shape (rows,)."""
        looks = self._looks(table)
        if not self.numeric:
            return np.zeros(table.num_rows, dtype=np.bool_)
        others = [look for place, look in enumerate(looks) if place != DEPENDENCE]
        return np.asarray(looks[DEPENDENCE] < np.min(others, axis=0))

    def extremes(self, table: pa.Table | pa.RecordBatch) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Minus log10 of the probability of each row's most extreme number, and its column, shapes (rows,)."""
        if not self.numeric:
            return np.zeros(table.num_rows), np.zeros(table.num_rows, dtype=np.intp)
        chances = _looked_up(table, self.numeric, self.margins)[0]
        return np.asarray(-np.log10(_least(chances))), chances.argmin(axis=1)

    def _looks(self, table: pa.Table | pa.RecordBatch) -> list[Floats]:
        """Probabilities of each row by each statistic, then of its most extreme number, each shape (rows,)."""
        chances, scores = _looked_up(table, self.numeric, self.margins)
        with threads().limit(limits=1):
            statistics = self._statistics(table, chances, scores)
            looks = [tail.chance(item) for tail, item in zip(self.tails, statistics, strict=True)]
        if self.numeric:
            least = _least(chances)
            looks.append(least if self.extreme is None else np.maximum(self.extreme.chance(-np.log(least)), least))
        return looks

    def _statistics(self, table: pa.Table | pa.RecordBatch, chances: Floats, scores: Floats) -> list[Floats]:
        """Sum of log tails, copula distance, and sum of rarities, each shape (rows,); those that exist."""
        found = []
        if self.numeric:
            found.append(-np.log(chances).sum(axis=1))
            whitened = solve_triangular(self.root, scores.T, lower=True, check_finite=False)
            found.append(np.sqrt((whitened**2).sum(axis=0)))
        if self.categorical:
            pairs = zip(self.categorical, self.frequencies, strict=True)
            found.append(np.sum([_rarity(item.codes(table), frequency) for item, frequency in pairs], axis=0))
        return found


def _is_varied(values: Floats) -> bool:
    return len(np.unique(values[~np.isnan(values)])) >= MIN_DISTINCT


def _looked_up(
    table: pa.Table | pa.RecordBatch, names: tuple[str, ...], margins: tuple[Margin, ...]
) -> tuple[Floats, Floats]:
    """Two-sided probabilities of all numbers, and their normal scores, shapes (rows, columns)."""
    shape = table.num_rows, len(names)
    chances, scores = np.ones(shape, order="F"), np.zeros(shape, order="F")
    for place, (name, margin) in enumerate(zip(names, margins, strict=True)):
        chances[:, place], scores[:, place] = margin.look_up(numbers(table, name))
    return chances, np.clip(scores, -MAX_SCORE, MAX_SCORE)


def _least(chances: Floats) -> Floats:
    """Probability of a row's most extreme number, as the least of so many, shape (rows,)."""
    return np.asarray(np.clip(chances.shape[1] * chances.min(axis=1), SMALLEST, 1.0))


def _root(scores: Floats) -> Floats:
    """Lower Cholesky factor of the covariance of the ordinary rows, shape (columns, columns)."""
    root = np.linalg.cholesky(_shrunk(scores))
    distance = (solve_triangular(root, scores.T, lower=True) ** 2).sum(axis=0)
    ordinary = scores[distance <= np.quantile(distance, 1 - TRIMMED)] if len(scores) else scores
    return np.asarray(np.linalg.cholesky(_shrunk(ordinary)))


def _shrunk(scores: Floats) -> Floats:
    """Covariance pulled towards its diagonal, the more the fewer rows there are per column."""
    rows, columns = scores.shape
    shrinkage = min(1.0, max(MIN_SHRINKAGE, columns / max(rows, 1)))
    covariance = np.atleast_2d(np.cov(scores, rowvar=False)) if columns else np.zeros((0, 0))
    diagonal = np.maximum(np.diag(covariance), 1e-6)
    return np.asarray((1 - shrinkage) * covariance + np.diag(shrinkage * diagonal + 1e-6))


def _frequencies(codes: Floats, item: Categories) -> Floats:
    """Share of each code, other and null last, half a row added to each."""
    known = np.where(np.isnan(codes), len(item.names) + 1, codes).astype(np.intp)
    counts: npt.NDArray[np.intp] = np.bincount(known, minlength=len(item.names) + 2)
    return np.asarray((counts + 0.5) / (len(codes) + 0.5 * len(counts)))


def _rarity(codes: Floats, frequencies: Floats) -> Floats:
    """Minus log frequency of each code, shape (rows,)."""
    known = np.where(np.isnan(codes), len(frequencies) - 1, codes).astype(np.intp)
    return np.asarray(-np.log(frequencies[known]))
