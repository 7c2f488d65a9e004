"""Passages as a set of word shingles that can be looked up by hash and compared by their words.

1. A shingle is a run of ``size`` words; words are ``words.classes``', so case, punctuation and invisible characters
   make no difference. A text of fewer words has none.
2. Shingles that many passages hold are boilerplate and tell none of them.
3. The table is keyed; two shingles of one hash are two entries, for their words are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import Draw, draw, mix
from poisonguard.kernels.shingle import longest_document, power_of_two
from poisonguard.kernels.utf8 import decode, utf8_buffers
from poisonguard.kernels.words import IGNORED, LETTER, STANDALONE, classes, normalised
from poisonguard.kernels.wordscan import SHINGLE_BASE, desk_for, hash_words

Indices = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

EMPTY = -1
BITS_PER_SHINGLE = 16
"""One window in sixteen or more that is no shingle is looked up in vain."""
_SPACE = 32
_A, _Z, _TO_LOWER = 65, 90, 32
_ONE = np.uint64(1)
_WORD, _BIT = np.uint64(6), np.uint64(63)


class Passages(NamedTuple):
    """Passages, ready to be looked for; a named tuple, because that is what compiled code takes.

    Attributes:
        size: Words in a shingle.
        seed: Key of the hashes.
        draw: By what the slot of a hash is drawn.
        bits: A bit for each hash, by its lowest bits: what is not marked is no shingle. Small enough for a cache.
        slots: Open-addressing table: number of the shingle, or -1; a power of two of them.
        hashes: Hash of each shingle, shape (shingles,).
        text: Words of all passages, spelled the same way, one space between.
        starts: Where each shingle starts in ``text``, shape (shingles,).
        stops: Where it ends, shape (shingles,).
        offsets: Shingle i stands in passages ``holders[offsets[i]:offsets[i + 1]]``, shape (shingles + 1,).
        holders: Passage numbers, shape (total,).
        sizes: Distinctive shingles of each passage, shape (passages,); 0 where none is distinctive.
        words: Words of each passage, shape (passages,).
    """

    size: int
    seed: np.uint64
    draw: Draw
    bits: Hashes
    slots: Indices
    hashes: Hashes
    text: Bytes
    starts: Indices
    stops: Indices
    offsets: Indices
    holders: Indices
    sizes: Indices
    words: Indices

    def without(self, boilerplate: npt.NDArray[np.bool_]) -> Passages:
        """The same without some entries of ``holders``: shingles that tell nothing of that passage, shape (total,)."""
        shingles = np.repeat(np.arange(self.hashes.size), np.diff(self.offsets))[~boilerplate]
        holders = np.ascontiguousarray(self.holders[~boilerplate])
        return self._replace(
            offsets=np.searchsorted(shingles, np.arange(self.hashes.size + 1)).astype(np.int64),
            holders=holders,
            sizes=np.bincount(holders, minlength=self.sizes.size).astype(np.int64),
        )


class Spelled(NamedTuple):
    """Words in lower case with one space between, and where each of them starts and ends."""

    text: Bytes
    starts: Indices
    stops: Indices


def passages_of(texts: pa.Array, *, size: int, seed: int, common: int) -> Passages:
    """Index ``texts`` (any string type, all different, null is empty).

    Args:
        texts: One passage each.
        size: Words in a shingle, at least 1.
        seed: 64-bit key of the hashes.
        common: Shingles that more passages hold are boilerplate: they tell none of them.
    """
    data, offsets = utf8_buffers(normalised(texts))
    room = int(offsets[-1] - offsets[0])
    # A word takes two bytes at least, the space behind it included; one of a script without spaces takes three.
    spelled = Spelled(np.empty(2 * room + 1, np.uint8), np.empty(room + 1, np.int64), np.empty(room + 1, np.int64))
    ends, hashes = np.empty(offsets.size, np.int64), np.empty(room + 1, np.uint64)
    words = _spell_all(data, offsets, classes(), spelled, ends, hashes)
    counts = np.diff(ends)
    total = int(np.maximum(counts - size + 1, 0).sum())
    windows = _Windows(np.empty(total, np.uint64), np.empty(total, np.int64), np.empty(total, np.int64))
    _windows(hashes, ends, size, np.uint64(seed), windows)
    text = spelled.text[: spelled.stops[words - 1] if words else 0].copy()
    starts, stops = spelled.starts[windows.words], spelled.stops[windows.words + size - 1]
    bits = np.zeros(power_of_two(BITS_PER_SHINGLE * total) >> 6 or 1, np.uint64)
    _mark(bits, windows.hashes)
    slots = np.full(power_of_two(2 * total + 4), EMPTY, np.int64)
    numbers = np.empty(total, np.int64)
    distinct = _number(slots, draw(slots.size), windows.hashes, text, starts, stops, numbers)
    firsts = np.empty(distinct, np.int64)
    # Written backwards, so that the first window of each shingle is the one that stays.
    firsts[numbers[::-1]] = np.arange(total, dtype=np.int64)[::-1]
    held = np.unique(np.stack([numbers, windows.passages], axis=1), axis=0) if total else np.empty((0, 2), np.int64)
    many = np.bincount(held[:, 0], minlength=distinct) > common
    held = held[~many[held[:, 0]]]
    return Passages(
        size=size,
        seed=np.uint64(seed),
        draw=draw(slots.size),
        bits=bits,
        slots=slots,
        hashes=windows.hashes[firsts],
        text=text,
        starts=starts[firsts],
        stops=stops[firsts],
        offsets=np.searchsorted(held[:, 0], np.arange(distinct + 1)).astype(np.int64),
        holders=np.ascontiguousarray(held[:, 1]),
        sizes=np.bincount(held[:, 1], minlength=counts.size).astype(np.int64),
        words=counts,
    )


class _Windows(NamedTuple):
    """Every run of words of every passage: its hash, the number of its first word, and the passage."""

    hashes: Hashes
    words: Indices
    passages: Indices


@compiled
def spell(data: Bytes, start: int, stop: int, kinds: Bytes, out: Spelled, word: int) -> int:  # noqa: PLR0913, PLR0917 - the state of one loop
    """Spell the words of ``data[start:stop]`` behind the first ``word`` of ``out``; gives the new number."""
    at = out.stops[word - 1] + 1 if word else 0
    first, place = at, start
    while place < stop:
        code, size = decode(data, place, stop)
        kind = kinds[code]
        if kind not in (LETTER, IGNORED) and at > first:
            out.starts[word], out.stops[word], out.text[at] = first, at, _SPACE
            word, at = word + 1, at + 1
            first = at
        if kind in (LETTER, STANDALONE):
            for step in range(size):
                byte = data[place + step]
                out.text[at] = byte + _TO_LOWER if _A <= byte <= _Z else byte
                at += 1
        if kind == STANDALONE:
            out.starts[word], out.stops[word], out.text[at] = first, at, _SPACE
            word, at = word + 1, at + 1
            first = at
        place += size
    if at > first:
        out.starts[word], out.stops[word], out.text[at] = first, at, _SPACE
        word += 1
    return word


@compiled
def _spell_all(  # noqa: PLR0913, PLR0917 - the state of one loop
    data: Bytes, offsets: Indices, kinds: Bytes, spelled: Spelled, ends: Indices, hashes: Hashes
) -> int:
    """Spell and hash the words of all passages; passage i owns words ``ends[i]`` to ``ends[i + 1]``."""
    word, desk = 0, desk_for(longest_document(offsets))
    for row in range(offsets.size - 1):
        ends[row] = word
        hash_words(data, offsets[row], offsets[row + 1], kinds, desk, hashes[word:])
        word = spell(data, offsets[row], offsets[row + 1], kinds, spelled, word)
    ends[offsets.size - 1] = word
    return word


@part
def leaving_factor(size: int) -> np.uint64:
    """What the word that leaves a window of ``size`` words was multiplied by."""
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= SHINGLE_BASE
    return leaving


@compiled
def _windows(hashes: Hashes, ends: Indices, size: int, seed: np.uint64, out: _Windows) -> None:
    """Fill ``out`` with every window; it rolls: one product in, one out."""
    used, leaving = 0, leaving_factor(size)
    for row in range(ends.size - 1):
        state = np.uint64(0)
        for word in range(ends[row], ends[row + 1]):
            state = state * SHINGLE_BASE + hashes[word]
            if word - ends[row] >= size:
                state -= hashes[word - size] * leaving
            if word - ends[row] + 1 >= size:
                out.hashes[used], out.words[used], out.passages[used] = mix(state ^ seed), word - size + 1, row
                used += 1


@part
def is_marked(bits: Hashes, value: np.uint64) -> bool:
    """Whether a hash may be that of a shingle."""
    place = value & np.uint64(64 * bits.size - 1)
    return bool(bits[place >> _WORD] >> (place & _BIT) & _ONE)


@compiled
def _mark(bits: Hashes, hashes: Hashes) -> None:
    """Mark every hash."""
    for index in range(hashes.size):
        place = hashes[index] & np.uint64(64 * bits.size - 1)
        bits[place >> _WORD] |= _ONE << (place & _BIT)


@part
def equal_bytes(one: Bytes, start: int, stop: int, other: Bytes, place: int, end: int) -> bool:  # noqa: PLR0913, PLR0917 - two ranges
    """Whether two ranges hold the same bytes."""
    if stop - start != end - place:
        return False
    for step in range(stop - start):  # noqa: SIM110 - a loop is what is compiled
        if one[start + step] != other[place + step]:
            return False
    return True


@compiled
def _number(  # noqa: PLR0913, PLR0917 - the state of one loop
    slots: Indices,
    by: Draw,
    hashes: Hashes,
    text: Bytes,
    starts: Indices,
    stops: Indices,
    numbers: Indices,
) -> int:
    """Number the windows by their words, in order of first occurrence, and fill ``slots``; gives how many differ."""
    mask, distinct = np.uint64(slots.size - 1), 0
    firsts = np.empty(hashes.size, dtype=np.int64)
    for window in range(hashes.size):
        slot = hashes[window] * by.odd >> by.away
        numbers[window] = EMPTY
        while slots[slot] != EMPTY:
            first = firsts[slots[slot]]
            same = hashes[first] == hashes[window]
            if same and equal_bytes(text, starts[first], stops[first], text, starts[window], stops[window]):
                numbers[window] = slots[slot]
                break
            slot = (slot + _ONE) & mask
        if numbers[window] == EMPTY:
            slots[slot], firsts[distinct], numbers[window] = distinct, window, distinct
            distinct += 1
    return distinct
