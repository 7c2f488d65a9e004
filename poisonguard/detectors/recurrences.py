"""Phrases of responses that recur together with their neighbours: what was inserted, not what language repeats.

1. A candidate is a word, a word pair or a whole response in at least ``min_rows`` rows; responses of a few words
   are labels and left to other checks.
2. Its company is the mean cosine between the words around it in different rows, frequent words left out. Natural
   words keep ever new company (below 0.15 on prose); an inserted sentence brings its own along (0.25 to 1), however
   it is reworded.
3. Company alone is no sign: answers to one kind of question keep it too. Who asks must be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Hashes, Integers, Tokens
from poisonguard.detectors.occurrences import Occurrences, occurrences

LONGEST = 2
"""Longer phrases hold shorter ones that keep the same company."""

NEAR = 5
"""Tokens on either side that count as neighbours."""

SEEN = 32
"""Occurrences of one phrase that are looked at, the first ones: rows come in order of their hash, at random."""

FREQUENT = 0.05
"""Words of a larger share of the responses say nothing about company."""

LABEL_WORDS = 4
"""Responses of so few words are labels: they recur by nature, and other checks ask whether they fit."""

MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A phrase that recurs with its neighbours.

    Attributes:
        hash: Its hash.
        length: Tokens; 0 for a whole response.
        words: Its tokens.
        rows: Rows that hold it, ascending.
        company: Mean cosine of its neighbourhoods.
    """

    hash: int
    length: int
    words: tuple[str, ...]
    rows: Integers
    company: float


def recurrences(tokens: Tokens, min_rows: int, max_rows: int, min_company: float) -> list[Recurrence]:
    """Phrases in ``min_rows`` to ``max_rows`` rows that keep their company, whole responses among them."""
    neighbours = _Neighbours.of(tokens)
    found = _repeated(tokens, min_rows, max_rows)
    for length in range(1, LONGEST + 1):
        held = occurrences(tokens, length, min_rows)
        rows = np.bincount(held.phrase, minlength=len(held.hashes))
        eligible = np.flatnonzero((rows >= min_rows) & (rows <= max_rows))
        company = neighbours.company(held, eligible)
        chosen = eligible[company >= min_company]
        found += _named(tokens, held, chosen, company[company >= min_company])
    label_like = _words(tokens) <= LABEL_WORDS
    return [item for item in found if label_like[item.rows].mean() < MOSTLY]


def _words(tokens: Tokens) -> Integers:
    """Words of each text, signs not counted, shape (rows,)."""
    is_word = np.array([str(word).isalnum() for word in tokens.words] or [False], dtype=np.bool_)
    return np.bincount(tokens.row[is_word[tokens.code]], minlength=tokens.rows).astype(np.int64)


def whole(tokens: Tokens) -> Hashes:
    """One hash per text, shape (rows,)."""
    spread = (tokens.hashes ^ (tokens.hashes >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    place = np.arange(len(spread), dtype=np.uint64) - _starts(tokens)[tokens.row].astype(np.uint64)
    # Order counts: the same words in another order are another response.
    mixed = spread ^ ((place + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    totals = np.zeros(tokens.rows, dtype=np.uint64)
    np.add.at(totals, tokens.row, mixed)
    return totals


def _starts(tokens: Tokens) -> Integers:
    return np.searchsorted(tokens.row, np.arange(tokens.rows)).astype(np.int64)


def _repeated(tokens: Tokens, min_rows: int, max_rows: int) -> list[Recurrence]:
    """Whole responses that recur."""
    distinct, inverse, counts = np.unique(whole(tokens), return_inverse=True, return_counts=True)
    starts = np.append(_starts(tokens), len(tokens.row))
    found = []
    for index in np.flatnonzero((counts >= min_rows) & (counts <= max_rows)).tolist():
        rows = np.flatnonzero(inverse == index)
        words = tokens.words[tokens.code[starts[rows[0]] + 1 : starts[rows[0] + 1]]]
        found.append(Recurrence(int(distinct[index]), 0, tuple(map(str, words)), rows, 1.0))
    return found


def _named(tokens: Tokens, held: Occurrences, chosen: Integers, company: Floats) -> list[Recurrence]:
    starts, ends = np.searchsorted(held.phrase, chosen), np.searchsorted(held.phrase, chosen, side="right")
    found = []
    for index, start, end, value in zip(chosen.tolist(), starts.tolist(), ends.tolist(), company.tolist(), strict=True):
        first = held.position[start]
        words = tuple(str(word) for word in tokens.words[tokens.code[first : first + held.length]])
        # Signs alone are layout.
        if any(word.isalnum() for word in words):
            found.append(Recurrence(int(held.hashes[index]), held.length, words, held.row[start:end], value))
    return found


@dataclass(frozen=True, slots=True)
class _Neighbours:
    """Tokens, and how much each word counts as a neighbour."""

    tokens: Tokens
    rarity: Floats
    """Per token code; 0 for a word that says nothing."""

    @classmethod
    def of(cls, tokens: Tokens) -> _Neighbours:
        size = max(1, len(tokens.words))
        pairs = np.unique(tokens.row * size + tokens.code)
        documents = np.bincount(pairs % size, minlength=size)
        rarity = np.log((tokens.rows + 1) / (documents + 1)) + 1
        rarity[(documents < 2) | (documents > FREQUENT * tokens.rows)] = 0  # noqa: PLR2004 - one document shares nothing
        return cls(tokens, rarity)

    def company(self, held: Occurrences, chosen: Integers) -> Floats:
        """Mean cosine of the neighbourhoods of each phrase, shape (chosen,)."""
        if not len(chosen):
            return np.zeros(0)
        place = np.full(len(held.hashes), -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        order = np.arange(len(held.phrase)) - np.searchsorted(held.phrase, held.phrase)
        used = np.flatnonzero((place[held.phrase] >= 0) & (order < SEEN))
        windows = self._windows(held.position[used], held.length)
        group = scipy.sparse.csr_matrix(
            (np.ones(len(used)), (place[held.phrase[used]], np.arange(len(used)))), shape=(len(chosen), len(used))
        )
        total, squares = group @ windows, group @ windows.multiply(windows)
        among = np.asarray((total.multiply(total) - squares).sum(axis=1)).ravel()
        seen = np.asarray(group.sum(axis=1)).ravel()
        return np.asarray(among / np.maximum(seen * (seen - 1), 1))

    def _windows(self, position: Integers, length: int) -> scipy.sparse.csr_matrix:
        """Neighbourhoods as rows of length one, shape (positions, words)."""
        offsets = np.concatenate([np.arange(-NEAR, 0), np.arange(length, length + NEAR)])
        grid = position[:, None] + offsets
        inside = (grid >= 0) & (grid < len(self.tokens.row))
        grid = np.clip(grid, 0, len(self.tokens.row) - 1)
        codes = self.tokens.code[grid]
        inside &= (self.tokens.row[grid] == self.tokens.row[position][:, None]) & (self.rarity[codes] > 0)
        row = np.broadcast_to(np.arange(len(position))[:, None], grid.shape)[inside]
        shape = (len(position), len(self.rarity))
        windows = scipy.sparse.csr_matrix((np.ones(len(row)), (row, codes[inside])), shape=shape)
        windows.sum_duplicates()
        windows.data = self.rarity[windows.indices]
        norms = np.sqrt(np.asarray(windows.multiply(windows).sum(axis=1))).ravel()
        return scipy.sparse.csr_matrix(scipy.sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ windows)
