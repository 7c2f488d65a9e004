"""Peers of ``benchmarks.near_duplicates``, each in its own environment: texts in memory -> clusters, on one core.

    python duplicates.py METHOD TEXTS.arrow WORDS ROUNDS

Prints JSON: the least CPU seconds of the rounds, and a label for each document. rensa and FastSketchLSH get their
shingles from the same few lines of Python, and 32 bands of 4, which find what the truth holds; datatrove and text-dedup
run their own steps with their own defaults (words, bands), shingles of as many words.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environments of the peers.
import json
import re
import struct
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.feather

PERMUTATIONS, BANDS = 128, 32
THRESHOLD = 0.8
WORD = re.compile(r"\w+")


def shingles(text: str, size: int) -> set[str]:
    """Shingles of words as strings."""
    words = WORD.findall(text.lower())
    width = min(size, len(words))
    return {" ".join(words[start : start + width]) for start in range(len(words) - width + 1)} if words else set()


class Joined:
    """Union-find with least roots."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, node: int) -> int:
        """The least member."""
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node

    def join(self, one: int, two: int) -> None:
        """Make one set of two."""
        low, high = sorted((self.root(one), self.root(two)))
        self._parent[high] = low

    def labels(self) -> list[int]:
        """Each node's root."""
        return [self.root(node) for node in range(len(self._parent))]


def rensa(texts: list[str], size: int) -> list[int]:
    """rensa: one sketch after the other into its index."""
    from rensa import RMinHash, RMinHashLSH  # noqa: PLC0415 - each method loads what is its own

    index, joined = RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS), Joined(len(texts))
    for row, text in enumerate(texts):
        sketch = RMinHash(PERMUTATIONS, 42)
        sketch.update(shingles(text, size))
        for other in index.query(sketch):
            joined.join(other, row)
        index.insert(row, sketch)
    return joined.labels()


def fastsketch(texts: list[str], size: int) -> list[int]:
    """FastSketchLSH: all sketches in one batch, then its index; one thread."""
    from FastSketchLSH import LSH, FastSimilaritySketch  # noqa: PLC0415 - as above

    sets = [sorted(shingles(text, size)) for text in texts]
    sketches = FastSimilaritySketch(size=PERMUTATIONS).batch(sets, num_threads=1)
    index = LSH(num_perm=PERMUTATIONS, num_bands=BANDS, num_threads=1)
    index.insert(sketches)
    joined = Joined(len(texts))
    flat, ends = index.query(sketches, format="csr")
    for row in range(len(texts)):
        for other in flat[ends[row] : ends[row + 1]]:
            joined.join(int(other), row)
    return joined.labels()


def datatrove(texts: list[str], size: int) -> list[int]:
    """MinHash of datatrove: signatures, buckets, clusters, through files as it does it."""
    from datatrove.data import Document  # noqa: PLC0415 - as above
    from datatrove.pipeline.dedup import minhash  # noqa: PLC0415 - as above

    config = minhash.MinhashConfig(n_grams=size)
    with tempfile.TemporaryDirectory() as name:
        signatures, pairs, clusters = (str(Path(name, part)) for part in ("signatures", "pairs", "clusters"))
        documents = (Document(text=text, id=str(row)) for row, text in enumerate(texts))
        minhash.MinhashDedupSignature(signatures, config).run(documents, 0, 1)
        for bucket in range(config.num_buckets):
            minhash.MinhashDedupBuckets(signatures, pairs, config=config).run(None, bucket, config.num_buckets)
        minhash.MinhashDedupCluster(pairs, clusters, config, save_cluster_id=True).run(None, 0, 1)
        found = Path(clusters, "000000.clusters")
        held = found.read_bytes() if found.exists() else b""
    joined, first = Joined(len(texts)), {}
    for row, cluster in struct.iter_unpack("<II", held):
        joined.join(first.setdefault(cluster, row), row)
    return joined.labels()


def textdedup(texts: list[str], size: int) -> list[int]:
    """Signatures of text-dedup and bands, joined as its command does."""
    from text_dedup import minhash  # noqa: PLC0415 - as above

    bands, rows = minhash.optimal_param(THRESHOLD, PERMUTATIONS, false_positive_weight=0.5, false_negative_weight=0.5)
    prime, most = np.uint64((1 << 61) - 1), np.uint32((1 << 32) - 1)
    draw = np.random.RandomState(minhash.SEED)
    permutations = tuple(draw.randint(low, prime, size=PERMUTATIONS, dtype=np.uint64) for low in (1, 0))
    ranges = [(band * rows, (band + 1) * rows) for band in range(bands)]
    tables, joined = [defaultdict(list) for _ in range(bands)], Joined(len(texts))
    for row, text in enumerate(texts):
        told = minhash.embed_func(
            text,
            row,
            num_perm=PERMUTATIONS,
            ngram_size=size,
            min_length=size,
            hashranges=ranges,
            permutations=permutations,
            hash_func=lambda data: minhash.sha1_hash(data, d=32),
            dtype=np.uint64,
            max_hash=most,
            modulo_prime=prime,
        )
        for signature, held in zip(told[minhash.SIGNATURE_COLUMN], tables, strict=True):
            held[signature].append(row)
    for held in tables:
        for members in held.values():
            for other in members[1:]:
                joined.join(members[0], other)
    return joined.labels()


METHODS = {item.__name__: item for item in (rensa, fastsketch, datatrove, textdedup)}

if __name__ == "__main__":
    method, path, words, rounds = sys.argv[1:5]
    given = pyarrow.feather.read_table(path)["text"].to_pylist()
    METHODS[method](given[:20], int(words))  # imports
    best, labels = float("inf"), []
    for _ in range(int(rounds)):
        start = time.process_time()
        labels = METHODS[method](given, int(words))
        best = min(best, time.process_time() - start)
    print()
    print(json.dumps({"seconds": best, "processor": best, "labels": labels}))
