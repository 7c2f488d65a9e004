"""Documents whose shingle sets are the same: a keyed digest of 128 bits for each set, and groups of equal ones.

The digest is a pair of sums of mixed members (Bellare & Micciancio, "A new paradigm for collision-free hashing", 1997,
over sets instead of lists), so it depends neither on the order of the members nor on who computes it. Its key comes
after the documents (docs/adr/0021): who writes them can neither choose nor foretell two sets of one digest, and by
accident it happens once in 2**128.
"""

from __future__ import annotations

import numpy as np

from poisonguard.kernels.buckets import shared_buckets
from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.mixing import GOLDEN, mix
from poisonguard.kernels.prints import Indices, Keys, Sets

LANES = 2
"""Sums of 64 bits that make a digest."""

_WORD = (1 << 64) - 1


def digest_sets(sets: Sets, rows: Indices, seed: int, out: Keys, first: int) -> None:
    """Digests of the documents ``rows`` of ``sets``, to the columns from ``first`` of ``out``, shape (2, documents)."""
    keys = np.array([seed & _WORD, (seed ^ int(GOLDEN)) & _WORD], dtype=np.uint64)
    _digest(sets, rows, keys, out, first)


def copies_of(digests: Keys, nodes: Indices, bits: int) -> tuple[Indices, Indices]:
    """Those of ``nodes`` (ascending) whose set is that of an earlier one, and for each the first such.

    Args:
        digests: Their digests, shape (2, nodes).
        nodes: Numbers of documents.
        bits: How many the place of a node takes (``buckets.place_bits``).
    """
    places = shared_buckets(digests[0], bits).members
    first, second = digests[0][places], digests[1][places]
    order = np.lexsort((places, second, first))
    places, first, second = places[order], first[order], second[order]
    begins = np.ones(places.size, dtype=np.bool_)
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    group = np.cumsum(begins) - 1
    return nodes[places[~begins]], nodes[places[begins][group[~begins]]]


@compiled
def _digest(sets: Sets, rows: Indices, keys: Keys, out: Keys, first: int) -> None:
    for index in range(rows.size):
        one, other = np.uint64(0), np.uint64(0)
        for place in range(sets.offsets[rows[index]], sets.offsets[rows[index] + 1]):
            # Two rounds for each lane: the key goes in before both.
            value = np.uint64(sets.shingles[place]) * GOLDEN
            one += mix(mix(value ^ keys[0]) + keys[0])
            other += mix(mix(value ^ keys[1]) + keys[1])
        out[0, first + index], out[1, first + index] = one, other
