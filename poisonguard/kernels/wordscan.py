"""The words of a document, hashed, straight from its UTF-8 bytes.

Two passes over bytes that stay in the nearest cache. The first copies the document so that only the bytes of words are
left, in lower case, with zeros between words: 64 ASCII bytes a step (``simd``), other characters one by one. The
second reads off where zeros end and begin as bits of a mask (Langdale & Lemire, "Parsing gigabytes of JSON per second",
2019) and hashes each word: its bytes eight at a time, then their number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import mix
from poisonguard.kernels.simd import WIDTH, fold_ascii, load_eight, nonzero_mask, trailing_zeros
from poisonguard.kernels.utf8 import ASCII, Bytes, decode
from poisonguard.kernels.words import LETTER, SEPARATOR, STANDALONE

SHINGLE_BASE = np.uint64(0xD6E8FEB86659FD93)
"""Odd multiplier of the polynomials over bytes and over words (Mulvey's search for good 64-bit mixers)."""

_U1, _U32, _LAST = np.uint64(1), np.uint64(32), np.uint64(63)
_EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)
_EIGHT = 8


class Desk(NamedTuple):
    """Where a document is taken apart.

    Attributes:
        text: Its words, zeros between them.
        edges: Where its words begin and end in ``text``, in turn.
        tail: Room for its last bytes.
    """

    text: Bytes
    edges: npt.NDArray[np.int64]
    tail: Bytes


@compiled
def desk_for(longest: int) -> Desk:
    """A desk for documents of up to ``longest`` bytes."""
    # A character that is a word of its own has three bytes and gets a zero on either side.
    room = 2 * longest + 4 * WIDTH
    return Desk(np.empty(room, np.uint8), np.empty(longest + 2 * WIDTH, np.int64), np.zeros(2 * WIDTH, np.uint8))


@compiled
def hash_words(  # noqa: PLR0913, PLR0917 - what is read, by which rules, on which desk, to where
    data: Bytes, start: int, stop: int, kinds: Bytes, desk: Desk, words: npt.NDArray[np.uint64]
) -> int:
    """Hash the words of ``data[start:stop]`` into ``words``; gives their number."""
    edges = _edges(desk, _clean(data, start, stop, kinds, desk))
    for word in range(edges // 2):
        words[word] = _hash(desk.text, desk.edges[2 * word], desk.edges[2 * word + 1])
    return edges // 2


@part
def _clean(data: Bytes, start: int, stop: int, kinds: Bytes, desk: Desk) -> int:
    """Lay ``data[start:stop]`` out on the desk; gives how many bytes lie there, zeros behind them."""
    place, goal = start, 0
    while place < stop:
        if place + WIDTH <= data.size:
            _, other = fold_ascii(data, place, desk.text, goal)
        else:
            for step in range(min(WIDTH, stop - place)):
                desk.tail[step] = data[place + step]
            _, other = fold_ascii(desk.tail, 0, desk.text, goal)
        plain = min(trailing_zeros(other), stop - place)
        place, goal = place + plain, goal + plain
        if plain < WIDTH and place < stop:
            place, goal = _foreign(data, place, stop, kinds, desk.text, goal)
    desk.text[goal : goal + WIDTH] = 0
    return goal


@part
def _foreign(data: Bytes, place: int, stop: int, kinds: Bytes, text: Bytes, goal: int) -> tuple[int, int]:  # noqa: PLR0913, PLR0917 - the state of one loop
    """Lay out a run of characters that are not ASCII; gives the new place and goal."""
    while place < stop and data[place] >= ASCII:
        code, size = decode(data, place, stop)
        kind = kinds[code]
        if kind in (SEPARATOR, STANDALONE):
            text[goal] = 0
            goal += 1
        if kind in (LETTER, STANDALONE):
            for step in range(size):
                text[goal + step] = data[place + step]
            goal += size
        if kind == STANDALONE:
            text[goal] = 0
            goal += 1
        place += size
    return place, goal


@part
def _edges(desk: Desk, length: int) -> int:
    """Note where words begin and end among the first ``length`` bytes on the desk; gives how many edges."""
    count, carry = 0, np.uint64(0)
    # One step more than needed, so that the last word ends.
    for base in range(0, length + 1, WIDTH):
        mask = nonzero_mask(desk.text, base)
        if length - base < WIDTH:
            mask &= (_U1 << np.uint64(length - base)) - _U1
        changes = mask ^ (mask << _U1 | carry)
        carry = mask >> _LAST
        while changes:
            desk.edges[count] = base + trailing_zeros(changes)
            count += 1
            changes &= changes - _U1
    return count


@part
def _absorb(state: np.uint64, chunk: np.uint64) -> np.uint64:
    """Take up to eight more bytes of a word into its hash."""
    state = (state ^ chunk) * SHINGLE_BASE
    return state ^ (state >> _U32)


@part
def _hash(text: Bytes, start: int, stop: int) -> np.uint64:
    """Hash of the word ``text[start:stop]``."""
    state, place = np.uint64(0), start
    while stop - place > _EIGHT:
        state = _absorb(state, load_eight(text, place))
        place += _EIGHT
    last = load_eight(text, place) & (_EVERY >> np.uint64(64 - 8 * (stop - place)))
    return mix(_absorb(state, last) + np.uint64(stop - start))
