"""Class probabilities for every row by models that saw neither the row nor a copy of it.

1. Rows come with their fold (``folding``); model f is fitted on sampled rows of other folds, on those of them that
   are to teach.
2. Learners are blended by weighted log-probabilities. The weights minimise the out-of-fold log-loss on the
   sample, so that a learner that knows nothing gets none and over-confidence is tempered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import logsumexp

from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.labels import UNKNOWN, Codes
from poisonguard.detectors.learners import Learner, threads

FLOOR = 0.005
"""No learner is believed beyond this: one over-sure model cannot outvote the others."""

Probabilities = npt.NDArray[np.float64]
"""Shape (rows, classes), rows sum to one."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Training:
    """Sampled rows as each learner encodes them, with the code of their label, one of ``classes``, and their fold."""

    matrices: tuple[Any, ...]
    codes: Codes
    fold: Integers
    classes: int
    folds: int


@dataclass(frozen=True, slots=True)
class Untaught:
    """What rows of one class teach: that there is no other."""

    classes_: Codes

    def predict_proba(self, matrix: Any) -> Probabilities:
        """Certainty, shape (rows, classes)."""
        return np.ones((matrix.shape[0], len(self.classes_)))


@dataclass(frozen=True, slots=True)
class FoldEnsemble:
    """Fitted models by learner and fold."""

    learners: tuple[Learner, ...]
    models: tuple[tuple[Any, ...], ...]
    weights: npt.NDArray[np.float64]
    classes: int

    @classmethod
    def fit(cls, learners: Sequence[Learner], rows: Training, teaches: Mask) -> tuple[FoldEnsemble, Probabilities]:
        """The ensemble that the rows ``teaches`` names teach, and its probabilities of all rows."""
        models, logs = [], []
        with threads().limit(limits=1):
            for learner, matrix in zip(learners, rows.matrices, strict=True):
                outside = [teaches & (rows.fold != held) for held in range(rows.folds)]
                fitted = tuple(_fit(learner, matrix, rows.codes, taught) for taught in outside)
                models.append(fitted)
                logs.append(_logs(fitted, matrix, rows.fold, rows.classes))
        weights = _weights(logs, np.where(teaches, rows.codes, UNKNOWN))
        return cls(tuple(learners), tuple(models), weights, rows.classes), _blend(logs, weights)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the learners read."""
        return tuple(dict.fromkeys(name for learner in self.learners for name in learner.columns))

    def predict(self, table: pa.Table | pa.RecordBatch, fold: Integers) -> Probabilities:
        """Each row by the models of its own fold."""
        with threads().limit(limits=1):
            logs = [
                _logs(models, learner.matrix(table), fold, self.classes)
                for learner, models in zip(self.learners, self.models, strict=True)
            ]
        return _blend(logs, self.weights)


def _fit(learner: Learner, matrix: Any, codes: Codes, outside: Mask) -> Any:
    known = np.flatnonzero(outside & (codes != UNKNOWN))
    classes = np.unique(codes[known])
    # Copies share a fold: the rows of the others may all have one label, or none.
    return learner.fit(matrix[known], codes[known]) if len(classes) > 1 else Untaught(classes)


def _logs(models: Sequence[Any], matrix: Any, fold: Integers, classes: int) -> Probabilities:
    """Log-probabilities of each row by the model of its fold, shape (rows, classes)."""
    result: Probabilities = np.full((len(fold), classes), 1 / classes)
    for held, model in enumerate(models):
        inside = np.flatnonzero(fold == held)
        if len(inside) and len(model.classes_):
            result[inside] = 0
            result[np.ix_(inside, model.classes_)] = model.predict_proba(matrix[inside])
    return np.asarray(np.log((result + FLOOR) / (1 + classes * FLOOR)))


def _blend(logs: Sequence[Probabilities], weights: npt.NDArray[np.float64]) -> Probabilities:
    total = np.tensordot(weights, np.stack(logs), axes=1)
    return np.asarray(np.exp(total - logsumexp(total, axis=1, keepdims=True)))


def _weights(logs: Sequence[Probabilities], codes: Codes) -> npt.NDArray[np.float64]:
    """Non-negative weights of least log-loss on rows with a label."""
    known = np.flatnonzero(codes != UNKNOWN)
    stacked = np.stack([log[known] for log in logs])
    given = stacked[:, np.arange(len(known)), codes[known]]

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        total = np.tensordot(weights, stacked, axes=1)
        norm = logsumexp(total, axis=1, keepdims=True)
        slope = np.einsum("nk,lnk->l", np.exp(total - norm), stacked)
        return float(norm.sum() - weights @ given.sum(axis=1)) / len(known), (slope - given.sum(axis=1)) / len(known)

    start = np.full(len(logs), 1 / len(logs))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.02, 3.0)] * len(logs))
    # Six decimals: the last bits of an optimiser differ between builds of the library, the weights need not.
    weights: npt.NDArray[np.float64] = np.asarray(found.x, dtype=np.float64)
    return np.asarray(np.rint(weights * 1e6) / 1e6, dtype=np.float64)
