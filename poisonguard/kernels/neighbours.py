"""Clusters of documents whose shingle sets have a Jaccard similarity of at least a threshold.

1. Candidates share one band of their MinHash signature (Leskovec, Rajaraman & Ullman, "Mining of Massive
   Datasets", 3.4). Bands of 5 in 25: P(candidate | J = 0.8) = 0.99995. Bands are cheap, because
2. every candidate is verified on the shingle sets: no two documents are called similar by an estimate.
3. Band keys are packed with document numbers into one uint64 and sorted: 8 bytes a document, no dictionary.
4. Pairs that are already in one cluster are not compared again; clusters are named by their first document.
   The result does not depend on the order of comparisons.
5. Copies with equal shingle sets are joined first and one of them stands for all, so that a flood of copies costs
   what one document costs.
6. Nothing is quadratic: a bucket of more than ``BUCKET_LIMIT`` different documents is sorted by set size and
   compared with at most ``BUCKET_LIMIT`` representatives each. Documents treated so are counted (``Clusters.bounded``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poisonguard.kernels import verify
from poisonguard.kernels.mapped import let_go
from poisonguard.kernels.minhash import PERMUTATIONS
from poisonguard.kernels.unionfind import roots
from poisonguard.kernels.verify import Rule, Sets

BANDS, BAND_WIDTH = 25, 5
BUCKET_LIMIT = 2_048
"""All pairs of a bucket this large are two million signature comparisons, about 40 ms."""

FEWEST = 64
"""Documents of one signature that are compared with each other: sets that differ under one signature are rare."""

SLICE = 16_384
"""Documents of one oversized bucket that are held in memory at a time."""

BATCH_WORDS = 8_000_000
"""Shingles and signature entries fetched at a time: 32 MB, whatever the size of the data."""

STEP = 1 << 18
"""Keys that are worked on at a time, so that what is computed on the way takes no memory worth mentioning."""

SIGMAS = 4
"""A pair at the threshold passes the signature filter with probability 0.99997."""

Indices = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


class Documents:
    """Documents in several chunks, usually memory-mapped; only those asked for are brought into memory."""

    def __init__(self, chunks: Sequence[Sets]) -> None:
        self._chunks = tuple(chunks)
        lengths = [len(chunk.signatures) for chunk in self._chunks]
        self._firsts: Indices = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @cached_property
    def sizes(self) -> npt.NDArray[np.int32]:
        """Set sizes, shape (documents,)."""
        sizes = np.empty(len(self), dtype=np.int32)
        for chunk, start in zip(self._chunks, self._firsts.tolist(), strict=False):
            sizes[start : start + len(chunk.signatures)] = np.diff(chunk.offsets)
            let_go(chunk.offsets)
        return sizes

    def band_keys(self, first: int, width: int, nodes: Indices) -> Keys:
        """Hash of signature entries ``first`` to ``first + width`` of ``nodes`` (ascending), shape (nodes,)."""
        keys = np.empty(nodes.size, dtype=np.uint64)
        bounds = np.searchsorted(nodes, self._firsts).tolist()
        for number, chunk in enumerate(self._chunks):
            every = np.empty(len(chunk.signatures), dtype=np.uint64)
            verify.band_keys(chunk.signatures, first, width, every)
            let_go(chunk.signatures)
            inside = slice(bounds[number], bounds[number + 1])
            keys[inside] = every[nodes[inside] - self._firsts[number]]
        return keys

    def fetch(self, nodes: Indices) -> Sets:
        """The documents ``nodes``, in that order, in memory."""
        offsets = np.concatenate([[0], np.cumsum(self.sizes[nodes], dtype=np.int64)])
        signatures = np.empty((nodes.size, PERMUTATIONS), dtype=np.uint32)
        fetched = Sets(signatures, offsets, np.empty(offsets[-1], dtype=np.uint32))
        owner = np.searchsorted(self._firsts, nodes, side="right") - 1
        for number in np.unique(owner).tolist():
            places = np.flatnonzero(owner == number)
            chunk = self._chunks[number]
            verify.copy_sets(chunk, nodes[places] - self._firsts[number], fetched, places)
            for part in chunk:
                let_go(part)
        return fetched


@dataclass(frozen=True, slots=True)
class Clusters:
    """Labels of documents.

    Attributes:
        labels: Smallest document number of each document's cluster, shape (documents,).
        bounded: Documents that were compared with representatives only.
    """

    labels: Indices
    bounded: int


def cluster(documents: Documents, *, threshold: float, eligible: npt.NDArray[np.bool_] | None = None) -> Clusters:
    """Connected components of the pairs with Jaccard similarity at least ``threshold``.

    Args:
        documents: The documents.
        threshold: In (0, 1].
        eligible: Documents to consider, shape (documents,); all by default. Empty sets never are.
    """
    parent = np.arange(len(documents), dtype=np.int64)
    chosen = documents.sizes > 0
    nodes = np.flatnonzero(chosen if eligible is None else chosen & eligible)
    copies = _buckets(documents.band_keys(0, PERMUTATIONS, nodes), nodes, parent)
    _join(documents, parent, copies, Rule(1.0, PERMUTATIONS, FEWEST))
    nodes = nodes[roots(parent, nodes) == nodes]
    rule = Rule(threshold, _agreement_floor(threshold), BUCKET_LIMIT)
    bounded = np.zeros(len(documents), dtype=np.bool_)
    for band in range(BANDS):
        buckets = _buckets(documents.band_keys(band * BAND_WIDTH, BAND_WIDTH, nodes), nodes, parent)
        bounded[buckets.oversized(BUCKET_LIMIT)] = True
        _join(documents, parent, buckets, rule)
    return Clusters(roots(parent, np.arange(len(documents), dtype=np.int64)), int(bounded.sum()))


@dataclass(frozen=True, slots=True)
class Buckets:
    """Documents that may be similar.

    Attributes:
        members: Document numbers, bucket by bucket.
        starts: Where each bucket starts in ``members``, with the end behind the last.
    """

    members: Indices
    starts: Indices

    def oversized(self, limit: int) -> Indices:
        """Members of the buckets of more than ``limit`` documents."""
        lengths = np.diff(self.starts)
        return self.members[np.repeat(lengths > limit, lengths)]


def _join(documents: Documents, parent: Indices, buckets: Buckets, rule: Rule) -> None:
    """Join the similar documents of some buckets."""
    for batch in _batches(documents.sizes, _sliced(buckets, documents.sizes, rule.limit)):
        verify.join_buckets(batch.members, batch.starts, documents.fetch(batch.members), parent, rule)


def _agreement_floor(threshold: float) -> int:
    """Equal signature entries that a pair at the threshold has, but for one in 30 000."""
    deviation = (PERMUTATIONS * threshold * (1 - threshold)) ** 0.5
    return max(0, int(PERMUTATIONS * threshold - SIGMAS * deviation))


def _buckets(keys: Keys, nodes: Indices, parent: Indices) -> Buckets:
    """Nodes with equal keys side by side; ``keys`` is used up.

    Buckets of one node, and those whose nodes are one cluster already, are left out.
    """
    if nodes.size == 0:
        return Buckets(nodes, np.zeros(1, dtype=np.int64))
    bits = np.uint64(max(1, int(nodes.size - 1).bit_length()))
    packed = _shared(_packed(keys, bits), bits)
    groups = packed >> bits
    members = nodes[(packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)]
    changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    starts = np.concatenate([[0], changes, [groups.size]]) if groups.size else np.zeros(1)
    return _open_buckets(Buckets(members, starts.astype(np.int64)), parent)


def _packed(keys: Keys, bits: np.uint64) -> Keys:
    """First bits of each key and its place in the last ``bits``, sorted; in the memory of ``keys``."""
    for start in range(0, keys.size, STEP):
        part = keys[start : start + STEP]
        part[:] = part >> bits << bits | np.arange(start, start + part.size, dtype=np.uint64)
    keys.sort()
    return keys


def _shared(packed: Keys, bits: np.uint64) -> Keys:
    """Those whose first bits occur more than once."""
    same = np.zeros(packed.size + 1, dtype=np.bool_)
    for start in range(1, packed.size, STEP):
        part = packed[start : start + STEP]
        same[start : start + part.size] = part >> bits == packed[start - 1 : start - 1 + part.size] >> bits
    return packed[same[1:] | same[:-1]]


def _open_buckets(buckets: Buckets, parent: Indices) -> Buckets:
    """Only the buckets that hold at least two clusters."""
    if buckets.members.size == 0:
        return buckets
    labels, firsts, lengths = roots(parent, buckets.members), buckets.starts[:-1], np.diff(buckets.starts)
    mixed = np.minimum.reduceat(labels, firsts) != np.maximum.reduceat(labels, firsts)
    starts = np.concatenate([[0], np.cumsum(lengths[mixed])]).astype(np.int64)
    return Buckets(buckets.members[np.repeat(mixed, lengths)], starts)


def _sliced(buckets: Buckets, sizes: npt.NDArray[np.int32], limit: int) -> Buckets:
    """Oversized buckets sorted by set size, the closest side by side, and cut into slices that fit in memory."""
    members, cuts = buckets.members.copy(), [buckets.starts]
    for bucket in np.flatnonzero(np.diff(buckets.starts) > limit).tolist():
        first, last = int(buckets.starts[bucket]), int(buckets.starts[bucket + 1])
        inside = members[first:last]
        members[first:last] = inside[np.argsort(sizes[inside], kind="stable")]
        cuts.append(np.arange(first, last, SLICE, dtype=np.int64))
    return Buckets(members, np.unique(np.concatenate(cuts)))


def _batches(sizes: npt.NDArray[np.int32], buckets: Buckets) -> Iterator[Buckets]:
    """Runs of buckets that hold about ``BATCH_WORDS`` each; one bucket at least."""
    starts = buckets.starts
    ends = np.cumsum(sizes[buckets.members] + PERMUTATIONS, dtype=np.int64)
    first, last = 0, starts.size - 1
    while first < last:
        before = int(ends[starts[first] - 1]) if starts[first] else 0
        reached = int(np.searchsorted(ends, before + BATCH_WORDS))
        behind = min(max(int(np.searchsorted(starts, reached, side="right")) - 1, first + 1), last)
        yield Buckets(buckets.members[starts[first] : starts[behind]], starts[first : behind + 1] - starts[first])
        first = behind
