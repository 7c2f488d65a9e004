"""The exact comparison of documents that share a bucket, and what brings them together.

Sets are compared by loading one into an open-addressing table and looking up the other: no sorting. A table
entry is ``stamp << 32 | hash``; a new stamp empties the table for free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.mixing import GOLDEN, mix
from poisonguard.kernels.unionfind import find, join

Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]
Table = npt.NDArray[np.uint64]


class Sets(NamedTuple):
    """Documents as arrays; a named tuple, because that is what compiled code takes.

    Attributes:
        signatures: MinHash signatures, shape (documents, 128).
        offsets: Document i owns ``shingles[offsets[i]:offsets[i + 1]]``, shape (documents + 1,).
        shingles: Set members, shape (total,).
    """

    signatures: Words
    offsets: Indices
    shingles: Words


class Rule(NamedTuple):
    """Which documents of a bucket belong together.

    Attributes:
        threshold: Jaccard similarity, in (0, 1].
        floor: Equal signature entries below which a pair is not looked at.
        limit: Largest bucket of which all pairs are compared; in larger ones a document is compared with at most
            so many representatives.
    """

    threshold: float
    floor: int
    limit: int


_HALF = np.uint64(32)
_ONE = np.uint64(1)


@compiled
def band_keys(signatures: Words, first: int, width: int, out: npt.NDArray[np.uint64]) -> None:
    """Hash entries ``first`` to ``first + width`` of each signature into ``out``."""
    for row in range(signatures.shape[0]):
        state = np.uint64(width)
        for place in range(first, first + width):
            state = mix(state ^ np.uint64(signatures[row, place])) + GOLDEN
        out[row] = state


@compiled
def copy_sets(source: Sets, rows: Indices, target: Sets, places: Indices) -> None:
    """Copy the documents ``rows`` of ``source`` to the places ``places`` of ``target``."""
    for index in range(rows.size):
        row, place = rows[index], places[index]
        for entry in range(source.signatures.shape[1]):
            target.signatures[place, entry] = source.signatures[row, entry]
        start, goal = source.offsets[row], target.offsets[place]
        for step in range(source.offsets[row + 1] - start):
            target.shingles[goal + step] = source.shingles[start + step]


@compiled
def join_buckets(nodes: Indices, starts: Indices, sets: Sets, parent: Indices, rule: Rule) -> None:
    """Join the nodes of each bucket whose similarity reaches the threshold.

    Args:
        nodes: Document numbers of all buckets, shape (members,).
        starts: Where each bucket starts in ``nodes``, with the end behind the last.
        sets: The members, in the order of ``nodes``.
        parent: Union-find forest over all documents; changed in place.
        rule: What similar means.
    """
    table = np.zeros(_capacity(sets.offsets), dtype=np.uint64)
    compared = np.empty(nodes.size, dtype=np.int64)
    stamp = np.uint64(0)
    for bucket in range(starts.size - 1):
        every = starts[bucket + 1] - starts[bucket] <= rule.limit
        count = 0
        for right in range(starts[bucket], starts[bucket + 1]):
            stamp += _ONE
            matched = _join_one(
                table, stamp, compared[max(0, count - rule.limit) : count], right, nodes, sets, parent, rule
            )
            # Of a large bucket, whoever resembles nobody so far becomes a representative.
            if every or not matched:
                compared[count] = right
                count += 1


@compiled
def _join_one(  # noqa: PLR0913, PLR0917 - the state of one loop, taken apart to be read
    table: Table,
    stamp: np.uint64,
    others: Indices,
    right: int,
    nodes: Indices,
    sets: Sets,
    parent: Indices,
    rule: Rule,
) -> bool:
    """Join ``right`` with those of ``others`` that it resembles; tells whether there are any."""
    loaded, matched = False, False
    for left in others[::-1]:
        if not _sizes_fit(sets.offsets, left, right, rule.threshold):
            continue
        if find(parent, nodes[left]) == find(parent, nodes[right]):
            matched = True
        elif _agreement(sets.signatures, left, right) >= rule.floor:
            if not loaded:
                _load(table, stamp, sets, right)
                loaded = True
            if _similarity(table, stamp, sets, left, right) >= rule.threshold:
                join(parent, nodes[left], nodes[right])
                matched = True
    return matched


@compiled
def _capacity(offsets: Indices) -> int:
    """Slots for the largest set, at most half full."""
    largest = np.int64(1)
    for row in range(offsets.size - 1):
        largest = max(largest, offsets[row + 1] - offsets[row])
    slots = 2
    while slots < 2 * largest:
        slots *= 2
    return slots


@compiled
def _sizes_fit(offsets: Indices, left: int, right: int, threshold: float) -> bool:
    """Whether the sizes alone allow the threshold: J is at most the smaller over the larger."""
    one, other = float(offsets[left + 1] - offsets[left]), float(offsets[right + 1] - offsets[right])
    return min(one, other) >= threshold * max(one, other)


@compiled
def _agreement(signatures: Words, left: int, right: int) -> int:
    """Number of equal signature entries."""
    equal = 0
    for place in range(signatures.shape[1]):
        equal += signatures[left, place] == signatures[right, place]
    return equal


@compiled
def _load(table: Table, stamp: np.uint64, sets: Sets, row: int) -> None:
    """Make the table hold exactly the set of ``row``."""
    mask = np.uint64(table.size - 1)
    for place in range(sets.offsets[row], sets.offsets[row + 1]):
        value = np.uint64(sets.shingles[place])
        slot = (value * GOLDEN >> _HALF) & mask
        while table[slot] >> _HALF == stamp:
            slot = (slot + _ONE) & mask
        table[slot] = stamp << _HALF | value


@compiled
def _similarity(table: Table, stamp: np.uint64, sets: Sets, left: int, right: int) -> float:
    """Jaccard similarity of the set of ``left`` and the loaded set of ``right``; neither is empty."""
    mask = np.uint64(table.size - 1)
    shared = 0
    for place in range(sets.offsets[left], sets.offsets[left + 1]):
        value = np.uint64(sets.shingles[place])
        entry = stamp << _HALF | value
        slot = (value * GOLDEN >> _HALF) & mask
        while table[slot] >> _HALF == stamp and table[slot] != entry:
            slot = (slot + _ONE) & mask
        shared += table[slot] == entry
    sizes = sets.offsets[left + 1] - sets.offsets[left] + sets.offsets[right + 1] - sets.offsets[right]
    return float(shared) / float(sizes - shared)
