"""The exact comparison of documents that share a bucket, and which pairs of them are similar.

Sets are compared by loading one into an open-addressing table and looking up the other: no sorting. A table
entry is ``stamp << 32 | hash``; a new stamp empties the table for free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import SECRET_ODD, away_of
from poisonguard.kernels.prints import Bytes, Indices, Sets, agreement
from poisonguard.kernels.unionfind import find, join

Sizes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

NOTED = 2
"""Pairs that are not similar, for each member, that are noted: more are compared again in the next band they share."""

SMALL = 64
"""Of buckets no larger than this, only documents that may be similar to another one are fetched."""


class Rule(NamedTuple):
    """Which documents of a bucket belong together.

    Attributes:
        threshold: Jaccard similarity, in (0, 1].
        floor: Equal bytes below which a pair is not looked at; 0 asks for none.
        limit: Largest bucket of which all pairs are compared; in larger ones a document is compared with at most
            so many representatives.
    """

    threshold: float
    floor: int
    limit: int


class Batch(NamedTuple):
    """Some buckets with all that is needed to compare their members: a task for any machine.

    Attributes:
        starts: Where each bucket starts among the members, with the end behind the last.
        labels: Cluster of each member so far, shape (members,).
        minima: Bytes of the members' signatures, shape (members * 128,).
        sets: Sets of the members.
    """

    starts: Indices
    labels: Indices
    minima: Bytes
    sets: Sets


_HALF = np.uint64(32)
_ONE = np.uint64(1)


class _Table(NamedTuple):
    """One set at a time, and by what the slot of a hash is drawn."""

    entries: npt.NDArray[np.uint64]
    odd: np.uint64
    away: np.uint64


class Verdicts(NamedTuple):
    """What comparing some members found: numbers of members, the one that came first in the bucket on the left.

    Attributes:
        similar: Pairs that make one cluster of those that are similar, shape (pairs, 2).
        refuted: Pairs that are not similar, as many as were noted, shape (pairs, 2).
    """

    similar: Indices
    refuted: Indices


def verdicts(batch: Batch, rule: Rule) -> Verdicts:
    """Compare the members of each bucket.

    Pairs whose clusters are one already, or by an earlier pair, are left out. Of a bucket that is too large for that,
    the members are compared as if nothing were known of them: which of them become representatives follows from the
    bucket alone, whatever was found elsewhere before. Pure: the same batch gives the same verdicts, wherever and beside
    whatever it is worked on.
    """
    members = batch.labels.size
    # Clusters are numbered anew, so that the forest is as small as the batch.
    owners = np.unique(batch.labels, return_inverse=True)[1].astype(np.int64)
    noted = Verdicts(np.empty((members, 2), dtype=np.int64), np.empty((NOTED * members, 2), dtype=np.int64))
    places = np.arange(members, dtype=np.int64)
    similar, refuted = _compare(batch, owners, places.copy(), places, rule, noted, SECRET_ODD)
    return Verdicts(noted.similar[:similar], noted.refuted[:refuted])


@part
def pair_code(left: int, right: int) -> np.uint64:
    """One number for two places below 2**32, whichever is named first."""
    return np.uint64(min(left, right)) << _HALF | np.uint64(max(left, right))


@compiled
def copy_sets(source: Sets, rows: Indices, target: Sets, places: Indices) -> None:
    """Copy the documents ``rows`` of ``source`` to the places ``places`` of ``target``."""
    for index in range(rows.size):
        start, goal = source.offsets[rows[index]], target.offsets[places[index]]
        for step in range(source.offsets[rows[index] + 1] - start):
            target.shingles[goal + step] = source.shingles[start + step]


@compiled
def promising(  # noqa: PLR0913, PLR0917 - buckets, and all that is known of their members
    members: Indices,
    starts: Indices,
    labels: Indices,
    sizes: Sizes,
    minima: Bytes,
    refuted: npt.NDArray[np.uint64],
    rule: Rule,
) -> Mask:
    """Which members of small buckets may be similar to another one of theirs; of larger ones, all of them.

    Args:
        members: Places of the members.
        starts: Where each bucket starts in ``members``, with the end behind the last.
        labels: Cluster of each place.
        sizes: Set size at each place.
        minima: Bytes at each place.
        refuted: Codes of pairs that are known not to be similar, ascending.
        rule: What similar means.
    """
    chosen = np.zeros(members.size, dtype=np.bool_)
    for bucket in range(starts.size - 1):
        first, last = starts[bucket], starts[bucket + 1]
        if last - first > SMALL or rule.floor <= 0:
            chosen[first:last] = True
            continue
        for right in range(first, last):
            for left in range(first, right):
                one, other = members[left], members[right]
                if (
                    not (chosen[left] and chosen[right])
                    and labels[one] != labels[other]
                    and _sizes_fit(sizes[one], sizes[other], rule.threshold)
                    and agreement(minima, one, other) >= rule.floor
                    and not _holds(refuted, pair_code(one, other))
                ):
                    chosen[left] = chosen[right] = True
    return chosen


@compiled
def _holds(codes: npt.NDArray[np.uint64], code: np.uint64) -> bool:
    """Whether ``code`` is one of ``codes`` (ascending)."""
    place = np.searchsorted(codes, code)
    return bool(place < codes.size and codes[place] == code)


@compiled
def _compare(  # noqa: PLR0913, PLR0917 - as above
    batch: Batch, owners: Indices, forest: Indices, places: Indices, rule: Rule, noted: Verdicts, odd: np.uint64
) -> tuple[int, int]:
    """Write the pairs; gives their numbers."""
    alone = places.copy()
    slots = _capacity(batch.sets.offsets)
    table = _Table(np.zeros(slots, dtype=np.uint64), odd, away_of(slots))
    compared = np.empty(owners.size, dtype=np.int64)
    stamp, found = np.uint64(0), (0, 0)
    for bucket in range(batch.starts.size - 1):
        every = batch.starts[bucket + 1] - batch.starts[bucket] <= rule.limit
        count = 0
        for right in range(batch.starts[bucket], batch.starts[bucket + 1]):
            stamp += _ONE
            others = compared[max(0, count - rule.limit) : count]
            if every:
                matched, found = _compare_one(table, stamp, others, right, batch, owners, forest, rule, noted, found)
            else:
                matched, found = _compare_one(table, stamp, others, right, batch, places, alone, rule, noted, found)
            # Of a large bucket, whoever resembles nobody so far becomes a representative.
            if every or not matched:
                compared[count] = right
                count += 1
    return found


@part
def _compare_one(  # noqa: PLR0913, PLR0917 - the state of one loop, taken apart to be read
    table: _Table,
    stamp: np.uint64,
    others: Indices,
    right: int,
    batch: Batch,
    owners: Indices,
    forest: Indices,
    rule: Rule,
    noted: Verdicts,
    found: tuple[int, int],
) -> tuple[bool, tuple[int, int]]:
    """Compare ``right`` with ``others``; tells whether it resembles any, and the new numbers of pairs."""
    loaded, matched, offsets = False, False, batch.sets.offsets
    similar, refuted = found
    size = offsets[right + 1] - offsets[right]
    for left in others[::-1]:
        if not _sizes_fit(offsets[left + 1] - offsets[left], size, rule.threshold):
            continue
        if find(forest, owners[left]) == find(forest, owners[right]):
            matched = True
        elif rule.floor <= 0 or agreement(batch.minima, left, right) >= rule.floor:
            if not loaded:
                _load(table, stamp, batch.sets, right)
                loaded = True
            if _similarity(table, stamp, batch.sets, left, right) >= rule.threshold:
                join(forest, owners[left], owners[right])
                noted.similar[similar, 0], noted.similar[similar, 1] = left, right
                matched, similar = True, similar + 1
            elif refuted < noted.refuted.shape[0]:
                noted.refuted[refuted, 0], noted.refuted[refuted, 1] = left, right
                refuted += 1
    return matched, (similar, refuted)


@part
def _capacity(offsets: Indices) -> int:
    """Slots for the largest set, at most half full."""
    largest = np.int64(1)
    for row in range(offsets.size - 1):
        largest = max(largest, offsets[row + 1] - offsets[row])
    slots = 2
    while slots < 2 * largest:
        slots *= 2
    return slots


@part
def _sizes_fit(one: int, other: int, threshold: float) -> bool:
    """Whether the sizes alone allow the threshold: J is at most the smaller over the larger."""
    return float(min(one, other)) >= threshold * float(max(one, other))


@compiled
def _load(table: _Table, stamp: np.uint64, sets: Sets, row: int) -> None:
    """Make the table hold exactly the set of ``row``."""
    entries, mask = table.entries, np.uint64(table.entries.size - 1)
    for place in range(sets.offsets[row], sets.offsets[row + 1]):
        value = np.uint64(sets.shingles[place])
        slot = value * table.odd >> table.away
        while entries[slot] >> _HALF == stamp:
            slot = (slot + _ONE) & mask
        entries[slot] = stamp << _HALF | value


@part
def _similarity(table: _Table, stamp: np.uint64, sets: Sets, left: int, right: int) -> float:
    """Jaccard similarity of the set of ``left`` and the loaded set of ``right``; neither is empty."""
    entries, mask = table.entries, np.uint64(table.entries.size - 1)
    shared = 0
    for place in range(sets.offsets[left], sets.offsets[left + 1]):
        value = np.uint64(sets.shingles[place])
        entry = stamp << _HALF | value
        slot = value * table.odd >> table.away
        while entries[slot] >> _HALF == stamp and entries[slot] != entry:
            slot = (slot + _ONE) & mask
        shared += entries[slot] == entry
    sizes = sets.offsets[left + 1] - sets.offsets[left] + sets.offsets[right + 1] - sets.offsets[right]
    return float(shared) / float(sizes - shared)
