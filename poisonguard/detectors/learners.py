"""The classifiers behind label noise: boosted trees, extra trees, and a linear model on hashed words.

Each turns rows into its own matrix and fits one model on part of them. All are seeded and run on one thread, so
that the same rows give the same bits on any machine of one kind. Boosting never stops early: above 10 000 rows
scikit-learn's default silently returned constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.features_text import Tokens, column_texts, tokenize
from poisonguard.detectors.labels import Codes
from poisonguard.detectors.library_models import boosted_classifier, extra_trees, naive_bayes
from poisonguard.detectors.library_models import threads as threads  # noqa: PLC0414 - others take it from here
from poisonguard.detectors.regression import Regression
from poisonguard.detectors.terms import Terms, Vocabulary

MANY_CLASSES = 12
"""Above this, one-tree-per-class boosting and multinomial regression cost too much for what they add."""

SEED_RANGE = 2**31 - 1
INVERSE_PENALTY = 20.0
"""Of words. With 3 instead, three more of 26 tuning cases of flipped labels alarm, and so does an honest new period;
with 10, one clean set (2026-11)."""

MIN_DOCUMENTS = 3
MAX_PHRASES = 200_000
ROUNDS, FEW_ROUNDS, STRIDE = 60, 25, 0.1
TREES = (30, 80)
"""Least and most trees of a forest."""

TREE_ROWS = 400_000
"""Trees times rows: more rows tell as much as more trees do, and cost as much."""


class Learner(Protocol):
    """One way to predict labels."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""

    def matrix(self, table: pa.Table | pa.RecordBatch) -> Any:
        """Rows as the model's input; a pure function of each row."""

    def fit(self, matrix: Any, codes: Codes) -> Any:
        """A fitted model with ``classes_`` and ``predict_proba``."""


@dataclass(frozen=True, slots=True)
class CategoriesFirst:
    """What the library's column transformer does for a fitted model.

    Without joblib: its cost per call is high, and it warns where threads exchange the process's warning filters. The
    library's encoder takes fifteen times as long for a thousand rows as looking each code up does.
    """

    categories: tuple[npt.NDArray[np.float64], ...]
    is_category: npt.NDArray[np.bool_]

    def transform(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Places of categories among those that were fitted (NaN for others), then numbers, shape kept."""
        codes = matrix[:, self.is_category]
        places = [_places(codes[:, column], known) for column, known in enumerate(self.categories)]
        return np.column_stack([*places, matrix[:, ~self.is_category]])


def _places(codes: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place of each code in ``known``, ascending and perhaps ending with NaN; NaN for what is not there."""
    # One more than there are stands for none: it is the place of codes above all others, and equals nothing.
    place = np.searchsorted(known, codes)
    found = np.append(known, np.nan)[place] == codes
    return np.where(found, place, np.nan)


@dataclass(frozen=True, slots=True)
class Forest:
    """Fitted trees, asked one after the other: the library's own vote goes through joblib, see above."""

    trees: tuple[Any, ...]
    classes_: Codes

    def predict_proba(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Mean vote, shape (rows, classes)."""
        total = np.zeros((len(matrix), len(self.classes_)))
        for tree in self.trees:
            total += tree.predict(matrix)[:, : len(self.classes_)]
        return total / len(self.trees)


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """Histogram gradient boosting; few short trees, so that no single row is learnt by heart."""

    encoder: TableEncoder
    seed: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        return self.encoder.columns

    def matrix(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float64]:
        """Codes above the library's limit of 255 cannot occur; NaN is handled."""
        return self.encoder.matrix(table)

    def fit(self, matrix: npt.NDArray[np.float64], codes: Codes) -> Any:
        """Fit rounds of 15 leaves; with a tree for each class in a round, fewer and longer strides."""
        # The library cannot bin a column without any value; a constant says as little.
        filled = np.where(np.isnan(matrix).all(axis=0), 0.0, matrix)
        model = boosted_classifier(
            max_iter=ROUNDS if len(np.unique(codes)) <= 2 else FEW_ROUNDS,  # noqa: PLR2004 - two classes share a tree
            learning_rate=STRIDE if len(np.unique(codes)) <= 2 else STRIDE * ROUNDS / FEW_ROUNDS,  # noqa: PLR2004 - same
            max_leaf_nodes=15,
            min_samples_leaf=20,
            early_stopping=False,
            categorical_features=self.encoder.is_category,
            random_state=self.seed % SEED_RANGE,
        ).fit(filled, codes)
        if self.encoder.is_category.any():
            encoder = model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - no other way to spare joblib
            categories = tuple(encoder.categories_)
            model._preprocessor = CategoriesFirst(categories, self.encoder.is_category)  # noqa: SLF001 - the same
        return model


@dataclass(frozen=True, slots=True)
class ExtraTrees:
    """Extremely randomised trees with small leaves: an adaptive vote of near neighbours."""

    encoder: TableEncoder
    seed: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        return self.encoder.columns

    def matrix(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Null becomes a number far below every other, a branch of its own."""
        values = np.nan_to_num(self.encoder.matrix(table), nan=-1e30)
        return np.clip(values, -1e30, 1e30).astype(np.float32)

    def fit(self, matrix: npt.NDArray[np.float32], codes: Codes) -> Forest:
        """Fit trees with at least 3 rows per leaf; fewer of them where each sees many rows."""
        model = extra_trees(
            n_estimators=int(np.clip(TREE_ROWS // len(codes), *TREES)),
            min_samples_leaf=3,
            max_features="sqrt",
            n_jobs=1,
            random_state=self.seed % SEED_RANGE,
        ).fit(matrix, codes)
        return Forest(tuple(item.tree_ for item in model.estimators_), model.classes_)


@dataclass(frozen=True, slots=True)
class Words:
    """Linear model on the words and word pairs of one column: TF-IDF over hashed n-grams."""

    column: str
    vocabulary: Vocabulary

    @classmethod
    def of(cls, sample: pa.Table, column: str) -> Words:
        """Vocabulary of a sample: n-grams that at least three texts hold, the most common ones."""
        terms = _terms(tokenize(column_texts(sample, column)))
        return cls(column, Vocabulary.of(terms, min_documents=MIN_DOCUMENTS, limit=MAX_PHRASES))

    @property
    def columns(self) -> tuple[str, ...]:
        """The text column."""
        return (self.column,)

    def matrix(self, table: pa.Table | pa.RecordBatch) -> scipy.sparse.csr_matrix:
        """Rows of length one; shape (rows, vocabulary)."""
        return self.vocabulary.matrix(_terms(tokenize(column_texts(table, self.column))))

    def fit(self, matrix: scipy.sparse.csr_matrix, codes: Codes) -> Any:
        """Logistic regression; complement naive Bayes where there are many classes."""
        if len(np.unique(codes)) > MANY_CLASSES:
            return naive_bayes().fit(matrix, codes)
        return Regression.fit(matrix, codes, INVERSE_PENALTY)


def _terms(tokens: Tokens) -> Terms:
    """Every word and word pair."""
    single, pair = tokens.ngrams(1), tokens.ngrams(2)
    rows = np.concatenate([tokens.row[single[0]], tokens.row[pair[0]]])
    return Terms(rows, np.concatenate([single[1], pair[1]]), tokens.rows)
