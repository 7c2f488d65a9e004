"""How much less likely than at random a label-like answer is, given its prompt.

1. Label-like answers are short and recur; only their rows teach and are judged.
2. Logistic regressions on the words and word pairs of the prompts, cross-validated by row hash, tempered to the
   least log-loss. The *contradiction* of a row is log(share of the answer / its probability): 0 where the prompt
   says nothing, 1 where the answer is e times less likely than at random.
3. Wrong answers teach, too: models are fitted twice, the second time without the rows that the first contradicted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Hashes, Integers
from poisonguard.detectors.labels import UNKNOWN, Codes
from poisonguard.detectors.learners import Words, threads

LONGEST = 40
"""Characters of an answer that can be a label."""

MIN_ROWS = 5
MAX_ANSWERS = 50
MAX_ROWS = 5_000
MAX_CELLS = 100_000
"""Rows times answers that are learnt from: bounds the time of the regressions."""

LEAST = -12.0
"""Log-probability below which an answer is as unlikely as can be."""

MISTAUGHT = 0.5
"""Rows this contradicted by the first models do not teach the second."""

PLAUSIBLE = 2
"""Honest doubt is between the likeliest answers: of 4 000 honest film reviews 42 contradicted their label, none of
them a third answer (2026-11)."""

COLUMN = "prompt"
FOLDS = 5


def answers_of(responses: Sequence[str]) -> tuple[str, ...]:
    """The label-like answers among ``responses``, most frequent first."""
    counts = Counter(text for text in responses if 0 < len(text) <= LONGEST)
    kept = sorted((-count, text) for text, count in counts.items() if count >= MIN_ROWS)
    return tuple(text for _, text in kept[:MAX_ANSWERS])


def codes_of(responses: Sequence[str], answers: Sequence[str]) -> Codes:
    """Code of each response, ``UNKNOWN`` where it is no label-like answer, shape (rows,)."""
    code = {text: place for place, text in enumerate(answers)}
    return np.array([code.get(text, UNKNOWN) for text in responses], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows that models are fitted on: matrix of the prompts, codes of the answers, folds."""

    matrix: Any
    codes: Codes
    fold: Integers


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
    def fit(cls, lessons: Lessons, teaches: npt.NDArray[np.bool_], shares: Floats) -> Judges:
        """Fit on the rows that ``teaches`` names, each model without the rows of its fold."""
        with threads().limit(limits=1):
            models = tuple(
                _regression(lessons.matrix, lessons.codes, np.flatnonzero(teaches & (lessons.fold != held)))
                for held in range(FOLDS)
            )
        logs = _logs(models, lessons.matrix, lessons.fold, shares)[teaches]
        return cls(models, _heat(logs, lessons.codes[teaches]), shares)

    def contradiction(self, rows: Lessons) -> Floats:
        """Of each row, by the model of its fold, shape (rows,)."""
        logs = self.heat * _logs(self.models, rows.matrix, rows.fold, self.shares)
        given = logs[np.arange(len(rows.codes)), rows.codes] - logsumexp(logs, axis=1)
        return np.asarray(self.shares[rows.codes] - given, dtype=np.float64)

    def is_foreign(self, rows: Lessons) -> npt.NDArray[np.bool_]:
        """Whether ``PLAUSIBLE`` other answers are likelier than the given one, shape (rows,)."""
        logs = _logs(self.models, rows.matrix, rows.fold, self.shares)
        given = logs[np.arange(len(rows.codes)), rows.codes]
        return np.asarray((logs > given[:, None]).sum(axis=1) >= PLAUSIBLE)


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """Models of one sample.

    Attributes:
        answers: The label-like answers.
        words: Turns prompts into a matrix.
        first: Contradiction of the rows that taught, by models that all of them taught, shape (taught,).
        foreign: Which of their answers are not even among the likeliest, shape (taught,).
        judges: Models fitted without the rows that those contradict.
    """

    answers: tuple[str, ...]
    words: Words
    first: Floats
    foreign: npt.NDArray[np.bool_]
    judges: Judges

    @classmethod
    def fit(cls, prompts: Sequence[str], codes: Codes, hashes: Hashes, answers: tuple[str, ...]) -> AnswerModel:
        """Fit on the rows with an answer, the first ones where they are too many."""
        most = max(1, min(MAX_ROWS, MAX_CELLS // max(1, len(answers))))
        rows = np.flatnonzero(codes != UNKNOWN)[:most]
        table = _table([prompts[row] for row in rows.tolist()])
        words = Words.of(table, COLUMN)
        lessons = Lessons(words.matrix(table), codes[rows], _fold(hashes[rows]))
        counts = np.bincount(lessons.codes, minlength=len(answers))
        shares = np.log((counts + 0.5) / (len(rows) + 0.5 * len(answers)))
        judges = Judges.fit(lessons, np.ones(len(rows), dtype=np.bool_), shares)
        first = judges.contradiction(lessons)
        again = Judges.fit(lessons, first < MISTAUGHT, shares)
        return cls(answers, words, first, judges.is_foreign(lessons), again)

    def contradiction(self, prompts: Sequence[str], codes: Codes, hashes: Hashes) -> Floats:
        """Of each row with an answer; minus infinity of others, shape (rows,)."""
        result = np.full(len(codes), -np.inf)
        rows = np.flatnonzero(codes != UNKNOWN)
        if len(rows):
            matrix = self.words.matrix(_table([prompts[row] for row in rows.tolist()]))
            with threads().limit(limits=1):
                result[rows] = self.judges.contradiction(Lessons(matrix, codes[rows], _fold(hashes[rows])))
        return result


def _logs(models: Sequence[Any], matrix: Any, fold: Integers, shares: Floats) -> Floats:
    """Log-probabilities of each row by the model of its fold, shape (rows, answers)."""
    logs = np.full((matrix.shape[0], len(shares)), LEAST)
    for held, model in enumerate(models):
        inside = np.flatnonzero(fold == held)
        if model is None:
            logs[inside] = shares
        elif len(inside):
            logs[np.ix_(inside, model.classes_)] = np.maximum(model.predict_log_proba(matrix[inside]), LEAST)
    return logs


def _table(prompts: Sequence[str]) -> pa.Table:
    return pa.table({COLUMN: pa.array(prompts, pa.large_string())})


def _fold(hashes: Hashes) -> Integers:
    return (hashes % np.uint64(FOLDS)).astype(np.int64)


def _regression(matrix: Any, codes: Codes, rows: Integers) -> LogisticRegression | None:
    """A logistic regression; nothing where the rows hold one answer only."""
    if len(np.unique(codes[rows])) < 2:  # noqa: PLR2004 - one answer teaches nothing
        return None
    # The looser tolerance changes no decision and avoids a warning on separable data.
    return LogisticRegression(C=10.0, max_iter=200, tol=1e-2).fit(matrix[rows], codes[rows])


def _heat(logs: Floats, codes: Codes) -> float:
    """The factor of least log-loss; four decimals, so that no build of the optimiser shows."""

    def loss(heat: float) -> float:
        scaled = heat * logs
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(codes)), codes]).mean())

    return round(float(minimize_scalar(loss, bounds=(0.05, 3.0), method="bounded").x), 4) if len(codes) else 1.0
