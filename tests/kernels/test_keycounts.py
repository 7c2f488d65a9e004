"""Counting sorted numbers keeps what counting their hashes keeps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.columnhash import column_hashes
from poisonguard.kernels.fewest import fewest
from poisonguard.kernels.floatkeys import numbers_of, ordered_keys, sorted_keys
from poisonguard.kernels.keycounts import smallest_hashed
from poisonguard.kernels.mixing import mix_array

SEED = 0x5EED


def check(numbers: np.ndarray[tuple[int], np.dtype[np.float64]], limit: int) -> None:
    hashes, keys, counts = smallest_hashed(sorted_keys(numbers), SEED, limit)
    present = numbers[~np.isnan(numbers)] + 0.0
    expected, places, often = fewest(column_hashes(pa.array(present), SEED), limit)
    assert np.array_equal(hashes, expected)
    assert np.array_equal(numbers_of(keys), present[places])
    assert np.array_equal(counts, often)


@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.5, float("nan"), float("inf"), 1e300]), max_size=30), st.integers(1, 9)
)
def test_few_numbers(values: list[float], limit: int) -> None:
    check(np.array(values, np.float64), limit)


@pytest.mark.parametrize("distinct", [1, 90, 100, 110, 4_000, 20_000])
def test_as_many_as_are_wanted_are_kept(distinct: int) -> None:
    draw = np.random.default_rng(distinct)
    check(draw.normal(size=distinct)[draw.integers(0, distinct, 20_000)], 100)


def test_numbers_chosen_for_large_hashes_are_found_all_the_same() -> None:
    numbers = np.random.default_rng(1).normal(size=60_000)
    hashes = mix_array(numbers.view(np.uint64) ^ np.uint64(SEED))
    for chosen in (numbers[np.argsort(hashes)[-3000:]], numbers[np.argsort(hashes)[:3000]]):
        check(chosen, 50)
        assert len(ordered_keys(chosen)) == 3000
