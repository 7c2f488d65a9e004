"""What documents are compared by before their sets are looked at: a key for each band, and a byte of each minimum.

A band is five entries of a MinHash signature; documents with an equal key in any band are candidates. The bytes
estimate the similarity (Li & Koenig, "b-Bit minwise hashing", 2010): all of the 128 agree in equal sets, and one in 256
of those that differ does so by accident. 328 bytes a document, of which one row of keys is read at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.minhash import PERMUTATIONS, minimise, permutations
from poisonguard.kernels.mixing import GOLDEN, mix, mix_array
from poisonguard.kernels.simd import WIDTH, equal_bytes

BANDS, BAND_WIDTH = 25, 5
Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]

FACTORS: Keys = mix_array(np.arange(1, PERMUTATIONS + 1, dtype=np.uint64) * GOLDEN) | np.uint64(1)
"""Odd, one for each entry: a sum of products tells entries and their order (multilinear hashing)."""


class Sets(NamedTuple):
    """Documents as arrays; a named tuple, because that is what compiled code takes.

    Attributes:
        offsets: Document i owns ``shingles[offsets[i]:offsets[i + 1]]``, shape (documents + 1,).
        shingles: Set members, shape (total,).
    """

    offsets: Indices
    shingles: Words


class Prints(NamedTuple):
    """Keys and bytes of some documents.

    Attributes:
        keys: Key of every band, shape (25, documents).
        minima: Last byte of every signature entry, document after document, shape (documents * 128,).
    """

    keys: Keys
    minima: Bytes


def print_sets(sets: Sets, rows: Indices, seed: int, out: Prints, first: int) -> None:
    """Keys and bytes of the documents ``rows`` of ``sets``, to the places from ``first`` of ``out``.

    Args:
        sets: Documents.
        rows: Which of them.
        seed: 32-bit seed of the permutations.
        out: Where to.
        first: Place of the first.
    """
    multipliers, increments = permutations(seed)
    _print(sets, rows, multipliers, increments, FACTORS, out, first)


@compiled
def _print(  # noqa: PLR0913, PLR0917 - what is read, by which rules, to where
    sets: Sets, rows: Indices, multipliers: Words, increments: Words, factors: Keys, out: Prints, first: int
) -> None:
    signature = np.empty(PERMUTATIONS, dtype=np.uint32)
    for index in range(rows.size):
        row, place = rows[index], first + index
        minimise(sets.shingles[sets.offsets[row] : sets.offsets[row + 1]], multipliers, increments, signature)
        for entry in range(PERMUTATIONS):
            out.minima[place * PERMUTATIONS + entry] = signature[entry]
        for band in range(BANDS):
            state = np.uint64(0)
            for entry in range(band * BAND_WIDTH, (band + 1) * BAND_WIDTH):
                state += np.uint64(signature[entry]) * factors[entry]
            out.keys[band, place] = mix(state)


@compiled
def agreement(minima: Bytes, left: int, right: int) -> int:
    """How many of the 128 bytes of two documents are equal."""
    one, other = left * PERMUTATIONS, right * PERMUTATIONS
    equal: int = equal_bytes(minima, one, minima, other) + equal_bytes(minima, one + WIDTH, minima, other + WIDTH)
    return equal
