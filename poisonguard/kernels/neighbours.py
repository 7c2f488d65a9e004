"""Clusters of documents whose shingle sets have a Jaccard similarity of at least a threshold.

1. Candidates share one band of their MinHash signature (Leskovec, Rajaraman & Ullman, "Mining of Massive
   Datasets", 3.4). Bands of 5 in 25: P(candidate | J = 0.8) = 0.99995. Bands are cheap, because
2. every candidate is verified on the shingle sets: no two documents are called similar by an estimate.
3. The permutations are drawn from a seed that comes after the documents: who writes documents cannot know which
   bands they will have (docs/adr/0021).
4. Band keys are packed with document numbers into one uint64 and sorted: 8 bytes a document, no dictionary. What is
   remembered of a document (``kernels.prints``) goes to a file when it is much, and is read band by band.
5. Pairs that are already in one cluster are not compared again; clusters are named by their first document.
6. Copies with equal shingle sets are joined first (``kernels.samesets``) and one of them stands for all, so that a
   flood of copies costs what one document costs.
7. Nothing is quadratic: a bucket of more than ``BUCKET_LIMIT`` different documents is sorted by set size and
   compared with at most ``BUCKET_LIMIT`` representatives each. Documents of such buckets that did not become one
   cluster in the end are counted (``Clusters.bounded``).
8. What is found in a bucket follows from the bucket alone; what is known from others only saves comparisons. So
   neither the number of threads, nor who is first, nor that buckets are worked on apart (``engine.near``) can change a
   label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poisonguard.kernels import verify
from poisonguard.kernels.buckets import (
    STEP,
    Buckets,
    batches,
    joined_buckets,
    open_buckets,
    place_bits,
    shared_buckets,
    sliced,
)
from poisonguard.kernels.mapped import let_go, mapped_zeros
from poisonguard.kernels.minhash import PERMUTATIONS
from poisonguard.kernels.prints import BANDS, Bytes, Indices, Keys, Prints, Sets, print_sets
from poisonguard.kernels.private_folder import PrivateFolder
from poisonguard.kernels.run import Run, in_turn
from poisonguard.kernels.samesets import LANES, copies_of, digest_sets
from poisonguard.kernels.unionfind import join_all
from poisonguard.kernels.verify import Batch, Rule, Sizes, Verdicts

BUCKET_LIMIT = 2_048
"""All pairs of a bucket this large are two million comparisons of 128 bytes, about 20 ms."""

BATCH_WORDS = 300_000
"""Shingles fetched at a time: 1.2 MB for each thread, whatever the size of the data."""

PRINTED = 8_192
"""Documents that are printed in one task."""

HELD = 128 << 20
"""Bytes of prints that are held in memory; more go to a temporary file."""

REMEMBERED = 1 << 20
"""Pairs known not to be similar: most share several bands. 8 MB; forgetting one costs a comparison."""

_CODE = np.array([1 << 32, 1], dtype=np.uint64)

SIGMAS = 4
"""A pair at the threshold passes the filter of its bytes with probability 0.99997."""


class Documents:
    """Documents in several chunks, usually memory-mapped; only those asked for are brought into memory."""

    def __init__(self, chunks: Sequence[Sets]) -> None:
        self._chunks = tuple(chunks)
        lengths = [chunk.offsets.size - 1 for chunk in self._chunks]
        self._firsts: Indices = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def sizes(self) -> Sizes:
        """Set sizes, shape (documents,), found anew."""
        sizes = np.empty(len(self), dtype=np.int32)
        for chunk, start in zip(self._chunks, self._firsts.tolist(), strict=False):
            sizes[start : start + chunk.offsets.size - 1] = np.diff(chunk.offsets)
            let_go(chunk.offsets)
        return sizes

    def digested(self, nodes: Indices, seed: int, folder: Path, run: Run) -> Keys:
        """Digests of the sets of ``nodes`` (ascending), shape (2, nodes); in ``folder`` where they are many."""
        out: Keys = _room(np.uint64, (LANES, nodes.size), folder / "digests.u64")

        def work(sets: Sets, rows: Indices, first: int) -> None:
            digest_sets(sets, rows, seed, out, first)

        self._passed(nodes, work, run)
        return out

    def printed(self, nodes: Indices, seed: int, folder: Path, run: Run) -> Prints:
        """Keys and bytes of ``nodes`` (ascending); in ``folder`` where they are many."""
        keys = _room(np.uint64, (BANDS, nodes.size), folder / "keys.u64")
        out = Prints(keys, _room(np.uint8, (nodes.size * PERMUTATIONS,), folder / "minima.u8"))

        def work(sets: Sets, rows: Indices, first: int) -> None:
            print_sets(sets, rows, seed & 0xFFFFFFFF, out, first)
            let_go(out.minima)

        self._passed(nodes, work, run)
        return out

    def _passed(self, nodes: Indices, work: Callable[[Sets, Indices, int], None], run: Run) -> None:
        """Hand the sets of ``nodes`` to ``work``: a chunk, rows of it, and the place of the first among ``nodes``."""
        bounds = np.searchsorted(nodes, self._firsts).tolist()
        tasks = [
            (number, first, min(first + PRINTED, bounds[number + 1]))
            for number in range(len(self._chunks))
            for first in range(bounds[number], bounds[number + 1], PRINTED)
        ]

        def one(task: tuple[int, int, int]) -> None:
            number, first, last = task
            work(self._chunks[number], nodes[first:last] - self._firsts[number], first)
            for part in self._chunks[number]:
                let_go(part)

        for _ in run(one, tasks):
            pass

    def fetch(self, nodes: Indices) -> Sets:
        """The documents ``nodes``, in that order, in memory."""
        owner = np.searchsorted(self._firsts, nodes, side="right") - 1
        held = [(self._chunks[number], np.flatnonzero(owner == number)) for number in np.unique(owner).tolist()]
        rows = nodes - self._firsts[owner]
        sizes = np.zeros(nodes.size + 1, np.int64)
        for chunk, places in held:
            sizes[places + 1] = chunk.offsets[rows[places] + 1] - chunk.offsets[rows[places]]
        offsets = np.cumsum(sizes)
        fetched = Sets(offsets, np.empty(offsets[-1], dtype=np.uint32))
        for chunk, places in held:
            verify.copy_sets(chunk, rows[places], fetched, places)
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


def cluster(
    documents: Documents,
    *,
    threshold: float,
    seed: int,
    eligible: npt.NDArray[np.bool_] | None = None,
    run: Run = in_turn,
) -> Clusters:
    """Connected components of the pairs with Jaccard similarity at least ``threshold``.

    Args:
        documents: The documents.
        threshold: In (0, 1].
        seed: 64 bits, of the digests; the last 32 of them of the permutations.
        eligible: Documents to consider, shape (documents,); all by default. Empty sets never are.
        run: Who does the work; changes nothing but the time.
    """
    every = documents.sizes()
    chosen = every > 0
    bits = place_bits(len(documents))
    with PrivateFolder() as private:
        nodes = _held(np.flatnonzero(chosen if eligible is None else chosen & eligible), private.path / "nodes.i64")
        copies, firsts = copies_of(documents.digested(nodes, seed, private.path, run), nodes, bits)
        nodes = _held(without(nodes, copies), private.path / "different.i64")
        prints = documents.printed(nodes, seed, private.path, run)

        def found(band: int) -> Buckets:
            return shared_buckets(prints.keys[band], bits)

        sizes = _held(every[nodes], private.path / "sizes.i32")
        del every, chosen
        comparison = Comparison(documents, nodes, sizes, prints.minima, rule_of(threshold), run)
        own, large = comparison.clusters(run(found, range(BANDS)))
        few = bounded(large, own)
        labels = _spread(own, nodes, len(documents))
    labels[copies] = labels[firsts]
    return Clusters(labels, few)


def _spread(own: Indices, nodes: Indices, documents: int) -> Indices:
    """Labels of all documents; ``own`` are those of ``nodes``, by their places."""
    labels = np.arange(documents, dtype=np.int64)
    for first in range(0, nodes.size, STEP):
        labels[nodes[first : first + STEP]] = nodes[own[first : first + STEP]]
    let_go(nodes)
    return labels


def without(nodes: Indices, left_out: Indices) -> Indices:
    """``nodes`` (ascending) without some of them."""
    kept = np.ones(nodes.size, dtype=np.bool_)
    kept[np.searchsorted(nodes, left_out)] = False
    return nodes[kept]


def rule_of(threshold: float) -> Rule:
    """What similar means."""
    return Rule(threshold, _agreement_floor(threshold), BUCKET_LIMIT)


def bounded(large: Sequence[Buckets], labels: Indices) -> int:
    """Members of buckets, each larger than the limit, that did not become one cluster."""
    return int(np.unique(open_buckets(joined_buckets(large), labels).members).size)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Documents that are compared, called by their places among ``nodes``.

    Attributes:
        documents: The documents.
        nodes: Which of them.
        sizes: Their set sizes.
        minima: Bytes of their signatures, shape (nodes * 128,).
        rule: What similar means.
        run: Who does the work.
    """

    documents: Documents
    nodes: Indices
    sizes: Sizes
    minima: Bytes
    rule: Rule
    run: Run

    def clusters(self, bands: Iterable[Buckets]) -> tuple[Indices, list[Buckets]]:
        """Label of each place, and the large buckets whose members are not known to be one cluster.

        Args:
            bands: Buckets of places, in portions: what one portion has shown saves comparisons in the next.
        """
        labels: Indices = np.arange(self.nodes.size, dtype=np.int64)
        refuted: Keys = np.empty(0, dtype=np.uint64)
        large = []
        for found in bands:
            buckets = open_buckets(found, labels)
            large.append(buckets.oversized(self.rule.limit))
            refuted = self._joined(buckets, labels, refuted)
        return labels, [open_buckets(buckets, labels) for buckets in large]

    def _joined(self, buckets: Buckets, labels: Indices, refuted: Keys) -> Keys:
        """What is refuted after some buckets; the labels of their similar documents are joined."""
        tasks = list(batches(self.sizes, sliced(buckets, self.sizes, self.rule.limit), BATCH_WORDS))
        found = list(self.run(partial(self._compared, labels=labels, refuted=refuted), tasks))
        news: Keys = np.concatenate([refuted, *(part.refuted.astype(np.uint64) @ _CODE for part in found)])
        join_all(labels, [part.similar for part in found])
        return np.unique(news)[:REMEMBERED]

    def _compared(self, buckets: Buckets, labels: Indices, refuted: Keys) -> Verdicts:
        """Verdicts about places."""
        kept = buckets.only(
            verify.promising(buckets.members, buckets.starts, labels, self.sizes, self.minima, refuted, self.rule)
        )
        let_go(self.minima)
        if not kept.members.size:
            return Verdicts(np.empty((0, 2), dtype=np.int64), np.empty((0, 2), dtype=np.int64))
        own = self.minima.reshape(-1, PERMUTATIONS)[kept.members].ravel()
        batch = Batch(kept.starts, labels[kept.members], own, self.documents.fetch(self.nodes[kept.members]))
        found = verify.verdicts(batch, self.rule)
        return Verdicts(kept.members[found.similar], np.sort(kept.members[found.refuted], axis=1))


def _room(kind: npt.DTypeLike, shape: tuple[int, ...], path: Path) -> npt.NDArray[Any]:
    """An array to be filled: in memory, or in a file where it is large."""
    count = int(np.prod(shape))
    if count * np.dtype(kind).itemsize <= HELD:
        return np.empty(shape, kind)
    return mapped_zeros(path, kind, count).reshape(shape)


def _held(values: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    """The values; in the file ``path`` where they are many."""
    room = _room(values.dtype, values.shape, path)
    room[:] = values
    let_go(room)
    return room


def _agreement_floor(threshold: float) -> int:
    """Equal bytes that a pair at the threshold has, but for one in 30 000."""
    deviation = (PERMUTATIONS * threshold * (1 - threshold)) ** 0.5
    return max(0, int(PERMUTATIONS * threshold - SIGMAS * deviation))
