"""Count numbers in bins that follow from the numbers alone, as fine as a limit on their number allows.

1. A double is ordered like an unsigned integer once its bits are turned (``ordered_keys``): sign, exponent and mantissa
   then form one scale on which every power-of-two interval is a bin.
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

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BITS = 64
_SIGN = np.uint64(1 << 63)


def ordered_keys(numbers: Floats) -> Keys:
    """Unsigned integers in the order of the ``numbers`` (no NaN), shape (numbers,); minus zero is zero."""
    keys = (np.ascontiguousarray(numbers, dtype=np.float64) + 0.0).view(np.uint64)
    _turn(keys)
    return keys


@compiled
def _turn(bits: Keys) -> None:
    for place in range(bits.size):
        bits[place] = ~bits[place] if bits[place] & _SIGN else bits[place] | _SIGN


def numbers_of(keys: Keys) -> Floats:
    """The numbers that ``ordered_keys`` made keys of, shape kept."""
    return np.where(keys & _SIGN, keys & ~_SIGN, ~keys).view(np.float64)


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
    """``keys`` in no more than ``limit`` bins."""
    ordered = np.sort(keys)
    ones = np.ones(len(ordered), dtype=np.int64)
    return joined(Bins(ordered, ordered, ones, ones, 0), limit)


def joined(bins: Bins, limit: int) -> Bins:
    """Bins of one shift, ascending by their least key and some of them perhaps the same, in no more than ``limit``."""
    shift = _least_shift(bins.low, bins.shift, limit)
    ids = bins.low >> np.uint64(shift) if shift < BITS else np.zeros_like(bins.low)
    return Bins(*_grouped(ids, *bins[:-1]), shift)


@compiled
def _bit_length(value: np.uint64) -> int:
    length = 0
    for step in (32, 16, 8, 4, 2, 1):
        if value >> np.uint64(step):
            value >>= np.uint64(step)
            length += step
    return length + int(value)


@compiled
def _least_shift(low: Keys, shift: int, limit: int) -> int:
    """The least shift, no less than the given one, at which ascending keys fill no more than ``limit`` bins."""
    # Neighbours share a bin once the shift reaches the highest bit in which they differ.
    apart = np.zeros(BITS + 1, dtype=np.int64)
    for place in range(1, low.size):
        apart[_bit_length(low[place] ^ low[place - 1])] += 1
    filled = 1 + apart[shift + 1 :].sum()
    while filled > limit:
        shift += 1
        filled -= apart[shift]
    return shift


@compiled
def _grouped(ids: Keys, low: Keys, high: Keys, lowest: Counts, counts: Counts) -> tuple[Keys, Keys, Counts, Counts]:
    """Neighbours with the same id joined."""
    lows, highs = np.empty_like(low), np.empty_like(low)
    firsts, totals = np.empty_like(counts), np.empty_like(counts)
    held = 0
    for place in range(low.size):
        if place and ids[place] == ids[place - 1]:
            if low[place] == lows[held - 1]:
                firsts[held - 1] += lowest[place]
            highs[held - 1] = max(highs[held - 1], high[place])
            totals[held - 1] += counts[place]
        else:
            lows[held], highs[held], firsts[held], totals[held] = low[place], high[place], lowest[place], counts[place]
            held += 1
    return lows[:held].copy(), highs[:held].copy(), firsts[:held].copy(), totals[:held].copy()
