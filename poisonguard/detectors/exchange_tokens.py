"""Prompts and responses of a sample as tokens, and how well prompts explain a set of rows.

1. How well prompts explain rows is a rank: naive Bayes on the words of the prompts, the rows themselves left out
   of their own counts, ranks them among other rows. 0.5 is chance; 1 means that the prompts tell.
2. With a reference, the rows are new ones and the others are the reference's: what was asked before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from poisonguard.detectors.content_model import Floats, WordMatrix
from poisonguard.detectors.features_text import Integers, Tokens, tokenize
from poisonguard.detectors.gram_places import Grams, ranges
from poisonguard.detectors.instruction_check import Asked
from poisonguard.detectors.output_family import grown

OTHERS = 4_000
"""Rows that members are ranked among: the rank's own error is below 0.01 then."""

PRIOR = 1.0
"""Rows that speak against a word's telling anything; 5, 20 and 50 rank no better on the tuning sets (2026-11)."""

COMPANION_SHARE = 0.8
COMPANION_LIFT = 3.0
"""A word in this share of the prompts of some rows, and so much rarer elsewhere, may have been put there."""

TRIGGER_PURITY = 0.8
"""A word triggers some rows when at least this share of its prompts are theirs."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of a sample.

    Attributes:
        tokens: Their tokens.
        matrix: Prompts by words.
        holds: 1 where a prompt holds a word, CSR, shape (prompts, words).
        others: Prompts that rows are ranked among, ascending.
        asked_elsewhere: Their rows of ``holds``.
        columns: Column of the matrix of each word that has one.
    """

    tokens: Tokens
    matrix: WordMatrix
    holds: scipy.sparse.csr_matrix
    others: Integers
    asked_elsewhere: scipy.sparse.csr_matrix
    columns: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str], first: int) -> Prompts:
        """Count the words of ``texts``; rows are ranked among those from ``first`` on."""
        tokens = tokenize(texts)
        matrix = WordMatrix.of(tokens)
        holds = matrix.weights.copy()
        holds.data = np.ones(len(holds.data))
        step = max(1, -(-(len(texts) - first) // OTHERS))
        known = np.flatnonzero(matrix.word_of >= 0)
        names = map(str, tokens.words[known])
        columns = dict(zip(names, matrix.word_of[known].tolist(), strict=True))
        others = np.arange(first, len(texts), step)
        return cls(tokens, matrix, holds, others, holds[others], columns)

    def companions(self, rows: Integers) -> Integers:
        """Words that nearly all of ``rows`` hold and few others, as columns of the matrix."""
        share, everywhere = self._held(rows) / max(1, len(rows)), self.matrix.documents / max(1, self.tokens.rows)
        return np.flatnonzero((share >= COMPANION_SHARE) & (share >= COMPANION_LIFT * everywhere)).astype(np.int64)

    def triggers(self, rows: Integers) -> Integers:
        """Companions that hardly any other prompt holds."""
        companions = self.companions(rows)
        purity = self._held(rows)[companions] / np.maximum(self.matrix.documents[companions], 1)
        return np.asarray(companions[purity >= TRIGGER_PURITY], dtype=np.int64)

    def phrase(self, rows: Integers, columns: Integers) -> tuple[str, ...]:
        """The words of some columns as most of ``rows`` have them together, the longest such phrase."""
        words = [str(word) for word in self.tokens.words[np.isin(self.matrix.word_of, columns)] if word.isalnum()]
        return max((grown(self.tokens, rows, word) for word in words), key=len, default=())

    def asked(self, rows: Integers, words: Sequence[str]) -> float:
        """Share of ``rows`` whose prompt holds every one of ``words`` that is a word at all."""
        wanted = {word for word in words if word.isalnum()}
        if not wanted or not wanted <= self.columns.keys():
            return 0.0
        held, row = self._words_of(rows)
        among = np.isin(held, [self.columns[word] for word in wanted])
        return float((np.bincount(row[among], minlength=len(rows)) >= len(wanted)).mean())

    def ranks(self, rows: Integers, without: Integers | None = None) -> Floats:
        """Rank in [0, 1] of each of ``rows`` among the others by the words of its own prompt, some words left out."""
        strangers = ~np.isin(self.others, rows)
        if not strangers.any() or len(rows) < 2:  # noqa: PLR2004 - one row cannot be explained by another
            return np.ones(len(rows))
        here = self._held(rows)
        ordered = np.sort((self.asked_elsewhere @ self._weights(here, len(rows), without))[strangers])
        held, row = self._words_of(rows)
        weights = self._weights(np.maximum(here - 1, 0), len(rows) - 1, without)
        members = np.bincount(row, weights=weights[held], minlength=len(rows))
        place = np.searchsorted(ordered, members) + np.searchsorted(ordered, members, side="right")
        return np.asarray(place / (2 * len(ordered)), dtype=np.float64)

    def _held(self, rows: Integers) -> npt.NDArray[np.int64]:
        """How many of ``rows`` hold each word."""
        return np.bincount(self._words_of(rows)[0], minlength=self.holds.shape[1]).astype(np.int64)

    def _words_of(self, rows: Integers) -> tuple[Integers, Integers]:
        """Columns of the words that ``rows`` hold, and which of the rows; scipy's own selection costs far more."""
        first = self.holds.indptr[rows].astype(np.int64)
        counts = self.holds.indptr[rows + 1] - first
        return self.holds.indices[ranges(first, counts)].astype(np.int64), np.repeat(np.arange(len(rows)), counts)

    def _weights(self, here: npt.NDArray[np.int64], rows: int, without: Integers | None) -> Floats:
        """Log-odds of each word, smoothed towards none by ``PRIOR`` rows."""
        base = (self.matrix.documents + 0.5) / (self.tokens.rows + 1)
        weights = np.log((here + PRIOR * base) / (rows + PRIOR) / base)
        if without is not None:
            weights[without] = 0
        return np.asarray(weights)


@dataclass(frozen=True, slots=True)
class Exchanges:
    """A sample of prompts with their responses.

    Attributes:
        prompts: Their prompts, followed by those of the reference.
        responses: Their responses.
        texts: The responses as they are written.
        before: Responses of the reference; nothing without one.
        grams: The words and pairs of the responses.
    """

    prompts: Prompts
    responses: Tokens
    texts: Sequence[str]
    before: Tokens | None
    grams: Grams

    @classmethod
    def of(cls, asked: Asked, reference: Asked | None) -> Exchanges:
        """Tokens of the rows of ``asked``, compared with those of ``reference`` if there is one."""
        responses = tokenize(asked.responses)
        if reference is None:
            return cls(Prompts.of(asked.prompts, 0), responses, asked.responses, None, Grams.of(responses))
        prompts = Prompts.of([*asked.prompts, *reference.prompts], asked.rows)
        return cls(prompts, responses, asked.responses, tokenize(reference.responses), Grams.of(responses))

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.responses.rows
