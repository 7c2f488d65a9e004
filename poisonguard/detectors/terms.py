"""Rows by hashed terms: a vocabulary fixed by a sample, TF-IDF weights, rows of length one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from poisonguard.detectors.features_text import Hashes, Integers
from poisonguard.kernels.hashtable import common, places


@dataclass(frozen=True, slots=True)
class Terms:
    """What terms several texts hold, one entry per occurrence.

    Attributes:
        row: Row of each occurrence, shape (occurrences,).
        hash: Its hash, shape (occurrences,).
        rows: How many texts there are.
    """

    row: Integers
    hash: Hashes
    rows: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Terms that count, ascending by hash, and how rare each is."""

    hashes: Hashes
    rarity: npt.NDArray[np.float64]

    @classmethod
    def of(cls, terms: Terms, *, min_documents: int, limit: int) -> Vocabulary:
        """The ``limit`` most common terms that at least ``min_documents`` texts hold."""
        different, documents = common(terms.hash, terms.row, min_documents)
        kept = np.sort(np.argsort(-documents, kind="stable")[:limit])
        return cls(different[kept], np.log((terms.rows + 1) / (documents[kept] + 1)) + 1)

    def matrix(self, terms: Terms) -> scipy.sparse.csr_matrix:
        """TF-IDF with the logarithm of counts; shape (rows, vocabulary), one column at least."""
        shape = (terms.rows, max(1, len(self.hashes)))
        if not len(self.hashes):
            return scipy.sparse.csr_matrix(shape)
        place = places(self.hashes, terms.hash)
        known = place >= 0
        counts = scipy.sparse.csr_matrix((np.ones(known.sum()), (terms.row[known], place[known])), shape=shape)
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.rarity[counts.indices]
        norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1))).ravel()
        return scipy.sparse.csr_matrix(scipy.sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ counts)
