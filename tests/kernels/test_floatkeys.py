"""Keys order like the numbers they stand for; NaN is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.floatbins import Bins, counted, joined
from poisonguard.kernels.floatkeys import ZERO, Keys, canonical_bits, filled, numbers_of, ordered_keys, sorted_keys

ANY = st.lists(
    st.floats(width=64) | st.sampled_from([0.0, -0.0, float("inf"), -float("inf"), float("nan")]), max_size=60
)


def assert_counted_one_by_one(keys: Keys, limit: int) -> None:
    ones = np.ones(len(keys), np.int64)
    found, expected = counted(keys, limit), joined(Bins(keys, keys, ones, ones, 0), limit)
    assert found.shift == expected.shift
    for mine, theirs in zip(found[:-1], expected[:-1], strict=True):
        np.testing.assert_array_equal(mine, theirs)


@given(ANY)
def test_sorted_keys_are_the_sorted_numbers(values: list[float]) -> None:
    numbers = np.array(values, np.float64)
    present = np.sort(numbers[~np.isnan(numbers)]) + 0.0
    found = numbers_of(sorted_keys(numbers))
    assert np.array_equal(found, present)
    assert not np.signbit(found[found == 0]).any()


@pytest.mark.parametrize("values", [[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [float("nan"), 1.0], [-float("nan")], []])
def test_what_comes_in_order_stays_so(values: list[float]) -> None:
    keys = sorted_keys(np.array(values, np.float64))
    assert (keys[1:] >= keys[:-1]).all()
    assert len(keys) == np.isfinite(values).sum()


def test_zero_parts_the_negative_numbers_from_the_others() -> None:
    keys = ordered_keys(np.array([-5e-324, -0.0, 0.0, 5e-324]))
    assert [key < ZERO for key in keys] == [True, False, False, False]
    assert [key == ZERO for key in keys] == [False, True, True, False]


def test_the_numbers_given_are_left_as_they_are() -> None:
    numbers = np.array([2.0, -0.0, 1.0])
    sorted_keys(numbers)
    canonical_bits(numbers)
    assert numbers.tolist() == [2.0, 0.0, 1.0]
    assert np.signbit(numbers[1])


@given(ANY)
def test_canonical_bits_know_one_nan_and_one_zero(values: list[float]) -> None:
    numbers = np.array(values, np.float64)
    expected = np.where(np.isnan(numbers), np.nan, numbers + 0.0).view(np.uint64)
    assert np.array_equal(canonical_bits(numbers), expected)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 64))
def test_filled_counts_bins(values: list[int], shift: int) -> None:
    keys = np.sort(np.array(values, np.uint64))
    assert filled(keys, shift) == len({value >> shift for value in values})


@given(ANY, st.integers(1, 12))
def test_counting_sorted_keys_is_joining_them_one_by_one(values: list[float], limit: int) -> None:
    keys = sorted_keys(np.array(values, np.float64))
    assert_counted_one_by_one(keys, limit)


@pytest.mark.parametrize("name", ["normal", "prices", "atoms", "whole"])
def test_many_keys_are_counted_like_few(name: str) -> None:
    draw = np.random.default_rng(4)
    numbers = {
        "normal": draw.normal(size=30_000),
        "prices": np.round(draw.lognormal(3, 1, 30_000), 2),
        "atoms": draw.binomial(1, 0.5, 30_000) * draw.normal(size=30_000),
        "whole": draw.integers(0, 100, 30_000).astype(np.float64),
    }[name]
    keys = sorted_keys(numbers)
    assert_counted_one_by_one(keys, 512)
