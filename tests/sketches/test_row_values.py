"""Every row's value as the counting sketches have it, in row order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sketch_blocks import block_of

from poisonguard.sketches.pairs import PairCounts
from poisonguard.sketches.row_values import RowValues, value_places
from poisonguard.sketches.values import ValueCounts

TABLE = pa.table({"source": ["b", None, "a", "b"], "url": ["https://A.example/x", "no url", "//b.example", None]})


@pytest.mark.parametrize("counts", [ValueCounts("source"), PairCounts("source", "source")])
def test_places_are_those_of_the_counted_values(counts: ValueCounts | PairCounts) -> None:
    block = block_of(TABLE)
    state = counts.fold(block)
    names = state.column(1 if isinstance(counts, ValueCounts) else 2).to_pylist()
    (places,) = value_places(RowValues("source").fold(block), state.column(0).to_numpy())
    assert [names[place] if place >= 0 else None for place in places.tolist()] == ["b", None, "a", "b"]


def test_hosts_are_values_too() -> None:
    state = RowValues("url", host=True).fold(block_of(TABLE))
    assert [value is None for value in state["hash"].to_pylist()] == [False, True, False, True]


def test_a_value_that_was_not_counted_has_no_place() -> None:
    (places,) = value_places(RowValues("source").fold(block_of(TABLE)), np.zeros(0, np.uint64))
    assert places.tolist() == [-1] * 4
