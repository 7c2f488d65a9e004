"""The order of uniform hashes, by sorting their first bits together with where they stand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]


def order_of(hashes: Hashes) -> Places:
    """What ``np.argsort(hashes, kind="stable")`` gives, in a third of the time."""
    mask = np.uint64((1 << max(0, len(hashes) - 1).bit_length()) - 1)
    packed = (hashes & ~mask) | np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    order = (packed & mask).astype(np.intp)
    ordered = hashes[order]
    # Hashes that share their first bits by chance, or because somebody chose them.
    return order if (ordered[1:] >= ordered[:-1]).all() else np.argsort(hashes, kind="stable")


def smallest_places(hashes: Hashes, limit: int) -> Places:
    """Places, ascending, of all hashes up to some bound that at least ``limit`` different ones reach, or of all."""
    wanted = limit + limit // 4
    if len(hashes) > 2 * wanted:
        places = np.flatnonzero(hashes <= np.partition(hashes, wanted)[wanted])
        some = np.sort(hashes[places])
        if np.count_nonzero(some[1:] != some[:-1]) + 1 >= limit:
            return places
    return np.arange(len(hashes))
