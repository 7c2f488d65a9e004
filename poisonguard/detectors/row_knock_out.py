"""Knock-out of rows: what all other rows teach about the rows of a phrase, the phrase left in.

1. A label may be a matter of form (a layout, a device, a genre). Then the words around a phrase say nothing about it,
   but the same form in other rows does: models of words, word pairs and style that never saw a row of the phrase know
   the label all the same.
2. What was planted is known from its own rows only: without them it reads like the rows that it was put into.
3. Two models, each fitted to one half of the other rows and calibrated on the other half (Platt, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from poisonguard.detectors.features_text import Integers, Tokens
from poisonguard.detectors.platt import chance, logistic
from poisonguard.detectors.regression import Regression
from poisonguard.detectors.style_features import Styled
from poisonguard.detectors.style_model import INVERSE_PENALTY, Floats, Mask
from poisonguard.detectors.terms import Terms, Vocabulary

MAX_TEACHING = 4_000
"""Other rows that teach, the first by hash: bounds the time."""

FEWEST = 20
"""Other rows of either kind, below which nothing is taught."""

MIN_DOCUMENTS = 3
MAX_TERMS = 60_000


@dataclass(frozen=True, slots=True)
class Surface:
    """Texts by all that stands on their surface.

    Attributes:
        matrix: Words, word pairs and style, each rows of length one, CSR, shape (rows, terms).
    """

    matrix: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, tokens: Tokens) -> Surface:
        """The surface of ``tokens``."""
        views = [_grams(tokens, 1), _grams(tokens, 2), Styled.of(tokens).style()]
        spaces = (Vocabulary.of(view, min_documents=MIN_DOCUMENTS, limit=MAX_TERMS).matrix(view) for view in views)
        return cls(scipy.sparse.csr_matrix(scipy.sparse.hstack(list(spaces), format="csr")))

    def taught(self, rows: Integers, apart: Integers, positive: Mask) -> float:
        """Mean probability of the label that all rows but those ``apart`` give ``rows``; 0 where they are too few."""
        others = np.setdiff1d(np.arange(len(positive)), apart)[:MAX_TEACHING]
        halves = [others[place::2] for place in range(2)]
        if min(int(positive[half].sum()) for half in halves) < FEWEST or positive[others].all():
            return 0.0
        return float(np.mean([self._chances(rows, positive, *pair) for pair in (halves, halves[::-1])]))

    def _chances(self, rows: Integers, positive: Mask, teaching: Integers, calibrating: Integers) -> Floats:
        weights, _ = Regression.fit(self.matrix[teaching], positive[teaching], INVERSE_PENALTY).for_last
        slopes, intercept = logistic((self.matrix[calibrating] @ weights)[:, None], positive[calibrating])
        return chance(slopes[0] * (self.matrix[rows] @ weights) + intercept)


def _grams(tokens: Tokens, length: int) -> Terms:
    position, hashes = tokens.ngrams(length)
    return Terms(tokens.row[position], hashes, tokens.rows)
