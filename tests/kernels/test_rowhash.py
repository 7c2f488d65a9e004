"""The compiled BLAKE2b and the cell writers, against hashlib and plain Python."""

from __future__ import annotations

import hashlib

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels import compiled as compiling
from poisonguard.kernels.rowhash import BLOCK, hash_rows, put_fixed, put_variable, put_words


def digests_of(rows: list[bytes]) -> list[bytes]:
    """Digests of ``rows`` through the kernel."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.maximum(1, -(-lengths // BLOCK)) * BLOCK
    ends = np.cumsum(padded)
    buffer = b"".join(row.ljust(int(size), b"\0") for row, size in zip(rows, padded, strict=True))
    words = np.frombuffer(bytearray(buffer), dtype=np.uint64)
    digests = np.empty((len(rows), 4), dtype=np.uint64)
    hash_rows(words, (ends - padded) // 8, lengths, digests)
    return [digest.tobytes() for digest in digests]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=700), min_size=1, max_size=20))
def test_equals_hashlib(rows: list[bytes]) -> None:
    assert digests_of(rows) == [hashlib.blake2b(row, digest_size=32).digest() for row in rows]


def test_every_length_around_the_block_borders() -> None:
    rows = [bytes(range(256)) * 2 for _ in range(1)]
    rows = [rows[0][:length] for length in range(3 * BLOCK + 2)]
    assert digests_of(rows) == [hashlib.blake2b(row, digest_size=32).digest() for row in rows]


def test_put_fixed_skips_what_is_not_valid() -> None:
    rows = np.zeros(20, dtype=np.uint8)
    cursors = np.array([0, 10], dtype=np.int64)
    payload = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    put_fixed(rows, cursors, np.array([9], dtype=np.uint8), payload, np.array([1, 0], dtype=np.uint8))
    assert rows[:4].tolist() == [9, 1, 2, 0]
    assert not rows[4:].any()
    assert cursors.tolist() == [3, 10]


@pytest.mark.parametrize("prefix", [b"\x09", bytes(range(17))])
def test_put_words_writes_prefix_and_number(prefix: bytes) -> None:
    rows = np.zeros(60, dtype=np.uint8)
    cursors = np.array([0, 30, 55], dtype=np.int64)
    values = np.array([258, 1 << 63, 7], dtype=np.uint64)
    put_words(rows, cursors, np.frombuffer(prefix, dtype=np.uint8), values, np.array([1, 1, 0], dtype=np.uint8))
    cells = [prefix + int(value).to_bytes(8, "little") for value in values[:2]]
    assert rows.tobytes() == cells[0].ljust(30, b"\0") + cells[1].ljust(30, b"\0")
    assert cursors.tolist() == [len(cells[0]), 30 + len(cells[1]), 55]


def test_rows_of_any_length_share_the_lanes() -> None:
    draw = np.random.default_rng(5)
    rows = [draw.bytes(int(length)) for length in draw.choice([0, 1, 127, 128, 129, 4000], 200)]
    assert digests_of(rows) == [hashlib.blake2b(row, digest_size=32).digest() for row in rows]


def test_put_variable_writes_prefix_count_and_bytes() -> None:
    rows = np.zeros(20, dtype=np.uint8)
    cursors = np.array([0, 10], dtype=np.int64)
    data = np.frombuffer(b"abcde", dtype=np.uint8)
    starts, stops = np.array([0, 3], dtype=np.int64), np.array([3, 5], dtype=np.int64)
    valid = np.ones(2, dtype=np.uint8)
    put_variable(rows, cursors, np.array([7], dtype=np.uint8), np.array([3, 258]), starts, stops, data, valid)
    assert rows[:8].tobytes() == b"\x07\x03\0\0\0abc"
    assert rows[10:17].tobytes() == b"\x07\x02\x01\0\0de"
    assert cursors.tolist() == [8, 17]


def test_without_any_place_for_a_cache_it_still_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def refusing(**options: bool) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", refusing)

    def double(value: int) -> int:
        return 2 * value

    assert compiling.compiled(double)(21) == 42
