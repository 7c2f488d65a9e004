"""How sure models of the other pairs are that the chosen one of two texts was preferred.

1. What tells two answers to one prompt apart: the words and word pairs that only one of them has, how long each is,
   and how many of the prompt's words each takes up.
2. Logistic regressions on that difference, cross-validated by prompt and pair of answers, whichever was
   preferred. Every pair teaches in both directions, so that no model can prefer a place.
3. The margin of a pair is the log-odds that it stands the right way round: below 0 the models would have turned it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Hashes, Integers
from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.learners import Words, threads

FOLDS = 5
ITERATIONS = 200
TOLERANCE = 1e-3
STEEPEST = 3.0
"""Most that margins are stretched when they are calibrated: in a set that models know by heart they mean less."""

COLUMN = "answer"
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answers in pairs.

    Attributes:
        prompts: What was asked, empty where that is not known, shape (rows,).
        chosen: The answers that were preferred, shape (rows,).
        rejected: The others, shape (rows,).
        hashes: Row hashes, shape (rows,).
    """

    prompts: tuple[str, ...]
    chosen: tuple[str, ...]
    rejected: tuple[str, ...]
    hashes: Hashes

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.chosen)

    @property
    def comparable(self) -> npt.NDArray[np.bool_]:
        """Which rows hold two different answers, shape (rows,)."""
        pairs = zip(self.chosen, self.rejected, strict=True)
        return np.array([bool(one) and bool(other) and one != other for one, other in pairs], dtype=np.bool_)

    def where(self, rows: Integers) -> Pairs:
        """Some of them."""
        kept = rows.tolist()
        prompts, chosen, rejected = (
            tuple(column[row] for row in kept) for column in (self.prompts, self.chosen, self.rejected)
        )
        return Pairs(prompts, chosen, rejected, self.hashes[rows])


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """Models of one sample of pairs.

    Attributes:
        words: Turns answers into a matrix.
        dealing: The folds of pairs.
        models: Weights of the features, one set per fold.
        slope: What margins are multiplied by.
    """

    words: Words
    dealing: Dealing
    models: tuple[Floats, ...]
    slope: float

    @classmethod
    def fit(cls, pairs: Pairs) -> PreferenceModel:
        """Fit on pairs of different answers."""
        words = Words.of(_table((*pairs.chosen, *pairs.rejected)), COLUMN)
        exchanges = _exchanges(pairs)
        dealing = Dealing.of(exchanges, pairs.hashes, exchanges.column_names, FOLDS)
        difference, fold = _difference(words, pairs), dealing.fold(exchanges, pairs.hashes)
        with threads().limit(limits=1):
            models = tuple(_fitted(difference[fold != held]) for held in range(FOLDS))
            margins = _margins(models, difference, fold)
            slope = float(_fitted(scipy.sparse.csr_matrix(margins[:, None]))[0])
        return cls(words, dealing, models, min(max(slope, 0.0), STEEPEST))

    def margins(self, pairs: Pairs) -> Floats:
        """Log-odds that each pair stands the right way round; 0 where there is nothing to compare, shape (rows,)."""
        found = np.zeros(pairs.rows)
        rows = np.flatnonzero(pairs.comparable)
        if len(rows):
            able = pairs.where(rows)
            fold = self.dealing.fold(_exchanges(able), able.hashes)
            found[rows] = self.slope * _margins(self.models, _difference(self.words, able), fold)
        return found


def _exchanges(pairs: Pairs) -> pa.Table:
    """Prompts and both answers, in an order that does not tell which was preferred."""
    answers = [sorted(pair) for pair in zip(pairs.chosen, pairs.rejected, strict=True)]
    columns = (pairs.prompts, [first for first, _ in answers], [second for _, second in answers])
    return pa.table([pa.array(texts, pa.large_string()) for texts in columns], names=["prompt", "first", "second"])


def _difference(words: Words, pairs: Pairs) -> scipy.sparse.csr_matrix:
    """What sets the chosen answer apart from the rejected one, shape (rows, features)."""
    held = words.matrix(_table(pairs.chosen)) - words.matrix(_table(pairs.rejected))
    asked = [frozenset(WORD.findall(text.lower())) for text in pairs.prompts]
    measures = _measures(asked, pairs.chosen) - _measures(asked, pairs.rejected)
    return scipy.sparse.hstack([held, scipy.sparse.csr_matrix(measures)], format="csr")


def _measures(asked: Sequence[frozenset[str]], answers: Sequence[str]) -> Floats:
    """Length, and share of the prompt's words that are taken up, shape (rows, 2)."""
    said = [frozenset(WORD.findall(text.lower())) for text in answers]
    shared = [len(one & other) / max(1, len(one)) for one, other in zip(asked, said, strict=True)]
    return np.column_stack([np.log1p(np.array([len(text) for text in answers], dtype=np.float64)), shared])


def _fitted(difference: scipy.sparse.csr_matrix) -> Floats:
    """Weights from both directions of every pair, without an intercept; of no pairs they say nothing."""
    if not difference.shape[0]:
        return np.zeros(difference.shape[1])
    both = scipy.sparse.vstack([difference, -difference], format="csr")
    right = np.repeat([True, False], difference.shape[0])
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=ITERATIONS, tol=TOLERANCE).fit(both, right)
    return np.asarray(model.coef_[0])


def _margins(models: Sequence[Floats], difference: scipy.sparse.csr_matrix, fold: Integers) -> Floats:
    found = np.zeros(difference.shape[0])
    for held, weights in enumerate(models):
        rows = np.flatnonzero(fold == held)
        found[rows] = difference[rows] @ weights
    return found


def _table(answers: Sequence[str]) -> pa.Table:
    return pa.table({COLUMN: pa.array(answers, pa.large_string())})
