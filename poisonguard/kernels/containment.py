"""How much of each of some passages stands in a document: runs of words looked up in a set, and compared exactly.

1. A document is hashed once. Where a hash is known, the words themselves are compared, byte for byte: no collision,
   prepared or not, counts as a match.
2. Containment of a passage in a document is the share of its distinctive shingles that the document holds, each
   counted once. The seed of the hashes changes the time it takes, never the result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import mix
from poisonguard.kernels.passages import (
    EMPTY,
    Bytes,
    Hashes,
    Indices,
    Passages,
    Spelled,
    equal_bytes,
    is_marked,
    leaving_factor,
    spell,
)
from poisonguard.kernels.shingle import longest_document
from poisonguard.kernels.utf8 import utf8_buffers
from poisonguard.kernels.words import classes, normalised
from poisonguard.kernels.wordscan import SHINGLE_BASE, Desk, desk_for, hash_words

_ONE = np.uint64(1)


class Contained(NamedTuple):
    """What some documents hold of the passages.

    Attributes:
        documents: Highest containment of any passage in each document, shape (documents,).
        best: Highest containment of each passage in any document, shape (passages,).
        place: First document that reaches it, shape (passages,); -1 where ``best`` is 0.
    """

    documents: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]
    place: Indices


class _Scratch(NamedTuple):
    """Memory that one call uses again for every document; stamps are document numbers plus 1."""

    desk: Desk
    hashes: Hashes
    hits: Indices
    spelled: Spelled
    shingle_stamps: Indices
    passage_stamps: Indices
    counts: Indices
    touched: Indices


def contained(texts: pa.Array, passages: Passages) -> Contained:
    """How much of ``passages`` stands in each of ``texts`` (any string type, null is empty)."""
    data, offsets = utf8_buffers(normalised(texts))
    documents = offsets.size - 1
    out = Contained(
        np.zeros(documents), np.zeros(passages.sizes.size), np.full(passages.sizes.size, EMPTY, dtype=np.int64)
    )
    _contained(data, offsets, classes(), passages, out)
    return out


@compiled
def _known(passages: Passages, value: np.uint64) -> bool:
    """Whether some shingle has this hash."""
    mask = np.uint64(passages.slots.size - 1)
    slot = value * passages.draw.odd >> passages.draw.away
    while passages.slots[slot] != EMPTY:
        if passages.hashes[passages.slots[slot]] == value:
            return True
        slot = (slot + _ONE) & mask
    return False


@compiled
def _found(passages: Passages, value: np.uint64, text: Bytes, start: int, stop: int) -> int:
    """Number of the shingle that has this hash and these words, or -1."""
    mask = np.uint64(passages.slots.size - 1)
    slot = value * passages.draw.odd >> passages.draw.away
    while passages.slots[slot] != EMPTY:
        number = passages.slots[slot]
        if passages.hashes[number] == value and equal_bytes(
            text, start, stop, passages.text, passages.starts[number], passages.stops[number]
        ):
            return int(number)
        slot = (slot + _ONE) & mask
    return EMPTY


@part
def hits_in(hashes: Hashes, count: int, passages: Passages, leaving: np.uint64, hits: Indices) -> int:
    """Places of the first ``count`` words where a known window starts; gives how many."""
    found, state, size = 0, np.uint64(0), passages.size
    for place in range(count):
        state = state * SHINGLE_BASE + hashes[place]
        if place >= size:
            state -= hashes[place - size] * leaving
        if place + 1 >= size:
            value = mix(state ^ passages.seed)
            if is_marked(passages.bits, value) and _known(passages, value):
                hits[found] = place - size + 1
                found += 1
    return found


@compiled
def _value(hashes: Hashes, place: int, passages: Passages) -> np.uint64:
    """Hash of the window that starts at ``place``."""
    state = np.uint64(0)
    for word in range(place, place + passages.size):
        state = state * SHINGLE_BASE + hashes[word]
    return mix(state ^ passages.seed)


@part
def shingle_at(place: int, hashes: Hashes, passages: Passages, spelled: Spelled) -> int:
    """Number of the shingle that starts at the word ``place`` of the spelled document, or -1."""
    start, stop = spelled.starts[place], spelled.stops[place + passages.size - 1]
    return _found(passages, _value(hashes, place, passages), spelled.text, start, stop)


@part
def _tally(row: int, found: int, passages: Passages, scratch: _Scratch) -> int:
    """Count the shingles of each passage that the spelled document holds; gives how many passages are touched."""
    touched = 0
    for hit in range(found):
        number = shingle_at(scratch.hits[hit], scratch.hashes, passages, scratch.spelled)
        if number == EMPTY or scratch.shingle_stamps[number] == row + 1:
            continue
        scratch.shingle_stamps[number] = row + 1
        for entry in range(passages.offsets[number], passages.offsets[number + 1]):
            holder = passages.holders[entry]
            if scratch.passage_stamps[holder] != row + 1:
                scratch.passage_stamps[holder], scratch.counts[holder] = row + 1, 0
                scratch.touched[touched] = holder
                touched += 1
            scratch.counts[holder] += 1
    return touched


@compiled
def _contained(data: Bytes, offsets: Indices, kinds: Bytes, passages: Passages, out: Contained) -> None:
    """Fill ``out``."""
    longest, leaving = longest_document(offsets), leaving_factor(passages.size)
    spelled = Spelled(
        np.empty(2 * longest + 1, np.uint8), np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    )
    scratch = _Scratch(
        desk_for(longest),
        np.empty(longest + 1, np.uint64),
        np.empty(longest + 1, np.int64),
        spelled,
        np.zeros(passages.hashes.size, np.int64),
        np.zeros(passages.sizes.size, np.int64),
        np.zeros(passages.sizes.size, np.int64),
        np.zeros(passages.sizes.size, np.int64),
    )
    for row in range(offsets.size - 1):
        count = hash_words(data, offsets[row], offsets[row + 1], kinds, scratch.desk, scratch.hashes)
        found = hits_in(scratch.hashes, count, passages, leaving, scratch.hits)
        if not found:
            continue
        spell(data, offsets[row], offsets[row + 1], kinds, spelled, 0)
        for entry in range(_tally(row, found, passages, scratch)):
            holder = scratch.touched[entry]
            share = scratch.counts[holder] / passages.sizes[holder]
            out.documents[row] = max(out.documents[row], share)
            if share > out.best[holder]:
                out.best[holder], out.place[holder] = share, row
