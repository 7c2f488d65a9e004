"""Counting the smallest hashes is exact, however many there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.fewest import fewest


@pytest.mark.parametrize("distinct", [1, 7, 600, 5_000, 60_000])
@pytest.mark.parametrize("limit", [1, 3, 1_000, 10_000])
def test_is_what_numpy_says(distinct: int, limit: int) -> None:
    draw = np.random.default_rng(distinct)
    hashes = draw.integers(0, 2**64, distinct, np.uint64)[draw.integers(0, distinct, 60_000)]
    known, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    for found, truth in zip(fewest(hashes, limit), (known, first, counts), strict=True):
        assert np.array_equal(found, truth[:limit])


@given(st.lists(st.sampled_from([0, 1, 1024, 2048, 2**64 - 1]), max_size=30), st.integers(1, 6))
def test_hashes_that_share_a_slot(values: list[int], limit: int) -> None:
    hashes = np.array(values, np.uint64)
    known, counts = np.unique(hashes, return_counts=True)
    kept, places, found = fewest(hashes, limit)
    assert np.array_equal(kept, known[:limit])
    assert np.array_equal(found, counts[:limit])
    assert np.array_equal(hashes[places], kept)


def test_hashes_that_were_chosen_to_share_their_last_bits_are_counted_alike() -> None:
    chosen = np.tile(np.random.default_rng(3).integers(0, 1 << 40, 3000, dtype=np.uint64) << np.uint64(20), 4)
    kept, places, counts = fewest(chosen, 2000)
    expected, firsts, often = np.unique(chosen, return_index=True, return_counts=True)
    np.testing.assert_array_equal(kept, expected[:2000])
    np.testing.assert_array_equal(places, firsts[:2000])
    np.testing.assert_array_equal(counts, often[:2000])
