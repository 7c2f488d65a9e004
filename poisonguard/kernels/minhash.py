"""MinHash signatures, bit-identical to ``datasketch.MinHash(scheme="affine32")``.

A 32-bit hash is mixed once with MurmurHash3's finalizer, then permutation k maps it to ``a[k] * h + b[k]`` modulo
2**32 with an odd ``a[k]``; the signature holds the minimum of every permutation over the set. The share of equal
entries of two signatures estimates the Jaccard similarity of the sets (Broder, "On the resemblance and
containment of documents", 1997). The empty set's signature is all ones, as in datasketch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part

PERMUTATIONS = 128
"""datasketch's default; standard error of the estimate at 0.8: 0.035."""

EMPTY = np.uint32(0xFFFFFFFF)

Words = npt.NDArray[np.uint32]


def permutations(seed: int, count: int = PERMUTATIONS) -> tuple[Words, Words]:
    """Multipliers (odd) and offsets of datasketch's ``MinHash(num_perm=count, seed=seed).permutations``.

    Args:
        seed: 32-bit seed. NumPy's legacy generator is frozen: the same seed gives the same parameters for ever.
        count: Number of permutations.
    """
    # datasketch's generator, bit for bit.
    generator = np.random.RandomState(seed)
    multipliers = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return multipliers, generator.randint(0, 1 << 32, count, dtype=np.uint32)


def signatures(shingles: Words, offsets: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint32]:
    """Signatures of the sets ``shingles[offsets[i]:offsets[i + 1]]``, shape (sets, 128)."""
    result = np.empty((offsets.size - 1, PERMUTATIONS), dtype=np.uint32)
    _sign(shingles, offsets, permutations(seed), result)
    return result


@compiled
def _sign(
    shingles: Words, offsets: npt.NDArray[np.int64], parameters: tuple[Words, Words], result: npt.NDArray[np.uint32]
) -> None:
    for row in range(offsets.size - 1):
        minimise(shingles[offsets[row] : offsets[row + 1]], parameters[0], parameters[1], result[row])


@part
def _finalize(value: np.uint32) -> np.uint32:
    """MurmurHash3's 32-bit finalizer; the casts keep Numba from widening to 64 bits."""
    value = np.uint32(value ^ (value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@part
def minimise(members: Words, multipliers: Words, increments: Words, signature: Words) -> None:
    """Write the signature of one set; four members a pass, so that it is loaded and stored a quarter as often."""
    signature[:] = EMPTY
    place = 0
    while place + 4 <= members.size:
        first, second = _finalize(members[place]), _finalize(members[place + 1])
        third, fourth = _finalize(members[place + 2]), _finalize(members[place + 3])
        for k in range(PERMUTATIONS):
            factor, increment = multipliers[k], increments[k]
            left = min(np.uint32(factor * first + increment), np.uint32(factor * second + increment))
            right = min(np.uint32(factor * third + increment), np.uint32(factor * fourth + increment))
            signature[k] = min(signature[k], left, right)
        place += 4
    while place < members.size:
        value = _finalize(members[place])
        for k in range(PERMUTATIONS):
            signature[k] = min(signature[k], np.uint32(multipliers[k] * value + increments[k]))
        place += 1
