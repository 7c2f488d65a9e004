"""What one pass over numbers, or over texts, counts of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.simd import eight_in_order, load_eight

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_EIGHT = 8
_HIGHS = np.uint64(0x8080808080808080)
_NONE, _ONES = np.uint64(0), np.uint64((1 << 64) - 1)
_KIND, _CONTINUES = 0xC0, 0x80
"""The first two bits of a byte, and what they are where it continues a character."""
_KEPT = np.array([((1 << 64) - 1) ^ ((1 << 64 - 8 * kept) - 1) for kept in range(_EIGHT + 1)], dtype=np.uint64)
"""What of eight bytes in order is kept when so many of them are."""


@compiled
def fractions(numbers: npt.NDArray[np.float64]) -> int:
    """How many of the ``numbers`` are no integers; infinite ones are, NaN counts as none of them."""
    found = 0
    for place in range(numbers.size):
        found += numbers[place] != math.floor(numbers[place])
    return found


class Texts(NamedTuple):
    """What texts have in common, at least one of them.

    Attributes:
        empties: Texts without a character.
        characters: Of all of them.
        shortest: Characters of the shortest.
        longest: Characters of the longest.
        least: Which one comes first in the order of bytes, which is that of code points.
        largest: Which one comes last.
    """

    empties: int
    characters: int
    shortest: int
    longest: int
    least: int
    largest: int


def described(data: Bytes, offsets: Offsets) -> Texts:
    """What the UTF-8 strings ``data[offsets[i]:offsets[i + 1]]`` have in common; there is at least one."""
    return Texts(*_lengths(data, offsets), *_ends(data, offsets))


@compiled
def _lengths(data: Bytes, offsets: Offsets) -> tuple[int, int, int, int]:
    ascii_only = _is_ascii(data, offsets[0], offsets[-1])
    empties, characters, shortest, longest = 0, 0, data.size, 0
    for row in range(offsets.size - 1):
        length = offsets[row + 1] - offsets[row]
        if not ascii_only:
            for place in range(offsets[row], offsets[row + 1]):
                length -= data[place] & _KIND == _CONTINUES
        empties += length == 0
        characters += length
        shortest, longest = min(shortest, length), max(longest, length)
    return empties, characters, shortest, longest


@compiled
def _ends(data: Bytes, offsets: Offsets) -> tuple[int, int]:
    """Which text comes first, and which last."""
    least = largest = low_length = high_length = 0
    low, low_rest, high, high_rest = _ONES, _ONES, _NONE, _NONE
    for row in range(offsets.size - 1):
        start, stop = offsets[row], offsets[row + 1]
        length = stop - start
        # The first sixteen bytes, with zeros behind, as two numbers of their order.
        first, rest = _NONE, _NONE
        if start + 2 * _EIGHT <= data.size:
            first = eight_in_order(data, start) & _KEPT[np.uint64(min(length, _EIGHT))]
            rest = eight_in_order(data, start + _EIGHT) & _KEPT[np.uint64(max(0, min(length - _EIGHT, _EIGHT)))]
        else:
            for place in range(start, min(stop, start + _EIGHT)):
                first |= np.uint64(data[place]) << np.uint64(8 * (start + 7 - place))
            for place in range(start + _EIGHT, min(stop, start + 2 * _EIGHT)):
                rest |= np.uint64(data[place]) << np.uint64(8 * (start + 15 - place))
        # Few jumps, each of which nearly always goes the same way.
        long = length > 2 * _EIGHT
        if first <= low:
            less = (first < low) | (rest < low_rest)
            tied = (rest == low_rest) & (long | (length != low_length))
            if less | tied and (less or _before(data, offsets, row, least)):
                least, low, low_rest, low_length = row, first, rest, length
        if first >= high:
            more = (first > high) | (rest > high_rest)
            tied = (rest == high_rest) & (long | (length != high_length))
            if more | tied and (more or _before(data, offsets, largest, row)):
                largest, high, high_rest, high_length = row, first, rest, length
    return least, largest


@part
def _is_ascii(data: Bytes, start: int, stop: int) -> bool:
    highs, place = _NONE, start
    while place + _EIGHT <= stop:
        highs |= load_eight(data, place)
        place += _EIGHT
    while place < stop:
        highs |= np.uint64(data[place])
        place += 1
    return bool(highs & _HIGHS == _NONE)


@part
def _before(data: Bytes, offsets: Offsets, row: int, other: int) -> bool:
    """Whether a text comes before another that begins with the same sixteen bytes, or is as short and the same."""
    length, against = offsets[row + 1] - offsets[row], offsets[other + 1] - offsets[other]
    if min(length, against) > 2 * _EIGHT:
        for step in range(2 * _EIGHT, min(length, against)):
            mine, theirs = data[offsets[row] + step], data[offsets[other] + step]
            if mine != theirs:
                return bool(mine < theirs)
    return bool(length < against)
