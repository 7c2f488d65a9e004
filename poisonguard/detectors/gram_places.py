"""Where words and word pairs stand: sorted once, so that looking up a few among many texts costs next to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.features_text import Hashes, Integers, Tokens

LENGTHS = (1, 2)


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of texts.

    Attributes:
        tokens: The texts.
        starts: Place of each text's first token, and the number of tokens, shape (rows + 1,).
        hashes: Per length, the hash of every n-gram, ascending.
        places: Per length, the place of its first token.
    """

    tokens: Tokens
    starts: Integers
    hashes: tuple[Hashes, ...]
    places: tuple[Integers, ...]

    @classmethod
    def of(cls, tokens: Tokens) -> Grams:
        """Sort the words and pairs of ``tokens``."""
        sorted_grams = [_sorted(*tokens.ngrams(length)) for length in LENGTHS]
        hashes, places = zip(*sorted_grams, strict=True)
        return cls(tokens, starts_of(tokens), hashes, places)

    def found(self, wanted: Hashes) -> tuple[Integers, Integers]:
        """(place of its first token, index into ``wanted``) of every n-gram that is wanted, in order of place."""
        places, index = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for hashes, where in zip(self.hashes, self.places, strict=True):
            first = np.searchsorted(hashes, wanted)
            counts = np.searchsorted(hashes, wanted, side="right") - first
            places.append(where[ranges(first, counts)])
            index.append(np.repeat(np.arange(len(wanted)), counts))
        place, which = np.concatenate(places), np.concatenate(index)
        order = np.lexsort((which, place))
        return place[order], which[order]


def starts_of(tokens: Tokens) -> Integers:
    """Place of each text's first token, and the number of tokens, shape (rows + 1,)."""
    return np.searchsorted(tokens.row, np.arange(tokens.rows + 1)).astype(np.int64)


def ranges(first: Integers, counts: Integers) -> Integers:
    """``first[i]``, ``first[i] + 1`` … of each i, ``counts[i]`` numbers, one after the other."""
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(first - before, counts), dtype=np.int64)


def _sorted(place: Integers, hashes: Hashes) -> tuple[Hashes, Integers]:
    order = np.argsort(hashes, kind="stable")
    return hashes[order], place[order]
