"""Bins follow from the numbers alone; distances read from them are certified."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sketch_blocks import block_of

from poisonguard.kernels.floatbins import counted
from poisonguard.kernels.floatkeys import numbers_of, ordered_keys
from poisonguard.sketches.number_bins import Distribution, NumberBins, kolmogorov, read_bins

FLOATS = st.floats(allow_nan=False, width=64)


def binned(values: object, limit: int = 4096) -> Distribution:
    return read_bins(NumberBins("x", limit).fold(block_of(pa.table({"x": pa.array(values)}))))


@given(st.lists(FLOATS, min_size=1, max_size=50))
def test_keys_order_like_numbers_and_lead_back(values: list[float]) -> None:
    numbers = np.array(values)
    keys = ordered_keys(numbers)
    assert np.array_equal(np.sort(numbers), numbers[np.argsort(keys, kind="stable")])
    assert np.array_equal(numbers_of(keys), numbers)


def test_minus_zero_is_zero() -> None:
    assert ordered_keys(np.array([-0.0])) == ordered_keys(np.array([0.0]))


@given(st.lists(FLOATS, min_size=2, max_size=60, unique=True), st.integers(1, 20))
def test_the_shift_is_the_least_that_fits(values: list[float], limit: int) -> None:
    keys = np.unique(ordered_keys(np.array(values)))
    shift = counted(keys, limit).shift
    filled = [len(np.unique(keys >> np.uint64(bits))) if bits < 64 else 1 for bits in range(65)]
    assert filled[shift] <= limit
    assert shift == 0 or filled[shift - 1] > limit


def test_few_numbers_are_counted_one_by_one() -> None:
    found = binned([1, 2, 2, None, 5])
    assert (found.bins.shift, found.error) == (0, 0.0)
    assert numbers_of(found.bins.high).tolist() == [1, 2, 5]
    assert found.bins.counts.tolist() == [1, 2, 1]


@pytest.mark.parametrize("values", [["a"], [None], [float("nan")], []])
def test_what_is_no_number_is_not_counted(values: list[object]) -> None:
    assert binned(pa.array(values, pa.string() if values == ["a"] else pa.float64())).rows == 0


@pytest.mark.parametrize("name", ["normal", "lognormal", "uniform", "timestamps", "heavy", "atoms"])
def test_a_distance_is_short_by_no_more_than_its_error(name: str) -> None:
    draw = np.random.default_rng(1)
    sides = [
        {
            "normal": draw.normal(shift, 1, 60_000),
            "lognormal": draw.lognormal(shift, 2, 60_000),
            "uniform": draw.random(60_000) + shift,
            "timestamps": 1.6e9 + draw.random(60_000) * 1e6 + shift * 1e6,
            "heavy": draw.standard_cauchy(60_000) + shift,
            "atoms": np.where(draw.random(60_000) < 0.4, 0.5, draw.normal(shift, 1, 60_000)),
        }[name]
        for shift in (0, 0.1)
    ]
    found = kolmogorov(*(binned(side) for side in sides))
    truth = ks_2samp(*sides).statistic
    assert found.value <= truth + 1e-12
    assert truth <= found.value + found.error
    assert found.error <= 0.005


def test_a_distance_across_widths() -> None:
    wide, few = np.random.default_rng(2).normal(size=50_000), np.array([0.0, 1.0, 1.0])
    found, truth = kolmogorov(binned(wide), Distribution.of(few)), ks_2samp(wide, few).statistic
    assert found.value <= truth <= found.value + found.error


def test_the_median_lies_in_its_bin() -> None:
    values = np.random.default_rng(3).lognormal(0, 1, 50_000)
    assert binned(values).median() == pytest.approx(np.median(values), rel=0.01)
    assert np.isnan(Distribution.of(np.empty(0)).median())
