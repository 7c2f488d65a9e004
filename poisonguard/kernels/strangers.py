"""Which runs of words of a passage stand in many documents that do not hold the item that it is part of.

1. An item is one or several passages (a question, an answer). A document holds it when it holds the given share of
   the runs of all its passages together.
2. Each run of each passage is counted once for every document that has it while holding no item the passage is
   part of: a template, a licence, a saying.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.containment import hits_in, shingle_at
from poisonguard.kernels.passages import EMPTY, Bytes, Hashes, Indices, Passages, Spelled, leaving_factor, spell
from poisonguard.kernels.shingle import longest_document
from poisonguard.kernels.utf8 import utf8_buffers
from poisonguard.kernels.words import classes, normalised
from poisonguard.kernels.wordscan import Desk, desk_for, hash_words


class Parts(NamedTuple):
    """Which passages make up which item, both ways.

    Attributes:
        items: Items of each passage lie in ``items[starts[i]:starts[i + 1]]``.
        starts: Shape (passages + 1,).
        passages: Passages of each item lie in ``passages[bounds[i]:bounds[i + 1]]``.
        bounds: Shape (items + 1,).
    """

    items: Indices
    starts: Indices
    passages: Indices
    bounds: Indices

    @classmethod
    def of(cls, passages: Indices, owners: Indices, counts: tuple[int, int]) -> Parts:
        """From pairs of a passage and the item it is part of; ``counts`` are those of passages and items."""
        by_passage, by_item = np.lexsort((owners, passages)), np.lexsort((passages, owners))
        return cls(
            owners[by_passage],
            np.searchsorted(passages[by_passage], np.arange(counts[0] + 1)),
            passages[by_item],
            np.searchsorted(owners[by_item], np.arange(counts[1] + 1)),
        )


class _Scratch(NamedTuple):
    """Memory that is used again for every document; stamps are document numbers plus 1."""

    desk: Desk
    hashes: Hashes
    hits: Indices
    spelled: Spelled
    shingle_stamps: Indices
    passage_stamps: Indices
    counts: Indices
    shingles: Indices


def strangers(texts: pa.Array, passages: Passages, parts: Parts, share: float, most: int) -> Indices:
    """How many of ``texts`` have each run without its item; in the order of ``passages.holders``, shape (total,).

    Runs of a passage that is part of more than ``most`` items are not counted: they tell nothing, whoever has them, and
    to ask each of these items for each text would take as long as there are texts times items.
    """
    data, offsets = utf8_buffers(normalised(texts))
    counts = np.zeros(passages.holders.size, np.int64)
    _strangers(data, offsets, classes(), passages, parts, share, most, counts)
    return counts


@part
def _seen(row: int, found: int, passages: Passages, scratch: _Scratch) -> int:
    """Note the distinct shingles of the spelled document, and how many of each passage; gives how many."""
    seen = 0
    for hit in range(found):
        number = shingle_at(scratch.hits[hit], scratch.hashes, passages, scratch.spelled)
        if number == EMPTY or scratch.shingle_stamps[number] == row + 1:
            continue
        scratch.shingle_stamps[number] = row + 1
        scratch.shingles[seen] = number
        seen += 1
        for entry in range(passages.offsets[number], passages.offsets[number + 1]):
            holder = passages.holders[entry]
            if scratch.passage_stamps[holder] != row + 1:
                scratch.passage_stamps[holder], scratch.counts[holder] = row + 1, 0
            scratch.counts[holder] += 1
    return seen


@part
def _holds(row: int, passage: int, passages: Passages, parts: Parts, share: float, scratch: _Scratch) -> bool:  # noqa: PLR0913, PLR0917 - the state of one loop
    """Whether the document holds an item that the passage is part of."""
    for place in range(parts.starts[passage], parts.starts[passage + 1]):
        item, held, total = parts.items[place], 0, 0
        for other in range(parts.bounds[item], parts.bounds[item + 1]):
            holder = parts.passages[other]
            total += passages.sizes[holder]
            if scratch.passage_stamps[holder] == row + 1:
                held += scratch.counts[holder]
        if held >= share * total:
            return True
    return False


@compiled
def _strangers(  # noqa: PLR0913, PLR0917 - the state of one loop
    data: Bytes,
    offsets: Indices,
    kinds: Bytes,
    passages: Passages,
    parts: Parts,
    share: float,
    most: int,
    out: Indices,
) -> None:
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
        np.empty(longest + 1, np.int64),
    )
    # Whether the row holds an item of the passage is found once for all its shingles: 1 no, 2 yes.
    known, answer = np.zeros(passages.sizes.size, np.int64), np.zeros(passages.sizes.size, np.bool_)
    for row in range(offsets.size - 1):
        count = hash_words(data, offsets[row], offsets[row + 1], kinds, scratch.desk, scratch.hashes)
        found = hits_in(scratch.hashes, count, passages, leaving, scratch.hits)
        if not found:
            continue
        spell(data, offsets[row], offsets[row + 1], kinds, spelled, 0)
        for place in range(_seen(row, found, passages, scratch)):
            number = scratch.shingles[place]
            for entry in range(passages.offsets[number], passages.offsets[number + 1]):
                holder = passages.holders[entry]
                if parts.starts[holder + 1] - parts.starts[holder] > most:
                    continue
                if known[holder] != row + 1:
                    known[holder] = row + 1
                    answer[holder] = _holds(row, holder, passages, parts, share, scratch)
                if not answer[holder]:
                    out[entry] += 1
