"""What rows say about a label without the values that are under suspicion.

A classifier that never saw the pattern's rows judges them, once without the pattern's columns and once with them. A
genuine combination still reads like its class, by the other columns or by its neighbours; planted rows read like the
rows that they were made of. The higher of the two answers counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.features_tabular import Matrix, TableEncoder
from poisonguard.detectors.learners import SEED_RANGE, threads
from poisonguard.detectors.library_models import boosted_classifier
from poisonguard.detectors.value_cells import is_wide
from poisonguard.detectors.value_codes import Integers, Mask

TRAINED = 6_000
"""Rows that a judge learns from."""

JUDGED = 400
"""Rows of a pattern that are judged."""

FEWEST_OF_CLASS = 20
"""Rows of a class that a judge must have seen besides the pattern's; with fewer, nothing is verified."""

GRADES = 8
"""Steps of a number, for asking whether rows agree in it."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Rows to learn labels from.

    Attributes:
        encoder: Turns rows into a matrix.
        features: The rows to learn from, shape (rows, columns).
        labels: Code of the label of each, shape (rows,).
        seed: Seed of the models.
    """

    encoder: TableEncoder
    features: Matrix
    labels: Integers
    seed: int

    @classmethod
    def of(cls, encoder: TableEncoder, sample: pa.Table, labels: Integers, seed: int) -> Judge:
        """Rows with a label learn."""
        return cls(encoder, encoder.matrix(sample), labels, seed)

    def opinions(self, rows: Matrix, label: int, columns: frozenset[str], unseen: Mask | None) -> tuple[float, float]:
        """Mean probability of ``label`` for ``rows``: with ``columns`` knocked out, and as they are.

        Args:
            rows: The rows, encoded, shape (n, columns).
            label: Code of the label.
            columns: Names of the pattern's columns.
            unseen: Rows that must not be learnt from, shape (rows,); none if nothing.
        """
        known = self.labels >= 0 if unseen is None else (self.labels >= 0) & ~unseen
        taught = np.flatnonzero(known)[:TRAINED]
        kept = np.array([name not in columns for name in self.encoder.columns])
        whole = self._mean(taught, rows[:JUDGED], label, np.ones(len(kept), dtype=np.bool_))
        if is_wide(len(columns), len(kept)):
            return whole, whole
        return self._mean(taught, rows[:JUDGED], label, kept), whole

    def kinship(self, rows: Matrix, columns: frozenset[str]) -> float:
        """How much more ``rows`` agree with one another, outside ``columns``, than rows of one class do, at most 1.

        Planted rows were strangers before. Rows of a kind of their own, which nothing else in the table resembles,
        are at one in much besides, and no judge has seen their like. 0 for a pattern of most columns: a copied row.
        """
        kept = np.array([name not in columns for name in self.encoder.columns])
        if 2 * len(columns) > len(kept):
            return 0.0
        own, usual = [], []
        for place in np.flatnonzero(kept):
            held = self.features[:, place]
            edges = np.unique(np.nanquantile(held, np.arange(1, GRADES) / GRADES)) if (held == held).any() else held[:0]  # noqa: PLR0124 - NaN
            exact = bool(self.encoder.is_category[place])
            own.append(_agreement(_graded(rows[:, place], edges, exact=exact)))
            grades = _graded(held, edges, exact=exact)
            usual.append([_agreement(grades[self.labels == label]) for label in np.unique(self.labels)])
        expected = float(np.max(np.mean(usual, axis=0)))
        return (float(np.mean(own)) - expected) / max(1 - expected, 1e-9)

    def _mean(self, rows: Integers, judged: Matrix, label: int, view: Mask) -> float:
        is_label = self.labels[rows] == label
        if min(is_label.sum(), (~is_label).sum()) < FEWEST_OF_CLASS:
            return 1.0
        features = self.features[rows][:, view]
        filled = np.where(np.isnan(features).all(axis=0), 0.0, features)
        with threads().limit(limits=1):
            model = boosted_classifier(
                max_iter=40,
                max_leaf_nodes=15,
                learning_rate=0.15,
                early_stopping=False,
                random_state=self.seed % SEED_RANGE,
            ).fit(filled, is_label)
            chances: Floats = model.predict_proba(judged[:, view])[:, 1]
        return float(chances.mean())


def _graded(values: Floats, edges: Floats, *, exact: bool) -> Integers:
    """Categories as they are, numbers by the steps between ``edges``; no value is a grade of its own."""
    grades = np.nan_to_num(values, nan=-1.0) if exact else np.searchsorted(edges, values, "right").astype(np.float64)
    return np.where(np.isnan(values), -1, grades).astype(np.int64) + 1


def _agreement(grades: Integers) -> float:
    """Chance that two different rows have the same grade; 0 for fewer than two rows."""
    counts = np.bincount(grades)
    pairs = len(grades) * (len(grades) - 1)
    return float((counts * (counts - 1)).sum() / pairs) if pairs else 0.0
