"""What the rest of a row says about one of its numbers.

1. Numbers become normal scores through the sample's ranks: an error of 1 is as grave in every column.
2. Boosted trees predict one column from all other features. There are two models, each taught by one half of the rows
   (by row hash) and judging the other: no row, and no copy of it, is judged by a model that knows it.
3. Columns that hold few different numbers, or one number in half of the rows, are codes: they are not predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import ndtri

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.features_tabular import Matrix, TableEncoder
from poisonguard.detectors.learners import SEED_RANGE, threads
from poisonguard.detectors.library_models import boosted_regressor
from poisonguard.sketches.sample import sample_hashes, sample_rows
from poisonguard.sketches.values import HashArray

FEWEST_COLUMNS = 2
"""Columns that vary: one to predict, one to predict it from."""

FEWEST_DISTINCT = 10
COMMONEST = 0.5
"""Share of the rows that one number may hold."""

SCREENED = 2_000
"""Rows on which it is found out whether a column can be predicted at all."""

TAUGHT = 8_000
"""Rows that both models of a column learn from, at most."""

WORK = 160_000
"""The same, of all columns together."""

PROMISING = 0.9
"""Error of a small model, reached by one row in ten, up to which a larger one is fitted."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NumberModel:
    """Predicts one column from the others.

    Attributes:
        place: The column's place in the matrix.
        ordered: Its numbers in the sample, ascending.
        halves: The model that judges rows of odd hash, and the one for rows of even hash.
    """

    place: int
    ordered: Floats
    halves: tuple[Any, Any]

    @classmethod
    def fit(cls, matrix: Matrix, place: int, hashes: HashArray, seed: int) -> NumberModel:
        """Two models from the rows of ``matrix``, shape (rows, columns)."""
        ordered = np.sort(matrix[~np.isnan(matrix[:, place]), place])
        sides = (_is_even(hashes), ~_is_even(hashes))
        first, second = (_fitted(matrix[side], place, ordered, seed, iterations=40) for side in sides)
        return cls(place, ordered, (first, second))

    def errors(self, matrix: Matrix, hashes: HashArray) -> Floats:
        """How far each number lies above what is predicted, in normal scores; 0 for no number, shape (rows,)."""
        others, found = np.delete(matrix, self.place, axis=1), np.zeros(len(matrix))
        for side, model in zip((~_is_even(hashes), _is_even(hashes)), self.halves, strict=True):
            if side.any():
                found[side] = model.predict(others[side])
        # Rounded: the last bits must not depend on how the rows are cut.
        return np.asarray(np.round(np.nan_to_num(self.scores(matrix[:, self.place]) - found), 9))

    def scores(self, values: Floats) -> Floats:
        """Normal scores of numbers of the column."""
        return normal_scores(values, self.ordered)


@dataclass(frozen=True, slots=True)
class NumberModels:
    """Models of the columns that the other columns predict.

    Attributes:
        encoder: Turns rows into a matrix.
        models: One for each such column, best predicted first.
    """

    encoder: TableEncoder
    models: tuple[NumberModel, ...]

    @classmethod
    def fit(cls, sample: pa.Table, numeric: Sequence[str], categorical: Sequence[str], seed: int) -> NumberModels:
        """Fit to a sample of rows with their hashes."""
        hashes, rows = sample_hashes(sample)[:TAUGHT], sample_rows(sample).slice(0, TAUGHT)
        encoder = TableEncoder.of(rows, numeric, categorical)
        if len(encoder.columns) < FEWEST_COLUMNS:
            return cls(encoder, ())
        matrix = encoder.matrix(rows)
        with threads().limit(limits=1):
            missed = [
                (round(_missed(matrix[:SCREENED], place, hashes[:SCREENED], seed), 6), place)
                for place in range(len(encoder.numeric))
                if _is_measured(matrix[:, place])
            ]
            chosen = [place for error, place in sorted(missed) if error <= PROMISING]
            taught = slice(0, WORK // max(1, len(chosen)))
            models = tuple(NumberModel.fit(matrix[taught], place, hashes[taught], seed) for place in chosen)
        return cls(encoder, models)

    def name(self, model: NumberModel) -> str:
        """The column that a model predicts."""
        return self.encoder.columns[model.place]


def normal_scores(values: Floats, ordered: Floats) -> Floats:
    """Normal quantiles of the ranks that ``values`` have among ``ordered``, ties in the middle; NaN stays."""
    count = len(ordered)
    middle = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    return np.where(np.isnan(values), np.nan, ndtri(np.clip(middle / count, 0.5 / count, 1 - 0.5 / count)))


def _is_even(hashes: HashArray) -> Mask:
    return np.asarray(hashes % np.uint64(2) == 0)


def _is_measured(values: Floats) -> bool:
    """Whether a column holds measurements rather than codes."""
    held = values[~np.isnan(values)]
    counts = np.unique(held, return_counts=True)[1]
    return len(counts) >= FEWEST_DISTINCT and int(counts.max()) <= COMMONEST * len(values)


def _missed(matrix: Matrix, place: int, hashes: HashArray, seed: int) -> float:
    """By how much a small model misses one in ten rows that it did not see; a quantile, which few rows cannot move."""
    known = ~np.isnan(matrix[:, place])
    taught, judged = known & _is_even(hashes), known & ~_is_even(hashes)
    if min(taught.sum(), judged.sum()) < FEWEST_DISTINCT:
        return np.inf
    ordered = np.sort(matrix[known, place])
    model = _fitted(matrix[taught], place, ordered, seed, iterations=20)
    found = model.predict(np.delete(matrix[judged], place, axis=1))
    return float(np.quantile(np.abs(normal_scores(matrix[judged, place], ordered) - found), 0.9))


def _fitted(matrix: Matrix, place: int, ordered: Floats, seed: int, *, iterations: int) -> Any:
    rows = matrix[~np.isnan(matrix[:, place])]
    others = np.delete(rows, place, axis=1)
    # The library refuses a column without any number.
    filled = np.where(np.isnan(others).all(axis=0), 0.0, others)
    return boosted_regressor(
        max_iter=iterations, max_leaf_nodes=15, early_stopping=False, random_state=seed % SEED_RANGE
    ).fit(filled, normal_scores(rows[:, place], ordered))
