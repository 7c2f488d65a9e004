"""The order of hashes is the stable one, also of hashes that are hard to tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.ordering import order_of, smallest_places


@given(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2, 3, 2**64 - 1]), max_size=50))
def test_is_the_stable_order(values: list[int]) -> None:
    hashes = np.array(values, np.uint64)
    assert np.array_equal(order_of(hashes), np.argsort(hashes, kind="stable"))


@pytest.mark.parametrize("rows", [2, 3, 1000, 70_000])
def test_many_with_repetitions(rows: int) -> None:
    hashes = np.random.default_rng(rows).integers(0, 2**64, rows, np.uint64)
    hashes = hashes[np.random.default_rng(1).integers(0, rows, rows)]
    assert np.array_equal(order_of(hashes), np.argsort(hashes, kind="stable"))


@pytest.mark.parametrize("distinct", [1, 50, 400, 5000])
def test_the_smallest_places_hold_every_one_of_the_smallest(distinct: int) -> None:
    draw = np.random.default_rng(distinct)
    hashes = draw.integers(0, 2**64, distinct, np.uint64)[draw.integers(0, distinct, 5000)]
    places = smallest_places(hashes, 100)
    wanted = np.unique(hashes)[:100]
    assert np.array_equal(np.flatnonzero(np.isin(hashes, wanted)), places[np.isin(hashes[places], wanted)])
    assert len(places) == len(hashes) or len(np.unique(hashes[places])) >= 100
