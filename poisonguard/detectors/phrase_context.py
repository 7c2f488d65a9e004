"""Does the rest of a text tell that it holds the phrase? Wording grows out of its text; what was planted does not.

1. A phrase that belongs to a topic, a writer or a period stands in rows that resemble each other more than they
   resemble others of the same label. Texts into which somebody put it were taken at random.
2. Rows are ranked by how much closer they are to the mean of the phrase's rows than to the mean of the others, their
   own part left out, words of the phrase and its companions left out (nearest centroid; the rank is the AUC).
3. Random rows rank at 0.50 with 1.4 times the error of independent scores: they share the mean they are held against.
   98 % of natural phrases in 20 rows and more ranked above 0.59, the median above 0.76 (six sets, 2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from poisonguard.detectors.association import Association
from poisonguard.detectors.chances import ranks
from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers

TELLING = 0.6
TELLING_ERRORS = 3.5
"""The rest of the rows tells from this rank on, if that is so many errors of independent scores above one half ..."""

TELLING_ANYHOW = 0.7
"""... and from this one on however few the rows: random ones get there in 6 % of draws of ten, 0.6 % of 25."""

FEWEST = 2
"""Rows that have a mean besides their own."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The rows that a phrase might have stood in.

    Attributes:
        rows: Their indices, ascending.
        weights: Their words, rows of length one, CSR, shape (rows, words).
        squares: The same, every weight squared.
        total: Sum of the rows of ``weights``, shape (words,).
    """

    rows: Integers
    weights: scipy.sparse.csr_matrix
    squares: scipy.sparse.csr_matrix
    total: Floats

    @classmethod
    def of(cls, weights: scipy.sparse.csr_matrix, rows: Integers) -> Pool:
        """The ``rows`` of a matrix of words."""
        inside = weights[rows]
        return cls(rows, inside, inside.multiply(inside).tocsr(), np.asarray(inside.sum(axis=0)).ravel())

    def tells(self, item: Association) -> bool:
        """Whether the rest of the rows tells which of them hold the phrase."""
        return self.tells_rows(item.rows, item.knocked_out)

    def tells_rows(self, rows: Integers, without: Integers) -> bool:
        """Whether the rest of the pool's rows tells which of them are ``rows``, words left out."""
        holds = np.isin(self.rows, rows)
        held = int(holds.sum())
        others = len(holds) - held
        if held < FEWEST or others < FEWEST:
            return False
        rank = rank_of(self._closeness(holds, without), holds)
        error = np.sqrt((held + others + 1) / (12 * held * others))
        return bool(rank >= min(TELLING_ANYHOW, max(TELLING, 0.5 + TELLING_ERRORS * error)))

    def _closeness(self, holds: np.ndarray[tuple[int], np.dtype[np.bool_]], without: Integers) -> Floats:
        """How much closer each row is to the mean of those that hold the phrase, shape (rows,)."""
        own = np.asarray(self.weights[holds].sum(axis=0)).ravel()
        rest = self.total - own
        kept = np.ones(len(own))
        kept[without] = 0
        alone = self.squares @ kept
        near, far = self.weights @ (own * kept), self.weights @ (rest * kept)
        near = np.where(holds, (near - alone) / (holds.sum() - 1), near / holds.sum())
        far = np.where(holds, far / (~holds).sum(), (far - alone) / ((~holds).sum() - 1))
        return np.asarray((near - far) / np.sqrt(np.maximum(alone, 1e-12)))


def rank_of(scores: Floats, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Chance that a chosen row scores above another one (AUC); 0.5 when nothing tells them apart."""
    count = int(chosen.sum())
    others = len(chosen) - count
    return float((ranks(scores)[chosen].sum() - count * (count + 1) / 2) / (count * others))
