"""The byte hash reads eight bytes a step and says the same as reading them one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.mixing import hash_bytes

MASK = (1 << 64) - 1


def mixed(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def expected(text: bytes, seed: int) -> int:
    state = seed ^ (len(text) * 0x9E3779B97F4A7C15 & MASK)
    for start in range(0, len(text), 8):
        word = int.from_bytes(text[start : start + 8], "little")
        state = mixed(state ^ word) + 0x9E3779B97F4A7C15 & MASK
    return mixed(state)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=12), st.integers(0, MASK))
def test_byte_hash(texts: list[bytes], seed: int) -> None:
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.cumsum([0, *map(len, texts)])
    hashes = np.empty(len(texts), np.uint64)
    data.flags.writeable = offsets.flags.writeable = False
    hash_bytes(data, offsets, np.uint64(seed), hashes)
    assert hashes.tolist() == [expected(text, seed) for text in texts]
