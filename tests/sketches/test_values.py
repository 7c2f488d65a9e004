"""Value counts are exact; above the limit they are exact for the values kept."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch_blocks import block_of

from poisonguard.sketches.values import VALUE_PREFIX, ValueCounts, ValueHashes, repeated


def state_of(sketch: ValueCounts, values: pa.Array) -> pa.Table:
    return sketch.finished(sketch.fold(block_of(pa.table({"x": values}))))


@given(values=st.lists(st.sampled_from(["a", "b", "c", "ä", ""]), max_size=30))
def test_counts_what_is_there(values: list[str]) -> None:
    state = state_of(ValueCounts("x"), pa.array(values, pa.string()))
    assert dict(zip(state["value"].to_pylist(), state["count"].to_pylist(), strict=True)) == Counter(values)


@given(values=st.lists(st.integers(0, 200), min_size=60, max_size=300))
def test_counts_of_kept_values_are_exact(values: list[int]) -> None:
    sketch = ValueCounts("x", limit=20)
    state = state_of(sketch, pa.array(values))
    truth = Counter(map(str, values))
    assert state.num_rows == min(20, len(truth))
    assert all(truth[row["value"]] == row["count"] for row in state.to_pylist())
    assert sketch.is_complete(state) == (len(truth) < 20)


def test_estimates_distinct_values() -> None:
    sketch = ValueCounts("x", limit=1000)
    state = state_of(sketch, pa.array(range(50_000)))
    assert sketch.distinct(state) == pytest.approx(50_000, rel=0.1)


def test_one_is_one_in_integers_and_floats() -> None:
    whole = state_of(ValueCounts("x"), pa.array([1, 0]))
    floats = state_of(ValueCounts("x"), pa.array([1.0, -0.0, None, float("nan")]))
    assert whole.equals(floats)


def test_numbers_are_counted_as_their_hashes_are() -> None:
    numbers = [0, 1, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, 1]
    whole = state_of(ValueCounts("x"), pa.array(numbers))
    small = state_of(ValueCounts("x"), pa.array(numbers[:3]))
    assert whole.num_rows == 7
    shared = dict(zip(whole["hash"].to_pylist(), whole["value"].to_pylist(), strict=True))
    assert all(
        shared[key] == value for key, value in zip(*map(pa.ChunkedArray.to_pylist, small.columns[:2]), strict=True)
    )


def test_texts_are_made_when_all_is_merged() -> None:
    sketch = ValueCounts("x", limit=4)
    parts = [sketch.fold(block_of(pa.table({"x": pa.array(values)}))) for values in ([0.5, 1.0], [1.0, 2.5], [-7.0])]
    merged = sketch.merge([sketch.merge([]), *parts])
    assert merged["value"].type == pa.float64()
    finished = sketch.finished(merged)
    texts = dict(zip(finished["value"].to_pylist(), finished["count"].to_pylist(), strict=True))
    assert texts == {"0.5": 1, "1": 2, "2.5": 1, "-7": 1}
    assert sketch.finished(sketch.merge([]))["value"].type == pa.string()


def test_long_values_are_cut_to_show_and_hashed_whole() -> None:
    stem = "a" * VALUE_PREFIX
    state = state_of(ValueCounts("x"), pa.array([stem + "b", stem + "c"]))
    assert state["value"].to_pylist() == [stem, stem]
    assert state["count"].to_pylist() == [1, 1]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([b"\xff"]), ["ff"]),
        (pa.array([[1, 2]]), ["[1, 2]"]),
        (pa.array([True]), ["true"]),
        (pa.array(["a"]).dictionary_encode(), ["a"]),
    ],
)
def test_every_type_has_a_text(values: pa.Array, texts: list[str]) -> None:
    assert state_of(ValueCounts("x"), values)["value"].to_pylist() == texts


@given(values=st.lists(st.none() | st.integers(0, 20), max_size=30))
def test_repeated_counts_every_row_of_a_repeated_value(values: list[int | None]) -> None:
    state = ValueHashes("x").fold(block_of(pa.table({"x": pa.array(values, pa.int64())})))
    truth = Counter(value for value in values if value is not None)
    assert repeated(state) == sum(count for count in truth.values() if count > 1)
