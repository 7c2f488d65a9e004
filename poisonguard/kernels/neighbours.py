"""Clusters of documents whose shingle sets have a Jaccard similarity of at least a threshold.

1. Candidates share one band of their MinHash signature (Leskovec, Rajaraman & Ullman, "Mining of Massive
   Datasets", 3.4). Bands of 5 in 25: P(candidate | J = 0.8) = 0.99995. Bands are cheap, because
2. every candidate is verified on the shingle sets: no two documents are called similar by an estimate.
3. The permutations are drawn from a seed that comes after the documents: who writes documents cannot know which
   bands they will have (docs/adr/0021).
4. Band keys are packed with document numbers into one uint64 and sorted: 8 bytes a document, no dictionary. What is
   remembered of a document (``kernels.prints``) goes to a file when it is much, and is read band by band.
5. Pairs that are already in one cluster are not compared again; clusters are named by their first document.
6. Copies with equal shingle sets are joined first and one of them stands for all, so that a flood of copies costs
   what one document costs.
7. Nothing is quadratic: a bucket of more than ``BUCKET_LIMIT`` different documents is sorted by set size and
   compared with at most ``BUCKET_LIMIT`` representatives each. Documents treated so are counted (``Clusters.bounded``).
8. The work is cut by the data alone and its results are taken in order: neither the number of threads nor who is first
   can change a label.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poisonguard.kernels import verify
from poisonguard.kernels.buckets import Buckets, batches, open_buckets, shared_buckets, sliced
from poisonguard.kernels.mapped import let_go, mapped_zeros
from poisonguard.kernels.minhash import PERMUTATIONS
from poisonguard.kernels.prints import ALL_BANDS, BANDS, Indices, Keys, Prints, Sets, print_sets
from poisonguard.kernels.run import Run, in_turn
from poisonguard.kernels.unionfind import join_all
from poisonguard.kernels.verify import Batch, Rule, Sizes, Verdicts

BUCKET_LIMIT = 2_048
"""All pairs of a bucket this large are two million comparisons of 128 bytes, about 20 ms."""

FEWEST = 64
"""Documents of one signature that are compared with each other: sets that differ under one signature are rare."""

BATCH_WORDS = 500_000
"""Shingles fetched at a time: 2 MB for each thread, whatever the size of the data."""

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

    @cached_property
    def sizes(self) -> Sizes:
        """Set sizes, shape (documents,)."""
        sizes = np.empty(len(self), dtype=np.int32)
        for chunk, start in zip(self._chunks, self._firsts.tolist(), strict=False):
            sizes[start : start + chunk.offsets.size - 1] = np.diff(chunk.offsets)
            let_go(chunk.offsets)
        return sizes

    def printed(self, nodes: Indices, seed: int, folder: Path, run: Run) -> Prints:
        """Keys and bytes of ``nodes`` (ascending); in ``folder`` where they are many."""
        out = _room(nodes.size, folder)
        bounds = np.searchsorted(nodes, self._firsts).tolist()
        tasks = [
            (number, first, min(first + PRINTED, bounds[number + 1]))
            for number in range(len(self._chunks))
            for first in range(bounds[number], bounds[number + 1], PRINTED)
        ]

        def work(task: tuple[int, int, int]) -> None:
            number, first, last = task
            rows = nodes[first:last] - self._firsts[number]
            print_sets(self._chunks[number], rows, seed, out, first)
            for part in (*self._chunks[number], out.minima):
                let_go(part)

        for _ in run(work, tasks):
            pass
        return out

    def fetch(self, nodes: Indices) -> Sets:
        """The documents ``nodes``, in that order, in memory."""
        offsets = np.concatenate([[0], np.cumsum(self.sizes[nodes], dtype=np.int64)])
        fetched = Sets(offsets, np.empty(offsets[-1], dtype=np.uint32))
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
        seed: Of the permutations; its last 32 bits count.
        eligible: Documents to consider, shape (documents,); all by default. Empty sets never are.
        run: Who does the work; changes nothing but the time.
    """
    chosen = documents.sizes > 0
    nodes = np.flatnonzero(chosen if eligible is None else chosen & eligible)
    with tempfile.TemporaryDirectory(prefix="poisonguard-") as folder:
        prints = documents.printed(nodes, seed & 0xFFFFFFFF, Path(folder), run)
        found = _Search(documents, nodes, documents.sizes[nodes], prints, run).clusters(threshold)
    labels = np.arange(len(documents), dtype=np.int64)
    labels[nodes] = nodes[found.labels]
    return Clusters(labels, found.bounded)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The documents ``nodes``, called by their places among them from here on."""

    documents: Documents
    nodes: Indices
    sizes: Sizes
    prints: Prints
    run: Run

    def clusters(self, threshold: float) -> Clusters:
        """Clusters of places."""
        places = np.arange(self.nodes.size, dtype=np.int64)
        nothing = np.empty(0, dtype=np.uint64)
        labels, _ = self._joined(self._buckets(ALL_BANDS, places), places, nothing, Rule(1.0, 0, FEWEST))
        places = np.flatnonzero(labels == places)
        rule = Rule(threshold, _agreement_floor(threshold), BUCKET_LIMIT)
        bounded = np.zeros(self.nodes.size, dtype=np.bool_)
        refuted = nothing
        for found in self.run(partial(self._buckets, places=places), range(BANDS)):
            buckets = open_buckets(found, labels)
            bounded[buckets.oversized(BUCKET_LIMIT)] = True
            labels, refuted = self._joined(buckets, labels, refuted, rule)
        return Clusters(labels, int(bounded.sum()))

    def _buckets(self, band: int, places: Indices) -> Buckets:
        keys = self.prints.keys[band][places]
        let_go(self.prints.keys[band])
        return shared_buckets(keys, places)

    def _joined(self, buckets: Buckets, labels: Indices, refuted: Keys, rule: Rule) -> tuple[Indices, Keys]:
        """Labels after the similar documents of some buckets have been joined, and what was refuted."""
        tasks = list(batches(self.sizes, sliced(buckets, self.sizes, rule.limit), BATCH_WORDS))
        found = list(self.run(partial(self._compared, labels=labels, refuted=refuted, rule=rule), tasks))
        news: Keys = np.concatenate([refuted, *(part.refuted.astype(np.uint64) @ _CODE for part in found)])
        return join_all(labels, [part.similar for part in found]), np.unique(news)[:REMEMBERED]

    def _compared(self, buckets: Buckets, labels: Indices, refuted: Keys, rule: Rule) -> Verdicts:
        """Verdicts about places."""
        minima = self.prints.minima
        kept = buckets.only(
            verify.promising(buckets.members, buckets.starts, labels, self.sizes, minima, refuted, rule)
        )
        let_go(minima)
        if not kept.members.size:
            return Verdicts(np.empty((0, 2), dtype=np.int64), np.empty((0, 2), dtype=np.int64))
        own = minima.reshape(-1, PERMUTATIONS)[kept.members].ravel()
        batch = Batch(kept.starts, labels[kept.members], own, self.documents.fetch(self.nodes[kept.members]))
        found = verify.verdicts(batch, rule)
        return Verdicts(kept.members[found.similar], np.sort(kept.members[found.refuted], axis=1))


def _room(documents: int, folder: Path) -> Prints:
    shape = (BANDS + 1, documents)
    if documents * (8 * (BANDS + 1) + PERMUTATIONS) <= HELD:
        return Prints(np.empty(shape, np.uint64), np.empty(documents * PERMUTATIONS, np.uint8))
    keys = mapped_zeros(folder / "keys.u64", np.uint64, documents * (BANDS + 1))
    minima = mapped_zeros(folder / "minima.u8", np.uint8, documents * PERMUTATIONS)
    return Prints(keys.reshape(shape), minima)


def _agreement_floor(threshold: float) -> int:
    """Equal bytes that a pair at the threshold has, but for one in 30 000."""
    deviation = (PERMUTATIONS * threshold * (1 - threshold)) ** 0.5
    return max(0, int(PERMUTATIONS * threshold - SIGMAS * deviation))
