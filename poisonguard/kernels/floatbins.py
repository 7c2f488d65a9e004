"""Count numbers in bins that follow from the numbers alone, as fine as a limit on their number allows.

1. A double is ordered like an unsigned integer once its bits are turned (``ordered_keys``): sign, exponent and mantissa
   then form one scale on which every power-of-two interval is a bin.
2. The bins of shift ``s`` are the keys without their last ``s`` bits. At shift 0 every distinct number is a bin.
3. The shift that is used is the least at which no more than ``limit`` bins are filled. A part of the numbers never
   needs a larger shift than all of them, so merging parts in any order ends with the same bins (the uniform collapse
   of UDDSketch, Epicoco et al., IEEE Access 2020, on the bits of a double instead of its logarithm).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BITS = 64
_SIGN = np.uint64(1 << 63)


def ordered_keys(numbers: Floats) -> Keys:
    """Unsigned integers in the order of the ``numbers`` (no NaN), shape kept; minus zero is zero."""
    bits = (np.ascontiguousarray(numbers, dtype=np.float64) + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def numbers_of(keys: Keys) -> Floats:
    """The numbers that ``ordered_keys`` made keys of, shape kept."""
    return np.where(keys & _SIGN, keys & ~_SIGN, ~keys).view(np.float64)


def counted(keys: Keys) -> tuple[Keys, Counts]:
    """Distinct ``keys``, ascending, and how often each occurs."""
    ordered = np.sort(keys)
    return summed(ordered, np.ones(len(ordered), dtype=np.int64))


def summed(ordered: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Distinct keys of ascending ones, with the sums of their counts."""
    if not len(ordered):
        return ordered, counts
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[starts], np.add.reduceat(counts, starts)


def least_shift(distinct: Keys, limit: int) -> int:
    """The least shift at which ascending distinct keys fill no more than ``limit`` bins."""
    if len(distinct) <= limit:
        return 0
    # Neighbours share a bin once the shift reaches the highest bit in which they differ.
    apart = _bit_lengths(distinct[1:] ^ distinct[:-1])
    filled = len(distinct) - np.cumsum(np.bincount(apart, minlength=BITS + 1))
    return int(np.argmax(filled <= limit))


def _bit_lengths(values: Keys) -> npt.NDArray[np.int64]:
    """Bits it takes to write each value, shape kept."""
    high, low = (values >> np.uint64(32)).astype(np.float64), (values & np.uint64(0xFFFFFFFF)).astype(np.float64)
    # 32-bit integers are exact in a double, whose exponent is their length.
    return np.where(high > 0, np.frexp(high)[1] + 32, np.frexp(low)[1]).astype(np.int64)
