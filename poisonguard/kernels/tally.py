"""How often each of a few keys occurs in very many: one table look-up per key, whatever the number of both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.mixing import Draw, draw

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_ONE = np.uint64(1)


class Tally:
    """Counts occurrences of ``wanted`` keys in the arrays given to ``add``."""

    def __init__(self, wanted: Keys) -> None:
        size = 1 << max(1, 2 * wanted.size).bit_length()
        self._keys = np.zeros(size, dtype=np.uint64)
        self._counts = np.full(size, _FREE, dtype=np.int64)
        self._draw = draw(size)
        _reserve(self._keys, self._counts, self._draw, np.ascontiguousarray(wanted.ravel()))

    def add(self, keys: Keys) -> None:
        """Count the wanted ones among ``keys`` (any shape)."""
        _count(self._keys, self._counts, self._draw, np.ascontiguousarray(keys).ravel())

    def counts(self, keys: Keys) -> Counts:
        """Occurrences of ``keys``, all of them wanted ones, shape kept."""
        result = np.empty(keys.size, dtype=np.int64)
        _look_up(self._keys, self._counts, self._draw, np.ascontiguousarray(keys).ravel(), result)
        return result.reshape(keys.shape)


_FREE = -1


@compiled
def _slot(table: Keys, counts: Counts, by: Draw, key: np.uint64) -> int:
    """Where ``key`` is, or the free slot where it would be."""
    mask = np.uint64(table.size - 1)
    slot = key * by.odd >> by.away
    while counts[slot] != _FREE and table[slot] != key:
        slot = (slot + _ONE) & mask
    return int(slot)


@compiled
def _reserve(table: Keys, counts: Counts, by: Draw, wanted: Keys) -> None:
    for key in wanted:
        slot = _slot(table, counts, by, key)
        table[slot] = key
        counts[slot] = 0


@compiled
def _count(table: Keys, counts: Counts, by: Draw, keys: Keys) -> None:
    for key in keys:
        slot = _slot(table, counts, by, key)
        if counts[slot] != _FREE:
            counts[slot] += 1


@compiled
def _look_up(table: Keys, counts: Counts, by: Draw, keys: Keys, result: Counts) -> None:
    for place in range(keys.size):
        result[place] = max(np.int64(0), counts[_slot(table, counts, by, keys[place])])
