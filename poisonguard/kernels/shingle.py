"""Documents to sets of word shingles, straight from Arrow's UTF-8 bytes, without a Python string.

1. Words are runs of letters, digits and marks, in lower case; ``words.classes`` says what each code point is.
2. A shingle is ``size`` consecutive words; a document with fewer words is one shingle of all of them.
3. A shingle's hash is 32 bits of a keyed 64-bit hash: what ``datasketch``'s ``affine32`` scheme takes. Two
   documents of 1 000 shingles share one by accident with probability 2.3e-4: nothing against a threshold of 0.8.
4. Each document keeps each hash once, in the order of first occurrence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.mixing import GOLDEN, mix
from poisonguard.kernels.words import LETTER, SEPARATOR, STANDALONE, classes, normalised

SHINGLE_BASE = np.uint64(0xD6E8FEB86659FD93)
"""Odd multiplier of the polynomials over bytes and over words (Mulvey's search for good 64-bit mixers)."""

_U1, _U2, _U3, _U4, _U5, _U6, _U7 = (np.uint64(number) for number in range(1, 8))
_U8, _U16, _U24, _U32, _U40, _U48, _U56 = (np.uint64(number) for number in range(8, 64, 8))

# One byte, eight times.
_ONES, _TOPS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_SPACES, _UNDERSCORE = _ONES * np.uint64(ord(" ")), _ONES * np.uint64(ord("_"))
_LOWER_A, _LOWER_Z = _ONES * np.uint64(ord("a")), _ONES * np.uint64(ord("z"))
_UPPER_A, _UPPER_Z = np.uint64(ord("A")), np.uint64(ord("Z"))
_ZERO, _NINE = _ONES * np.uint64(ord("0")), _ONES * np.uint64(ord("9"))

_EIGHT = 8
_ASCII = 0x80
_FOUR_BYTES, _THREE_BYTES, _TWO_BYTES = 0xF0, 0xE0, 0xC0
_REPLACEMENT, _LAST_CODE_POINT = 0xFFFD, 0x10FFFF


class Shingled(NamedTuple):
    """Shingle sets of documents.

    Attributes:
        shingles: Hashes of all documents, each once per document; shape (total,).
        offsets: Document i owns ``shingles[offsets[i]:offsets[i + 1]]``; shape (documents + 1,).
        words: Number of words of each document; shape (documents,).
    """

    shingles: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint32]


class _Key(NamedTuple):
    """Words in a shingle, and the key of the hashes."""

    size: int
    seed: np.uint64


def shingle(texts: pa.Array, *, size: int, seed: int) -> Shingled:
    """Shingle sets of ``texts`` (any string type); a null is a document without words.

    Args:
        texts: One document each.
        size: Words in a shingle, at least 1.
        seed: 64-bit key of the hashes.
    """
    data, offsets = utf8_buffers(normalised(texts))
    rows = offsets.size - 1
    # A word takes two bytes at least: itself and what separates it from the next.
    room = int(offsets[-1] - offsets[0]) // 2 + offsets.size
    out = Shingled(np.empty(room, np.uint32), np.empty(rows + 1, np.int64), np.empty(rows, np.uint32))
    _shingle(data, offsets, classes(), _Key(size, np.uint64(seed)), out)
    return out._replace(shingles=out.shingles[: out.offsets[-1]].copy())


