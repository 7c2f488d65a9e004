"""Which rows hold which n-gram: the ones that occur often enough, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.counting import distinct, perhaps_frequent
from poisonguard.detectors.features_text import Hashes, Integers, Tokens


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Which rows hold which n-gram of one length.

    Attributes:
        length: Tokens per n-gram.
        hashes: Hash of each distinct n-gram, ascending, shape (phrases,).
        phrase: Index into ``hashes`` of each (phrase, row) pair, ascending, shape (pairs,).
        row: Row of each pair, shape (pairs,).
        position: Flat token position where the pair first occurs, shape (pairs,).
        known: Rows outside of those looked at that hold each n-gram, shape (phrases,).
    """

    length: int
    hashes: Hashes
    phrase: Integers
    row: Integers
    position: Integers
    known: Integers

    @property
    def rows(self) -> Integers:
        """Rows that hold each n-gram, shape (phrases,)."""
        return np.bincount(self.phrase, minlength=len(self.hashes))


def occurrences(tokens: Tokens, length: int, min_rows: int, among: npt.NDArray[np.bool_] | None = None) -> Occurrences:
    """The n-grams of ``length`` tokens that occur at least ``min_rows`` times, in all rows or in those ``among``."""
    position, hashes = tokens.ngrams(length)
    inside = np.ones(len(position), dtype=np.bool_) if among is None else among[tokens.row[position]]
    outside, elsewhere = tokens.row[position[~inside]], hashes[~inside]
    position, hashes = position[inside], hashes[inside]
    likely = perhaps_frequent(hashes, min_rows)
    position, hashes = position[likely], hashes[likely]
    different, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    frequent = counts >= min_rows
    used = frequent[inverse]
    index = np.cumsum(frequent) - 1
    position, phrase = position[used], index[inverse[used]]
    rows = max(1, tokens.rows)
    pairs, first = np.unique(phrase * rows + tokens.row[position], return_index=True)
    kept = different[frequent]
    known = _rows_holding(kept, elsewhere, outside, rows)
    return Occurrences(length, kept, pairs // rows, pairs % rows, position[first], known)


def _rows_holding(wanted: Hashes, hashes: Hashes, row: Integers, rows: int) -> Integers:
    """How many different rows hold each wanted hash, shape (wanted,)."""
    if not len(wanted):
        return np.zeros(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    hit = wanted[place] == hashes
    return np.bincount(distinct(place[hit] * rows + row[hit]) // rows, minlength=len(wanted))
