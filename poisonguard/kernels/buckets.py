"""Buckets: documents with an equal key, side by side. Found by sorting, cut into batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.mapped import let_go

SLICE = 16_384
"""Documents of one oversized bucket that are held in memory at a time."""

BAND_BITS = 5
"""What tells 32 bands apart."""

STEP = 1 << 16
"""Keys that are worked on at a time, so that what is computed on the way takes no memory worth mentioning."""

RANGE_BITS = 3
"""Keys of many documents are sorted in eight ranges, one after the other: each looks through all of them."""

RANGE = 1 << 17
"""Keys of a range, at least."""

Indices = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Documents that may be similar.

    Attributes:
        members: Document numbers, bucket by bucket.
        starts: Where each bucket starts in ``members``, with the end behind the last.
    """

    members: Indices
    starts: Indices

    def oversized(self, limit: int) -> Buckets:
        """The buckets of more than ``limit`` documents."""
        lengths = np.diff(self.starts)
        return self.only(np.repeat(lengths > limit, lengths))

    def only(self, chosen: npt.NDArray[np.bool_]) -> Buckets:
        """The chosen members, shape (members,); buckets that lose all of theirs vanish."""
        if chosen.all():
            return self
        before = np.concatenate([[0], np.cumsum(chosen)])
        return Buckets(self.members[chosen], np.unique(before[self.starts]).astype(np.int64))


def place_bits(documents: int) -> int:
    """Last bits of a key that are given up, for so many documents in all: enough for a place, or for a band."""
    return max(BAND_BITS, (documents - 1).bit_length())


def picked(buckets: Buckets, chosen: Indices) -> Buckets:
    """The buckets of these numbers, in that order."""
    lengths = np.diff(buckets.starts)[chosen]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    shifts = np.repeat(buckets.starts[chosen] - starts[:-1], lengths)
    return Buckets(buckets.members[np.arange(starts[-1], dtype=np.int64) + shifts], starts)


def shared_buckets(keys: Keys, bits: int) -> Buckets:
    """Buckets of at least two places of ``keys``.

    The last ``bits`` of a key are given up for its place, so that one sort of integers does everything: places whose
    keys differ only there come into one bucket, which costs a comparison and no more. They follow from the number of
    all documents (``place_bits``), so that it does not matter how many of them are looked at together.

    Keys are sorted range by range, so that of many, which may lie in a file, few are in memory.
    """
    shift = np.uint64(bits)
    ranges = 1 << max(0, min(RANGE_BITS, (keys.size // RANGE).bit_length()))
    packed = np.concatenate([_shared(part, shift) for part in _ranges(keys, shift, ranges)])
    groups = packed >> shift
    members = (packed & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.int64)
    changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    starts = np.concatenate([[0], changes, [groups.size]]) if groups.size else np.zeros(1)
    return Buckets(members, starts.astype(np.int64))


def joined_buckets(parts: Sequence[Buckets]) -> Buckets:
    """The buckets of all ``parts``, one after the other."""
    lengths = [np.diff(part.starts) for part in parts]
    starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]), dtype=np.int64)
    return Buckets(np.concatenate([np.zeros(0, np.int64), *(part.members for part in parts)]), starts)


def open_buckets(buckets: Buckets, labels: Indices) -> Buckets:
    """Only the buckets that hold at least two clusters."""
    if buckets.members.size == 0:
        return buckets
    own, firsts, lengths = labels[buckets.members], buckets.starts[:-1], np.diff(buckets.starts)
    mixed = np.minimum.reduceat(own, firsts) != np.maximum.reduceat(own, firsts)
    return buckets.only(np.repeat(mixed, lengths))


def sliced(buckets: Buckets, sizes: npt.NDArray[np.int32], limit: int) -> Buckets:
    """Oversized buckets sorted by set size, the closest side by side, and cut into slices that fit in memory."""
    large = np.flatnonzero(np.diff(buckets.starts) > limit).tolist()
    if not large:
        return buckets
    members, cuts = buckets.members.copy(), [buckets.starts]
    for bucket in large:
        first, last = int(buckets.starts[bucket]), int(buckets.starts[bucket + 1])
        inside = members[first:last]
        members[first:last] = inside[np.argsort(sizes[inside], kind="stable")]
        cuts.append(np.arange(first, last, SLICE, dtype=np.int64))
    return Buckets(members, np.unique(np.concatenate(cuts)))


def batches(sizes: npt.NDArray[np.int32], buckets: Buckets, words: int) -> Iterator[Buckets]:
    """Runs of buckets that hold about so many ``words`` each; one bucket at least."""
    starts = buckets.starts
    ends = np.cumsum(sizes[buckets.members], dtype=np.int64)
    first, last = 0, starts.size - 1
    while first < last:
        before = int(ends[starts[first] - 1]) if starts[first] else 0
        reached = int(np.searchsorted(ends, before + words))
        behind = min(max(int(np.searchsorted(starts, reached, side="right")) - 1, first + 1), last)
        yield Buckets(buckets.members[starts[first] : starts[behind]], starts[first : behind + 1] - starts[first])
        first = behind


def _ranges(keys: Keys, bits: np.uint64, ranges: int) -> Iterator[Keys]:
    """First bits of each key and its place in the last ``bits``, sorted, in so many ``ranges``."""
    first = np.uint64(64 - (ranges - 1).bit_length())
    for number in range(ranges):
        found = []
        for start in range(0, keys.size, STEP):
            part = keys[start : start + STEP]
            places = np.flatnonzero(part >> first == number) if ranges > 1 else np.arange(part.size)
            found.append(part[places] >> bits << bits | (places + start).astype(np.uint64))
        let_go(keys)
        chosen = np.concatenate([np.empty(0, np.uint64), *found])
        chosen.sort()
        yield chosen


def _shared(packed: Keys, bits: np.uint64) -> Keys:
    """Those whose first bits occur more than once."""
    same = np.zeros(packed.size + 1, dtype=np.bool_)
    for start in range(1, packed.size, STEP):
        part = packed[start : start + STEP]
        same[start : start + part.size] = part >> bits == packed[start - 1 : start - 1 + part.size] >> bits
    return packed[same[1:] | same[:-1]]