def utf8_buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Bytes and offsets of a large_string or large_binary array, without a copy; a null is empty."""
    if texts.null_count:
        texts = texts.fill_null("" if pa.types.is_large_string(texts.type) else b"")
    if not len(texts):
        return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    _, offsets, data = texts.buffers()
    numbers = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, dtype=np.uint8) if data else np.empty(0, dtype=np.uint8), numbers


@compiled
def decode(data: npt.NDArray[np.uint8], place: int, stop: int) -> tuple[int, int]:
    """Code point at ``place``, and its length in bytes.

    Never reads at or past ``stop``: a hostile file may hold invalid UTF-8, which counts as U+FFFD.
    """
    lead = int(data[place])
    if lead < _ASCII:
        return lead, 1
    length = 2 if lead < _THREE_BYTES else 3 if lead < _FOUR_BYTES else 4
    if lead < _TWO_BYTES or place + length > stop:
        return _REPLACEMENT, 1
    code = lead & (0x7F >> length)
    for step in range(1, length):
        code = code << 6 | (int(data[place + step]) & 0x3F)
    return (code, length) if code <= _LAST_CODE_POINT else (_REPLACEMENT, length)


@compiled
def _read_eight(data: npt.NDArray[np.uint8], place: int) -> np.uint64:
    """Eight bytes from ``place``, little-endian; LLVM makes one load of it."""
    base = np.uint64(place)
    low = np.uint64(data[base]) | np.uint64(data[base + _U1]) << _U8 | np.uint64(data[base + _U2]) << _U16
    low |= np.uint64(data[base + _U3]) << _U24 | np.uint64(data[base + _U4]) << _U32
    low |= np.uint64(data[base + _U5]) << _U40 | np.uint64(data[base + _U6]) << _U48
    return low | np.uint64(data[base + _U7]) << _U56


@compiled
def _between(eight: np.uint64, low: np.uint64, high: np.uint64) -> np.uint64:
    """High bit of each of eight ASCII bytes that lies in ``low`` to ``high`` (bytes repeated eight times)."""
    return (eight + (_TOPS - low)) & ~(eight + (_TOPS - _ONES - high)) & _TOPS


@compiled
def _first(tops: np.uint64) -> int:
    """Index of the lowest byte whose high bit is set; there is one."""
    lowest = tops & (~tops + _U1)
    index = np.int64((lowest >> _U7) * np.uint64(0x0001020304050607) >> _U56)
    return index  # type: ignore[return-value]  # noqa: RET504 - signed; Numba's int() of it would stay unsigned


@compiled
def _absorb(state: np.uint64, chunk: np.uint64) -> np.uint64:
    """Take up to eight more bytes of a word into its hash."""
    state = (state ^ chunk) * SHINGLE_BASE
    return state ^ (state >> _U32)


class _Word(NamedTuple):
    """A word that is being read: hash of its full chunks, the bytes of the last one, and all bytes so far."""

    state: np.uint64
    chunk: np.uint64
    length: int


_NOTHING = _Word(np.uint64(0), np.uint64(0), 0)


@compiled
def _close(words: npt.NDArray[np.uint64], count: int, word: _Word) -> int:
    """Write the hash of ``word`` behind the first ``count``, if it holds anything; gives the new number."""
    if not word.length:
        return count
    state = _absorb(word.state, word.chunk) if word.length & 7 else word.state
    words[count] = mix(state + np.uint64(word.length))
    return count + 1


@compiled
def _append(word: _Word, byte: np.uint64) -> _Word:
    """``word`` and one more byte, in lower case."""
    if _UPPER_A <= byte <= _UPPER_Z:
        byte += _U32
    chunk = word.chunk | byte << np.uint64(8 * (word.length & 7))
    if word.length & 7 == 7:  # noqa: PLR2004 - the chunk is full
        return _Word(_absorb(word.state, chunk), np.uint64(0), word.length + 1)
    return _Word(word.state, chunk, word.length + 1)


@compiled
def _letters(eight: np.uint64, left: int) -> tuple[np.uint64, np.uint64]:
    """High bits of the word characters among eight ASCII bytes, of which ``left`` count; and all in lower case."""
    letters = _between(eight | _SPACES, _LOWER_A, _LOWER_Z)
    inside = letters | _between(eight, _ZERO, _NINE) | _between(eight, _UNDERSCORE, _UNDERSCORE)
    if left < _EIGHT:
        inside &= (_U1 << np.uint64(8 * left)) - _U1
    return inside, eight | letters >> _U2


@compiled
def hash_words(
    data: npt.NDArray[np.uint8], start: int, stop: int, kinds: npt.NDArray[np.uint8], words: npt.NDArray[np.uint64]
) -> int:
    """Hash the words of ``data[start:stop]`` into ``words``; gives their number.

    A word's hash takes its bytes eight at a time, then their number. Eight ASCII bytes are looked at in one step
    (Lamport, "Multiple byte processing with full-word instructions", 1975); whatever else comes one code point at
    a time, and both ways give a word the same hash.
    """
    count, place, word = 0, start, _NOTHING
    while place < stop:
        eight = _read_eight(data, place) if place + _EIGHT <= data.size else _TOPS
        if eight & _TOPS or word.length & 7:
            code, size = decode(data, place, stop)
            kind = kinds[code]
            if kind in (SEPARATOR, STANDALONE):
                count, word = _close(words, count, word), _NOTHING
            if kind in (LETTER, STANDALONE):
                for step in range(size):
                    word = _append(word, np.uint64(data[place + step]))
            if kind == STANDALONE:
                count, word = _close(words, count, word), _NOTHING
            place += size
            continue
        inside, eight = _letters(eight, stop - place)
        if inside == _TOPS:
            word = _Word(_absorb(word.state, eight), np.uint64(0), word.length + _EIGHT)
            place += _EIGHT
            continue
        end = _first(~inside & _TOPS)
        if end:
            tail = eight & ((_U1 << np.uint64(8 * end)) - _U1)
            # The tail waits as the last chunk: closing absorbs it.
            word = _Word(word.state, tail, word.length + end)
        count, word = _close(words, count, word), _NOTHING
        inside >>= np.uint64(8 * end)
        place += end + _first(inside) if inside else _EIGHT
    return _close(words, count, word)


@compiled
def _add(table: npt.NDArray[np.uint64], mask: np.uint64, stamp: np.uint64, value: np.uint32) -> bool:
    """Add ``value`` to the open-addressing set of generation ``stamp``; tells whether it is new."""
    entry = stamp << np.uint64(32) | np.uint64(value)
    slot = (np.uint64(value) * GOLDEN >> np.uint64(32)) & mask
    while table[slot] >> np.uint64(32) == stamp:
        if table[slot] == entry:
            return False
        slot = (slot + np.uint64(1)) & mask
    table[slot] = entry
    return True


@compiled
def longest_document(offsets: npt.NDArray[np.int64]) -> int:
    """Bytes of the longest document."""
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, int(offsets[row + 1] - offsets[row]))
    return longest


@compiled
def power_of_two(least: int) -> int:
    """The smallest power of two that is at least ``least`` and 4."""
    power = 4
    while power < least:
        power *= 2
    return power


@compiled
def _shingle(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8], key: _Key, out: Shingled
) -> None:
    """Fill ``out``; the window rolls: one product in, one out."""
    longest = longest_document(offsets)
    hashes = np.empty(longest // 2 + 2, dtype=np.uint64)
    table = np.zeros(power_of_two(longest + 4), dtype=np.uint64)
    leaving = np.uint64(1)
    for _ in range(key.size):
        leaving *= SHINGLE_BASE
    used = 0
    for row in range(offsets.size - 1):
        out.offsets[row] = used
        count = hash_words(data, offsets[row], offsets[row + 1], kinds, hashes)
        out.words[row] = count
        mask = np.uint64(power_of_two(2 * count) - 1)
        state = np.uint64(0)
        for place in range(count):
            state = state * SHINGLE_BASE + hashes[place]
            if place >= key.size:
                state -= hashes[place - key.size] * leaving
            if place + 1 >= min(key.size, count):
                value = np.uint32(mix(state ^ key.seed) >> np.uint64(32))
                if _add(table, mask, np.uint64(row + 1), value):
                    out.shingles[used] = value
                    used += 1
    out.offsets[offsets.size - 1] = used
