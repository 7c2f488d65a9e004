"""64-bit mixing: the one bijection and the one byte hash that every fingerprint here is made of.

Not cryptographic. Version names and row digests are SHA-256; these fingerprints only find rows that are worth
an exact comparison, and are keyed so that collisions cannot be prepared in advance.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.simd import load_eight

# MurmurHash3's 64-bit finalizer (Appleby, public domain).
_FIRST = np.uint64(0xFF51AFD7ED558CCD)
_SECOND = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)

_EIGHT = 8
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio, odd: steps through the hash space (Knuth, TAOCP 3, 6.4)."""

_BITS = 64
SECRET_ODD = np.uint64(secrets.randbits(_BITS) | 1)
"""Draws the slots of tables: ``key * odd >> away_of(slots)`` (Dietzfelbinger et al., multiplicative hashing).

Everybody knows how texts are hashed, so each process has a multiplier of its own: chosen texts would share a slot
otherwise, and every look into the table would be a walk through it. No result depends on it. Compiled loops take it as
an argument: a global would be frozen into their cache on disk, and the same for every process from then on.
"""


@compiled
def away_of(slots: int) -> np.uint64:
    """How far a product is shifted to the right so that its first bits are one of ``slots``, a power of two of them."""
    away = _BITS
    while slots > 1:
        slots //= 2
        away -= 1
    return np.uint64(away)


class Draw(NamedTuple):
    """By what the slots of one table are drawn."""

    odd: np.uint64
    away: np.uint64


def draw(slots: int) -> Draw:
    """How the slots of a table of so many are drawn in this process."""
    return Draw(SECRET_ODD, np.uint64(away_of(slots)))


@part
def mix(value: np.uint64) -> np.uint64:
    """A fixed avalanching bijection on 64-bit integers."""
    value ^= value >> _SHIFT
    value *= _FIRST
    value ^= value >> _SHIFT
    value *= _SECOND
    return value ^ (value >> _SHIFT)


def mix_array(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """``mix`` of every value, shape kept."""
    values = np.ascontiguousarray(values)
    mixed = np.empty_like(values)
    _mix_all(values.reshape(-1), mixed.reshape(-1))
    return mixed


@compiled
def _mix_all(values: npt.NDArray[np.uint64], mixed: npt.NDArray[np.uint64]) -> None:
    for place in range(values.size):
        mixed[place] = mix(values[place])


@compiled
def hash_bytes(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], seed: np.uint64, out: npt.NDArray[np.uint64]
) -> None:
    """Hash the byte strings ``data[offsets[i]:offsets[i + 1]]`` into ``out``, eight bytes a step.

    The length is mixed in, so that zero padding of the last step cannot collide with zero bytes.
    """
    for row in range(offsets.size - 1):
        start, stop = offsets[row], offsets[row + 1]
        state = seed ^ (np.uint64(stop - start) * GOLDEN)
        place = start
        while place + _EIGHT <= stop:
            state = mix(state ^ load_eight(data, place)) + GOLDEN
            place += _EIGHT
        if place < stop:
            word = np.uint64(0)
            if place + _EIGHT <= data.size:
                word = load_eight(data, place) & (_ONES >> np.uint64(8 * (_EIGHT - stop + place)))
            else:
                for step in range(stop - place):
                    word |= np.uint64(data[place + step]) << np.uint64(8 * step)
            state = mix(state ^ word) + GOLDEN
        out[row] = mix(state)


@compiled
def fold_lists(
    hashes: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], seed: np.uint64, out: npt.NDArray[np.uint64]
) -> None:
    """Hash the lists ``hashes[offsets[i]:offsets[i + 1]]``, order and length included, into ``out``."""
    for row in range(offsets.size - 1):
        state = seed ^ (np.uint64(offsets[row + 1] - offsets[row]) * GOLDEN)
        for place in range(offsets[row], offsets[row + 1]):
            state = mix(state ^ hashes[place]) + GOLDEN
        out[row] = mix(state)
