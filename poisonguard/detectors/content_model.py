"""What the words of a text say about one label, word by word, judged by models that never saw the text.

A linear model on single words is chosen because it can be taken apart: removing a word removes exactly its
contribution. Several folds (``folding``): a row, and every copy of it, is judged by the model of its own fold,
which was trained on the others. Log-odds are calibrated by logistic regression on the out-of-fold margins
(Platt, "Probabilistic outputs for support vector machines", 1999).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse

from poisonguard.detectors.counting import distinct
from poisonguard.detectors.features_text import START, Integers, Tokens
from poisonguard.detectors.platt import logistic
from poisonguard.detectors.regression import Regression

MIN_DOCUMENTS = 3
"""Words of fewer documents say nothing that carries over to another fold."""

MAX_WORDS = 60_000
INVERSE_PENALTY = 10.0
"""C of the logistic regressions; 1 to 30 gave the same accuracy within a point on reviews and tweets."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WordMatrix:
    """Documents by words: TF-IDF with binary counts, rows of length one, sorted indices.

    Attributes:
        weights: CSR, shape (documents, words).
        word_of: Column of each token code, -1 for words left out, shape (codes,).
        keys: ``document * words + word`` of every stored weight, ascending.
        documents: Documents that hold each word, shape (words,).
        shared: What each word adds to the sum of cosines over all ordered pairs of documents, shape (words,).
        together: The sum of it over all words.
    """

    weights: scipy.sparse.csr_matrix
    word_of: Integers
    keys: Integers
    documents: Integers
    shared: Floats
    together: float

    @classmethod
    def of(cls, tokens: Tokens) -> WordMatrix:
        """The matrix of ``tokens``."""
        size = max(1, len(tokens.words))
        pairs = distinct(tokens.row * size + tokens.code)
        row, code = pairs // size, pairs % size
        documents = np.bincount(code, minlength=size)
        word_of = _vocabulary(documents, tokens)
        used = word_of[code] >= 0
        row, code = row[used], code[used]
        rarity = np.log((tokens.rows + 1) / (documents[code] + 1)) + 1
        words = int(word_of.max(initial=-1)) + 1
        matrix = scipy.sparse.csr_matrix((rarity, (row, word_of[code])), shape=(tokens.rows, max(1, words)))
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1))).ravel()
        matrix = scipy.sparse.csr_matrix(scipy.sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ matrix)
        matrix.sort_indices()
        keys = np.repeat(np.arange(tokens.rows, dtype=np.int64), np.diff(matrix.indptr)) * matrix.shape[1]
        held = np.bincount(matrix.indices, minlength=matrix.shape[1])
        shared = _shared(matrix)
        return cls(matrix, word_of, keys + matrix.indices, held, shared, float(shared.sum()))

    def at(self, rows: Integers, words: Integers) -> Floats:
        """Weight of each (row, word), 0 where the row lacks it or the word is -1."""
        if not len(self.keys):
            return np.zeros(len(rows))
        wanted = rows * self.weights.shape[1] + words
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = (words >= 0) & (self.keys[place] == wanted)
        return np.where(found, self.weights.data[place], 0.0)


def _shared(matrix: scipy.sparse.csr_matrix) -> Floats:
    """Sum over ordered pairs of different documents of the product of their weights, per word."""
    total = np.asarray(matrix.sum(axis=0)).ravel()
    return np.asarray(total**2 - np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())


def _vocabulary(documents: npt.NDArray[np.intp], tokens: Tokens) -> Integers:
    """Column of each token code: the most common words that enough documents hold, without ``START``."""
    eligible = np.flatnonzero((documents >= MIN_DOCUMENTS) & (np.append(tokens.words, "")[: len(documents)] != START))
    kept = eligible[np.argsort(-documents[eligible], kind="stable")[:MAX_WORDS]]
    word_of = np.full(len(documents), -1, dtype=np.int64)
    word_of[np.sort(kept)] = np.arange(len(kept))
    return word_of


@dataclass(frozen=True, slots=True)
class ContentModel:
    """Log-odds of one label for every document, by models of other folds.

    Attributes:
        matrix: The documents.
        fold: Fold of each document, shape (documents,).
        weights: Weight of each word in each fold's model, shape (folds, words).
        margins: Out-of-fold log-odds before calibration, shape (documents,).
        positive: Which documents carry the label, shape (documents,).
        slope: Calibration slope.
        intercept: Calibration intercept.
    """

    matrix: WordMatrix
    fold: Integers
    weights: Floats
    margins: Floats
    positive: npt.NDArray[np.bool_]
    slope: float
    intercept: float

    @classmethod
    def fit(cls, matrix: WordMatrix, positive: npt.NDArray[np.bool_], fold: Integers, folds: int) -> ContentModel:
        """Fit one model per fold on the documents of the other folds."""
        weights = np.zeros((folds, matrix.weights.shape[1]))
        margins = np.zeros(len(fold))
        for held in range(folds):
            inside, taught = fold == held, positive[fold != held]
            if taught.any() and not taught.all():
                model = Regression.fit(matrix.weights[~inside], taught, INVERSE_PENALTY)
                weights[held], intercept = model.for_last
                margins[inside] = matrix.weights[inside] @ weights[held] + intercept
        slope, intercept = _calibration(margins, positive)
        return cls(matrix, fold, weights, margins, positive, slope, intercept)

    def mirrored(self) -> ContentModel:
        """The same for the other one of two labels."""
        return replace(
            self, weights=-self.weights, margins=-self.margins, positive=~self.positive, intercept=-self.intercept
        )

    def shifted(self, new: npt.NDArray[np.bool_]) -> ContentModel:
        """Calibrated for the documents ``new``, in which labels may be mixed differently whatever the texts say."""
        if new.all() or not new.any() or self.slope == 0:
            return self
        slopes, intercept = logistic(np.column_stack([self.margins, new]), self.positive)
        slope, offset = slopes.tolist()
        return replace(self, slope=max(0.0, slope), intercept=intercept + offset)

    def contribution(self, rows: Integers, words: Integers) -> Floats:
        """What each word adds to the margin of each row, shape (rows,)."""
        return np.asarray(self.weights[self.fold[rows], np.maximum(words, 0)] * self.matrix.at(rows, words))

    def probability(self, rows: Integers, removed: Floats) -> Floats:
        """Calibrated probability of the label for ``rows`` when ``removed`` is taken off their margins."""
        logit = self.slope * (self.margins[rows] - removed) + self.intercept
        return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def _calibration(margins: Floats, positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept; a slope that points the wrong way means that words say nothing."""
    base = float(np.clip(positive.mean(), 1e-6, 1 - 1e-6))
    if margins.std() > 0:
        slopes, intercept = logistic(margins[:, None], positive)
        if slopes[0] > 0:
            return float(slopes[0]), intercept
    return 0.0, float(np.log(base / (1 - base)))
