"""The model of growth says what a straight line says, and never that more data take less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scaling_model import Growth, fitted

SIZES = (10.0, 20.0, 40.0)


@given(st.floats(0.01, 1e6), st.floats(0, 1e6))
def test_a_line_is_found_again(start: float, each: float) -> None:
    line = fitted(SIZES, [start + each * size for size in SIZES])
    assert line.at(80) == pytest.approx(start + each * 80, rel=1e-6)


def test_what_seems_to_fall_is_level() -> None:
    line = fitted(SIZES, [3.0, 2.0, 1.0])
    assert line.each == 0
    assert line.at(1e9) == pytest.approx(2.0)


def test_small_sizes_count_as_much_as_large_ones() -> None:
    line = fitted(SIZES, [1.0, 2.0, 40.0])
    assert line.at(10) < 2


def test_growth_names_its_figures() -> None:
    figures = [{"processor": 5 + 0.1 * size, "peak": 500.0, "store": 8 * size, "units": 3.0} for size in SIZES]
    growth = Growth.of(SIZES, figures)
    assert growth.at(100) == pytest.approx({"processor": 15.0, "peak": 500.0, "store": 800.0, "units": 3.0})
    assert growth.core_hours(360_000) == pytest.approx(10.0, rel=0.01)
