"""Numbers as unsigned integers of the same order, sorted: what counting them in any way begins with.

The bits of a double, turned: all of them where the number is negative, otherwise the sign alone. Minus zero is zero,
and NaN, which is no number, comes last.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, inlined
from poisonguard.kernels.scratch import scratch

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

ZERO = np.uint64(1 << 63)
"""Key of zero: below are the negative numbers."""
_SIGN = np.uint64(1 << 63)
_INFINITY = np.uint64(0x7FF << 52)
_NAN = np.uint64((1 << 63) - 1)
_NONE = np.uint64(0)
_ONE_NAN = np.uint64(0x7FF8 << 48)
_LAST = np.uint64((1 << 64) - 1)


def ordered_keys(numbers: Floats) -> Keys:
    """Keys of the ``numbers``, shape (numbers,)."""
    bits = np.ascontiguousarray(numbers, dtype=np.float64).view(np.uint64)
    bits.flags.writeable = False
    keys = scratch(bits.size, np.uint64)
    _turn(bits, keys)
    return keys


def sorted_keys(numbers: Floats) -> Keys:
    """Ascending keys of those that are not NaN, shape (present,)."""
    keys = ordered_keys(numbers)
    if not _ascend(keys):
        keys.sort()
    return keys[: np.searchsorted(keys, _LAST)] if keys.size and keys[-1] == _LAST else keys


def numbers_of(keys: Keys) -> Floats:
    """The numbers that have the ``keys``, shape kept."""
    return np.where(keys & _SIGN, keys & ~_SIGN, ~keys).view(np.float64)


def canonical_bits(numbers: Floats) -> Keys:
    """Bits of the ``numbers`` to which all NaN are one and minus zero is zero, shape (numbers,)."""
    bits = np.ascontiguousarray(numbers, dtype=np.float64).view(np.uint64)
    bits.flags.writeable = False
    canonical = scratch(bits.size, np.uint64)
    _simplify(bits, canonical)
    return canonical


@compiled
def _simplify(bits: Keys, canonical: Keys) -> None:
    for place in range(bits.size):
        number = bits[place]
        canonical[place] = _ONE_NAN if number & ~_SIGN > _INFINITY else _NONE if number == _SIGN else number


@inlined
def number_bits(key: np.uint64) -> np.uint64:
    """Bits of the number that has a key."""
    return key & ~_SIGN if key & _SIGN else ~key


@compiled
def _turn(bits: Keys, keys: Keys) -> None:
    for place in range(bits.size):
        number = bits[place]
        # The sign of NaN, and of zero, says nothing.
        number = _NAN if number & ~_SIGN > _INFINITY else _NONE if number == _SIGN else number
        keys[place] = ~number if number & _SIGN else number | _SIGN


@compiled
def _ascend(keys: Keys) -> bool:
    place = 1
    while place < keys.size and keys[place] >= keys[place - 1]:
        place += 1
    return place >= keys.size


@inlined
def differ(key: np.uint64, other: np.uint64, shift: int) -> bool:
    """Whether two keys differ before their last ``shift`` bits."""
    # In two steps: a shift of all bits at once is none.
    half = np.uint64(shift >> 1)
    return bool((key ^ other) >> half >> (np.uint64(shift) - half) != 0)


@compiled
def filled(keys: Keys, shift: int) -> int:
    """How many numbers ascending ``keys`` are without their last ``shift`` bits."""
    apart = 0
    for place in range(1, keys.size):
        apart += differ(keys[place], keys[place - 1], shift)
    return apart + min(keys.size, 1)
