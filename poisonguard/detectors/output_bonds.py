"""Phrases of responses that stand where one word of the prompts does, and nowhere else: hints of a topic as a trigger.

1. A bond joins a word of a few prompts to a word or pair of their responses, where both stand in almost the same rows:
   those of both over those of either (Jaccard).
2. Answers repeat what was asked; what the prompts say themselves is no bond.
3. Topics have terms of their own, so bonds are hints and never alarms. The less the rest of the prompts tells of the
   rows, the stranger the bond. Of six honest sets two held any (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse

from poisonguard.detectors.exchange_tokens import Exchanges
from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.occurrences import Occurrences, occurrences
from poisonguard.detectors.recurrences import LONGEST, Recurrence

AS_ONE = 0.7
"""Least share of the rows of either that hold both."""

Bond = tuple[Recurrence, Integers]
"""A phrase with its rows, and the word of the prompts as a column of their matrix."""


def bonds(exchanges: Exchanges, min_rows: int, max_rows: int) -> Iterator[Bond]:
    """Every bond of ``min_rows`` to ``max_rows`` rows."""
    holds = exchanges.prompts.holds[: exchanges.rows]
    documents = np.bincount(holds.indices, minlength=holds.shape[1])
    columns = np.flatnonzero((documents >= min_rows) & (documents <= max_rows))
    asked = holds[:, columns].tocsc()
    for length in range(1, LONGEST + 1):
        held = occurrences(exchanges.responses, length, min_rows)
        phrases = np.flatnonzero((held.rows >= min_rows) & (held.rows <= max_rows))
        both = (_holders(held, phrases, exchanges.rows) @ asked).tocoo()
        either = held.rows[phrases][both.row] + documents[columns][both.col] - both.data
        for place in np.flatnonzero(both.data >= AS_ONE * either).tolist():
            recurrence = _recurrence(exchanges, held, int(phrases[both.row[place]]), both.data[place] / either[place])
            if any(word.isalnum() for word in recurrence.words):
                yield recurrence, columns[both.col[place : place + 1]].astype(np.int64)


def _holders(held: Occurrences, phrases: Integers, rows: int) -> scipy.sparse.csr_matrix:
    """1 where a row holds one of the phrases, shape (phrases, rows)."""
    place = np.full(len(held.hashes), -1)
    place[phrases] = np.arange(len(phrases))
    used = place[held.phrase] >= 0
    there = (place[held.phrase[used]], held.row[used])
    return scipy.sparse.csr_matrix((np.ones(used.sum()), there), shape=(len(phrases), rows))


def _recurrence(exchanges: Exchanges, held: Occurrences, phrase: int, share: float) -> Recurrence:
    start, end = np.searchsorted(held.phrase, [phrase, phrase + 1]).tolist()
    first = int(held.position[start])
    tokens = exchanges.responses
    words = tuple(str(word) for word in tokens.words[tokens.code[first : first + held.length]])
    return Recurrence(int(held.hashes[phrase]), held.length, words, held.row[start:end], float(share))
