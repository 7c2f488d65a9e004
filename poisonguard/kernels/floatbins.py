"""Count numbers in bins that follow from the numbers alone, as fine as a limit on their number allows.

1. A double is ordered like an unsigned integer once its bits are turned (``poisonguard.kernels.floatkeys``): sign,
   exponent and mantissa then form one scale on which every power-of-two interval is a bin.
2. The bins of shift ``s`` are the keys without their last ``s`` bits. At shift 0 every distinct number is a bin.
3. The shift that is used is the least at which no more than ``limit`` bins are filled. A part of the numbers never
   needs a larger shift than all of them, so merging parts in any order ends with the same bins (the uniform collapse
   of UDDSketch, Epicoco et al., IEEE Access 2020, on the bits of a double instead of its logarithm).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.floatkeys import Keys, differ, filled
from poisonguard.kernels.simd import leading_zeros

Counts = npt.NDArray[np.int64]

BITS = 64
_SAMPLED = 16
"""Every so manieth key tells roughly how wide bins must be."""


class Bins(NamedTuple):
    """Keys in bins, ascending; every array has shape (bins,).

    Attributes:
        low: Least key of each.
        high: Largest key.
        lowest: How many keys are the least one.
        counts: How many there are.
        shift: How many last bits the keys of a bin may differ in.
    """

    low: Keys
    high: Keys
    lowest: Counts
    counts: Counts
    shift: int


def counted(keys: Keys, limit: int) -> Bins:
    """Ascending ``keys`` in no more than ``limit`` bins."""
    some = keys[::_SAMPLED].copy()
    some.flags.writeable = False
    shift = _least_shift(some, 0, limit)
    while filled(keys, shift) > limit:
        shift += 1
    return Bins(*_counted(keys, shift, min(limit, keys.size)), shift)


def joined(bins: Bins, limit: int) -> Bins:
    """Bins of one shift, ascending by their least key and some of them perhaps the same, in no more than ``limit``."""
    shift = _least_shift(bins.low, bins.shift, limit)
    return Bins(*_grouped(shift, *bins[:-1]), shift)


@compiled
def _least_shift(low: Keys, shift: int, limit: int) -> int:
    """The least shift, no less than the given one, at which ascending keys fill no more than ``limit`` bins."""
    # Neighbours share a bin once the shift reaches the highest bit in which they differ.
    apart = np.zeros(BITS + 1, dtype=np.int64)
    for place in range(1, low.size):
        apart[BITS - leading_zeros(low[place] ^ low[place - 1])] += 1
    bins = 1 + apart[shift + 1 :].sum()
    while bins > limit:
        shift += 1
        bins -= apart[shift]
    return shift


@compiled
def _counted(keys: Keys, shift: int, bins: int) -> tuple[Keys, Keys, Counts, Counts]:
    """Ascending keys in their bins of ``shift``, of which there are no more than ``bins``."""
    starts = np.empty(bins + 2, dtype=np.int64)
    held = 0
    for place in range(keys.size):
        # Written anyway, kept where a bin begins.
        starts[held] = place
        held += place == 0 or differ(keys[place], keys[place - 1], shift)
    starts[held] = keys.size
    low, high = np.empty(held, dtype=np.uint64), np.empty(held, dtype=np.uint64)
    lowest, counts = np.empty(held, dtype=np.int64), np.empty(held, dtype=np.int64)
    for number in range(held):
        first, stop = starts[number], starts[number + 1]
        low[number], high[number], counts[number] = keys[first], keys[stop - 1], stop - first
        place = first + 1
        while place < stop and keys[place] == keys[first]:
            place += 1
        lowest[number] = place - first
    return low, high, lowest, counts


@compiled
def _grouped(shift: int, low: Keys, high: Keys, lowest: Counts, counts: Counts) -> tuple[Keys, Keys, Counts, Counts]:
    """Neighbours of one bin of ``shift`` joined."""
    lows, highs = np.empty_like(low), np.empty_like(low)
    firsts, totals = np.empty_like(counts), np.empty_like(counts)
    held = 0
    for place in range(low.size):
        if place and not differ(low[place], low[place - 1], shift):
            if low[place] == lows[held - 1]:
                firsts[held - 1] += lowest[place]
            highs[held - 1] = max(highs[held - 1], high[place])
            totals[held - 1] += counts[place]
        else:
            lows[held], highs[held], firsts[held], totals[held] = low[place], high[place], lowest[place], counts[place]
            held += 1
    return lows[:held].copy(), highs[:held].copy(), firsts[:held].copy(), totals[:held].copy()
