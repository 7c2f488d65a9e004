"""Shingle sets to search for near copies in, and questions about them."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from poisonguard.kernels.neighbours import Clusters
from poisonguard.sketches.fingerprints import SCHEMA, NearCopies, ShingleSets

SKETCH = ShingleSets(("text",))


def families(seed: int, count: int, size: int = 40, edits: int = 6) -> list[list[int]]:
    """Sets in families of varied copies, equal ones and empty ones among them, in random order."""
    random = np.random.default_rng(seed)
    made: list[list[int]] = [[]]
    while len(made) < count:
        base = random.integers(0, 2**32, size)
        for _ in range(int(random.integers(1, 6))):
            copy = base.copy()
            changed = random.integers(0, size, int(random.integers(0, edits + 1)))
            copy[changed] = random.integers(0, 2**32, changed.size)
            made.append(list(dict.fromkeys(random.permutation(copy).tolist())))
    return [made[place] for place in random.permutation(len(made))[:count].tolist()]


def crowd(seed: int, count: int) -> list[list[int]]:
    """Three kinds of sets that share most bands of their kind, and some with the other kinds."""
    random, base = np.random.default_rng(seed), np.arange(40)
    kinds = [base, np.concatenate([base[:26], base[:14] + 100]), np.concatenate([base[:26], base[:14] + 200])]
    return [[*kinds[int(random.integers(3))].tolist(), int(random.integers(1000, 2**31))] for _ in range(count)]


def state_of(sets: list[list[int]], cuts: tuple[int, ...] = ()) -> pa.Table:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sets)}), len(sets)]
    columns = [
        pa.table({"words": [len(one) for one in sets[start:stop]], "shingles": sets[start:stop]}, schema=SCHEMA)
        for start, stop in itertools.pairwise(edges)
    ]
    return pa.concat_tables(columns)


def asked_of(*states: pa.Table, threshold: float = 0.8, seed: int = 3) -> NearCopies:
    rows = sum(state.num_rows for state in states)
    return NearCopies(SKETCH, states, np.arange(rows) % 11 != 5, threshold, seed)


def same(one: Clusters, other: Clusters) -> bool:
    return bool((one.labels == other.labels).all()) and one.bounded == other.bounded
