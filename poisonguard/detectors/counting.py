"""Counting many hashes: what is rare is dropped before anything is sorted, and sorting replaces hash tables.

``numpy.unique`` of millions of 64-bit values is slow both ways: its hash table misses the cache, its sort with
positions moves every value. Nearly all n-grams occur once; a table of counts by the lowest bits of their hashes
drops them at a glance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.features_text import Hashes, Integers

BUCKETS = 1 << 22
"""Counts of four bytes; with ten million n-grams, two to three share one."""


def perhaps_frequent(hashes: Hashes, least: int) -> npt.NDArray[np.bool_]:
    """Whether each hash may occur ``least`` times or more: true for all that do, false for most others."""
    bucket = (hashes & np.uint64(BUCKETS - 1)).astype(np.int64)
    return np.asarray(np.bincount(bucket, minlength=BUCKETS)[bucket] >= least)


def distinct(values: Integers) -> Integers:
    """The distinct values, ascending."""
    ordered = np.sort(values)
    return ordered[first_of_runs(ordered)]


def first_of_runs(ordered: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Which entries differ from the one before them, shape (entries,)."""
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return first
