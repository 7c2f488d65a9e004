"""The smallest distinct hashes of many, and how often each occurs, in one pass over them and memory of the few kept."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_FIRST_SLOTS = 1024
_BITS = 64

_ODD = np.uint64(secrets.randbits(_BITS) | 1)
"""Spreads hashes over slots. Everybody knows the key of the hashes, so without it chosen values would share a slot and
make every look into the table a walk through it. No result depends on it."""


def fewest(hashes: Hashes, limit: int) -> tuple[Hashes, Counts, Counts]:
    """The ``limit`` smallest distinct hashes, ascending, the first place of each, and how often each occurs.

    Args:
        hashes: Uniform 64-bit hashes, shape (values,).
        limit: At most so many are kept, at least 1.
    """
    wanted = 2 * limit
    if len(hashes) > 2 * wanted:
        # Where most are distinct, the smallest few places hold all that are wanted, and the rest is not looked at.
        small = np.flatnonzero(hashes <= np.partition(hashes, wanted)[wanted])
        kept, places, counts = _fewest(hashes[small], limit, _ODD)
        if len(kept) >= limit:
            return _ordered(kept, small[places], counts, limit)
    return _ordered(*_fewest(hashes, limit, _ODD), limit)


def _ordered(kept: Hashes, places: Counts, counts: Counts, limit: int) -> tuple[Hashes, Counts, Counts]:
    order = np.argsort(kept)[:limit]
    return kept[order], places[order], counts[order]


@compiled
def _slot(table: Hashes, counts: Counts, key: np.uint64, odd: np.uint64) -> int:
    """Where ``key`` is, or the free slot where it would be."""
    mask = np.uint64(table.size - 1)
    slot = ((key * odd) >> np.uint64(_BITS // 2)) & mask
    while counts[slot] > 0 and table[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return int(slot)


@compiled
def _moved(  # noqa: PLR0913, PLR0917 - compiled: arrays only, no bundle of them
    table: Hashes, places: Counts, counts: Counts, slots: int, largest: np.uint64, odd: np.uint64
) -> tuple[Hashes, Counts, Counts, int]:
    """The entries up to ``largest`` in a table of so many slots, and their number."""
    keys, firsts, totals = np.empty(slots, np.uint64), np.empty(slots, np.int64), np.zeros(slots, np.int64)
    held = 0
    for old in range(table.size):
        if counts[old] > 0 and table[old] <= largest:
            slot = _slot(keys, totals, table[old], odd)
            keys[slot], firsts[slot], totals[slot] = table[old], places[old], counts[old]
            held += 1
    return keys, firsts, totals, held


@compiled
def _fewest(hashes: Hashes, limit: int, odd: np.uint64) -> tuple[Hashes, Counts, Counts]:
    slots, largest, held = _FIRST_SLOTS, np.uint64(0xFFFFFFFFFFFFFFFF), 0
    table, places, counts = np.empty(slots, np.uint64), np.empty(slots, np.int64), np.zeros(slots, np.int64)
    for row in range(hashes.size):
        key = hashes[row]
        if key > largest:
            continue
        slot = _slot(table, counts, key, odd)
        counts[slot] += 1
        if counts[slot] > 1:
            continue
        table[slot], places[slot] = key, row
        held += 1
        if held * 2 > slots:
            # Twice as many as are wanted: what is larger than the last one wanted is not looked at again.
            if held >= 2 * limit:
                largest = np.sort(table[counts > 0])[limit - 1]
            else:
                slots *= 4
            table, places, counts, held = _moved(table, places, counts, slots, largest, odd)
    filled = counts > 0
    return table[filled], places[filled], counts[filled]
