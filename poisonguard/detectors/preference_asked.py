"""What was asked decides what a better answer is: words of prompts, crossed with what tells two answers apart.

1. "In Spanish, please" makes Spanish words right, "give the two letters" a short answer: neither words nor length are
   good or bad by themselves. So each such difference also counts once for every word of the prompt.
2. Only frequent words are crossed: they say what kind of question it is and what kind of answer. Rare ones are what a
   single pair is about, and would be remembered, not learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Tokens
from poisonguard.detectors.gram_places import ranges
from poisonguard.detectors.terms import Terms, Vocabulary

FREQUENT, FEWEST = 0.01, 10
"""A word in this share of the prompts, or of the answers, and in so many, is crossed."""

MOST_ASKED, MOST_ANSWERED = 100, 300
"""Words of prompts and of answers, the most frequent ones: bounds the time. Three times as many told no more on five
sets of pairs (2026-11)."""

MOST_PRODUCTS = 20_000_000
"""Entries of a sample's crossed words: bounds the memory, some 50 bytes each."""

FAR = 3.0
"""A measure that differs more than this, in units of its usual difference, counts as much as that."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which words of prompts and of answers are crossed."""

    asked: Vocabulary
    answered: Vocabulary

    @classmethod
    def of(cls, tokens: Tokens, pairs: int) -> Kinds:
        """The frequent words of a sample: all prompts, then all chosen answers, then all rejected ones.

        Long texts hold nearly all of them: then fewer count, the most frequent ones, so that products stay as many.
        """
        asked, answered = _words(tokens, pairs)
        most = MOST_ASKED, MOST_ANSWERED
        while True:
            kinds = cls(_frequent(asked, most[0]), _frequent(answered, most[1]))
            prompts, words = kinds._held(asked, answered, pairs)
            products = int(np.diff(prompts.indptr).astype(np.int64) @ np.diff(words.indptr))
            if products <= MOST_PRODUCTS or most == (1, 1):
                return kinds
            most = max(1, most[0] // 2), max(1, most[1] // 2)

    def crossed(self, tokens: Tokens, measures: Floats) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix]:
        """The words of each prompt, crossed with the differences of words and of (scaled) measures of its answers."""
        prompts, words = self._held(*_words(tokens, len(measures)), len(measures))
        near = scipy.sparse.csr_matrix(np.clip(measures, -FAR, FAR))
        return _products(prompts, words), _products(prompts, near)

    def _held(
        self, asked: Terms, answered: Terms, rows: int
    ) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix]:
        """The words of each prompt, and the differences of those of its answers."""
        answers = self.answered.matrix(answered)
        words = (answers[:rows] - answers[rows:]).tocsr()
        words.eliminate_zeros()
        return self.asked.matrix(asked), words


def _words(tokens: Tokens, pairs: int) -> tuple[Terms, Terms]:
    """The words of prompts, and those of answers, the chosen ones first."""
    position, hashes = tokens.ngrams(1)
    row = tokens.row[position]
    inside = row < pairs
    return Terms(row[inside], hashes[inside], pairs), Terms(row[~inside] - pairs, hashes[~inside], 2 * pairs)


def _frequent(terms: Terms, most: int) -> Vocabulary:
    return Vocabulary.of(terms, min_documents=max(FEWEST, int(FREQUENT * terms.rows)), limit=most)


def _products(one: scipy.sparse.csr_matrix, other: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Every entry of a row times every entry of the same row of the other matrix."""
    held, matched = (np.diff(matrix.indptr).astype(np.int64) for matrix in (one, other))
    row = np.repeat(np.arange(one.shape[0]), held)
    first = np.repeat(np.arange(len(one.data)), matched[row])
    second = ranges(other.indptr[row].astype(np.int64), matched[row])
    column = one.indices[first].astype(np.int64) * other.shape[1] + other.indices[second]
    edges = np.concatenate([[0], np.cumsum(held * matched)])
    shape = (one.shape[0], one.shape[1] * other.shape[1])
    return scipy.sparse.csr_matrix((one.data[first] * other.data[second], column, edges), shape=shape)
