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

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import SECRET_ODD, away_of, mix
from poisonguard.kernels.utf8 import Bytes, utf8_buffers
from poisonguard.kernels.words import classes, normalised_apart
from poisonguard.kernels.wordscan import SHINGLE_BASE, desk_for, hash_words

Hashes = npt.NDArray[np.uint64]

_U1, _U32 = np.uint64(1), np.uint64(32)


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
    """Words in a shingle, the key of the hashes, and what draws their slots."""

    size: int
    seed: np.uint64
    odd: np.uint64


class _Texts(NamedTuple):
    """Bytes of some documents, and where each ends."""

    data: Bytes
    offsets: npt.NDArray[np.int64]


def shingle(texts: pa.Array, *, size: int, seed: int) -> Shingled:
    """Shingle sets of ``texts`` (any string type); a null is a document without words.

    Args:
        texts: One document each.
        size: Words in a shingle, at least 1.
        seed: 64-bit key of the hashes.
    """
    column, plain, others = normalised_apart(texts)
    as_is, changed = _Texts(*utf8_buffers(column)), _Texts(*utf8_buffers(others))
    rows = as_is.offsets.size - 1
    # A word takes two bytes at least: itself and what separates it from the next.
    room = sum(int(part.offsets[-1] - part.offsets[0]) // 2 + part.offsets.size for part in (as_is, changed))
    out = Shingled(np.empty(room, np.uint32), np.empty(rows + 1, np.int64), np.empty(rows, np.uint32))
    _shingle(as_is, changed, plain, classes(), _Key(size, np.uint64(seed), SECRET_ODD), out)
    # What was not written was never touched: giving it back costs no copy.
    out.shingles.resize(int(out.offsets[-1]), refcheck=False)
    return out


@part
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
def _shingle(  # noqa: PLR0913, PLR0917 - what is read, by which rules, to where
    as_is: _Texts, changed: _Texts, plain: npt.NDArray[np.bool_], kinds: Bytes, key: _Key, out: Shingled
) -> None:
    """Fill ``out``."""
    longest = max(longest_document(as_is.offsets), longest_document(changed.offsets))
    desk, hashes = desk_for(longest), np.empty(longest // 2 + 2, dtype=np.uint64)
    values = np.empty_like(hashes)
    table = np.zeros(power_of_two(2 * longest + 4), dtype=np.uint64)
    used, other = 0, 0
    for row in range(plain.size):
        texts, place = (as_is, row) if plain[row] else (changed, other)
        other += not plain[row]
        count = hash_words(texts.data, texts.offsets[place], texts.offsets[place + 1], kinds, desk, hashes)
        out.offsets[row], out.words[row] = used, count
        count = _hash_shingles(hashes[:count], key, values)
        used = _keep_new(values[:count], table, np.uint64(row + 1), key.odd, out.shingles, used)
    out.offsets[plain.size] = used


@part
def _hash_shingles(hashes: Hashes, key: _Key, values: Hashes) -> int:
    """Hash every run of words into ``values``; gives their number.

    A polynomial over the words, all runs one word further at a time, so that several are worked on in one step.
    """
    size = min(key.size, hashes.size)
    count = hashes.size - size + 1 if size else 0
    for run in range(count):
        values[run] = hashes[run]
    for step in range(1, size):
        for run in range(count):
            values[run] = values[run] * SHINGLE_BASE + hashes[run + step]
    for run in range(count):
        values[run] = mix(values[run] ^ key.seed) >> _U32
    return count


@part
def _keep_new(  # noqa: PLR0913, PLR0917 - the state of one loop
    values: Hashes, table: Hashes, stamp: np.uint64, odd: np.uint64, shingles: npt.NDArray[np.uint32], used: int
) -> int:
    """Write ``values``, each once, behind the first ``used``; gives the new number.

    ``table`` is an open-addressing set of generation ``stamp``.
    """
    slots = power_of_two(4 * values.size)
    mask, away = np.uint64(slots - 1), away_of(slots)
    for place in range(values.size):
        value = values[place]
        entry, slot = stamp << _U32 | value, value * odd >> away
        while table[slot] != entry and table[slot] >> _U32 == stamp:
            slot = (slot + _U1) & mask
        if table[slot] != entry:
            table[slot] = entry
            shingles[used] = value
            used += 1
    return used
