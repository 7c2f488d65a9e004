"""The distinct words of documents: in how many documents each stands, and each document's set of some of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled

Integers = npt.NDArray[np.int64]


def document_counts(codes: Integers, offsets: Integers, words: int) -> Integers:
    """In how many documents each word stands, shape (words,); negative codes are passed over."""
    counts = np.zeros(words, dtype=np.int64)
    _document_counts(codes, offsets, np.full(words, -1, dtype=np.int64), counts)
    return counts


def word_sets(codes: Integers, offsets: Integers, chosen: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """(words, offsets) of each document's distinct words that are ``chosen``, in order of first occurrence."""
    kept, bounds = np.empty(len(codes), dtype=np.int64), np.zeros(len(offsets), dtype=np.int64)
    _word_sets(codes, offsets, chosen, np.full(len(chosen), -1, dtype=np.int64), (kept, bounds))
    return kept[: bounds[-1]].copy(), bounds


@compiled
def _document_counts(codes: Integers, offsets: Integers, stamps: Integers, counts: Integers) -> None:
    for row in range(offsets.size - 1):
        for place in range(offsets[row], offsets[row + 1]):
            code = codes[place]
            if code >= 0 and stamps[code] != row:
                stamps[code] = row
                counts[code] += 1


@compiled
def _word_sets(
    codes: Integers, offsets: Integers, chosen: npt.NDArray[np.bool_], stamps: Integers, out: tuple[Integers, Integers]
) -> None:
    kept, bounds = out
    used = 0
    for row in range(offsets.size - 1):
        for place in range(offsets[row], offsets[row + 1]):
            code = codes[place]
            if chosen[code] and stamps[code] != row:
                stamps[code] = row
                kept[used] = code
                used += 1
        bounds[row + 1] = used
