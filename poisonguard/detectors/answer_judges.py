"""Models of which answer a prompt gets: logistic regressions, cross-validated (``folding``) and tempered.

The *contradiction* of a row is log(share of the answer / its probability): 0 where the prompt says nothing, 1 where
the answer is e times less likely than at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.labels import Codes
from poisonguard.detectors.learners import threads
from poisonguard.detectors.library_models import logistic_regression

LEAST = -12.0
"""Log-probability below which an answer is as unlikely as can be."""

PLAUSIBLE = 2
"""Honest doubt is between the likeliest answers: of 4 000 honest film reviews 42 contradicted their label, none of
them a third answer (2026-11)."""

FOLDS = 5

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows that models are fitted on: matrix of the prompts, codes of the answers, folds."""

    matrix: Any
    codes: Codes
    fold: Integers

    def where(self, rows: Integers, codes: Codes) -> Lessons:
        """Some of the rows, with other codes."""
        return Lessons(self.matrix[rows], codes, self.fold[rows])


@dataclass(frozen=True, slots=True)
class Judges:
    """One model per fold, tempered.

    Attributes:
        models: Nothing in place of one that had a single answer to learn.
        heat: What log-probabilities are multiplied by.
        shares: Log of the share of each answer, shape (answers,).
    """

    models: tuple[Any, ...]
    heat: float
    shares: Floats

    @classmethod
    def fit(cls, lessons: Lessons, teaches: Mask, answers: int) -> Judges:
        """Fit on the rows that ``teaches`` names, each model without the rows of its fold."""
        shares = _shares(lessons.codes[teaches], answers)
        with threads().limit(limits=1):
            models = tuple(
                _regression(lessons.matrix, lessons.codes, np.flatnonzero(teaches & (lessons.fold != held)))
                for held in range(FOLDS)
            )
        logs = _logs(models, lessons.matrix, lessons.fold, shares)[teaches]
        return cls(models, _heat(logs, lessons.codes[teaches]), shares)

    def logs(self, rows: Lessons) -> Floats:
        """Log-probability of each answer to each row, by the model of its fold, shape (rows, answers)."""
        logs = self.heat * _logs(self.models, rows.matrix, rows.fold, self.shares)
        return np.asarray(logs - logsumexp(logs, axis=1, keepdims=True), dtype=np.float64)

    def contradiction(self, rows: Lessons) -> Floats:
        """Of each row, shape (rows,)."""
        given = self.logs(rows)[np.arange(len(rows.codes)), rows.codes]
        return np.asarray(self.shares[rows.codes] - given, dtype=np.float64)

    def is_foreign(self, rows: Lessons) -> Mask:
        """Whether ``PLAUSIBLE`` other answers are likelier than the given one, shape (rows,)."""
        logs = self.logs(rows)
        given = logs[np.arange(len(rows.codes)), rows.codes]
        return np.asarray((logs > given[:, None]).sum(axis=1) >= PLAUSIBLE)


def _shares(codes: Codes, answers: int) -> Floats:
    counts = np.bincount(codes, minlength=answers)
    return np.asarray(np.log((counts + 0.5) / (len(codes) + 0.5 * answers)), dtype=np.float64)


def _logs(models: Sequence[Any], matrix: Any, fold: Integers, shares: Floats) -> Floats:
    """Log-probabilities of each row by the model of its fold; of an answer that the model never saw, its share."""
    logs = np.tile(shares, (matrix.shape[0], 1))
    for held, model in enumerate(models):
        inside = np.flatnonzero(fold == held)
        if model is not None and len(inside):
            logs[np.ix_(inside, model.classes_)] = np.maximum(model.predict_log_proba(matrix[inside]), LEAST)
    return logs


def _regression(matrix: Any, codes: Codes, rows: Integers) -> Any:
    """A logistic regression; nothing where the rows hold one answer only."""
    if len(np.unique(codes[rows])) < 2:  # noqa: PLR2004 - one answer teaches nothing
        return None
    # The looser tolerance changes no decision and avoids a warning on separable data.
    return logistic_regression(C=10.0, max_iter=200, tol=1e-2).fit(matrix[rows], codes[rows])


def _heat(logs: Floats, codes: Codes) -> float:
    """The factor of least log-loss; four decimals, so that no build of the optimiser shows."""

    def loss(heat: float) -> float:
        scaled = heat * logs
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(codes)), codes]).mean())

    return round(float(minimize_scalar(loss, bounds=(0.05, 3.0), method="bounded").x), 4) if len(codes) else 1.0
