"""The numbers of a sorted column with the smallest hashes, and how often each occurs."""

from __future__ import annotations

import numpy as np

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.floatbins import Counts
from poisonguard.kernels.floatkeys import Keys, filled, number_bits
from poisonguard.kernels.mixing import mix
from poisonguard.kernels.ordering import order_of
from poisonguard.kernels.scratch import scratch

_LARGEST = (1 << 64) - 1
_MARGIN = 1.1
"""How far beyond the wanted ones hashes are kept: they are uniform, but no more."""


def smallest_hashed(keys: Keys, seed: int, limit: int) -> tuple[Keys, Keys, Counts]:
    """Hashes, ascending, keys and counts of the ``limit`` distinct keys with the smallest hashes.

    Args:
        keys: Ascending ``poisonguard.kernels.floatbins.ordered_keys``, shape (numbers,).
        seed: 64-bit key of the hashes, which are those of ``poisonguard.kernels.columnhash``.
        limit: At most so many are kept, at least 1.
    """
    distinct = filled(keys, 0)
    bound = int(min(_LARGEST, _MARGIN * limit / max(1, distinct) * _LARGEST))
    hashes, kept = (scratch(distinct, np.uint64) for _ in range(2))
    counts = scratch(distinct, np.int64)
    found = _hashed(keys, np.uint64(seed), np.uint64(bound), hashes, kept, counts)
    if found < min(limit, distinct):
        found = _hashed(keys, np.uint64(seed), np.uint64(_LARGEST), hashes, kept, counts)
    order = order_of(hashes[:found])[:limit]
    return hashes[order], kept[order], counts[order]


@compiled
def _hashed(  # noqa: PLR0913, PLR0917 - compiled: arrays only, no bundle of them
    keys: Keys, seed: np.uint64, bound: np.uint64, hashes: Keys, kept: Keys, counts: Counts
) -> int:
    """Hash, key and count of each distinct key whose hash is up to ``bound``; how many there are."""
    found = start = 0
    for place in range(keys.size):
        if place + 1 < keys.size and keys[place + 1] == keys[place]:
            continue
        hashed = mix(number_bits(keys[place]) ^ seed)
        if hashed <= bound:
            hashes[found], kept[found], counts[found] = hashed, keys[place], place + 1 - start
            found += 1
        start = place + 1
    return found
