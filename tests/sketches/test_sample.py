"""The row sample: how many rows, how many bytes, and what is never kept."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch_blocks import block_of

from poisonguard.sketches import sample as module
from poisonguard.sketches.sample import HASH_COLUMN, RowSample, holds_binary, sample_hashes


def lengths(state: pa.Table) -> list[int]:
    return [len(text or "") for text in state["text"].to_pylist()]


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=25),
    cuts=st.lists(st.integers(0, 25), max_size=4),
    most=st.integers(1, 500),
)
def test_a_budget_keeps_the_laws_and_the_smallest_hashes(sizes: list[int], cuts: list[int], most: int) -> None:
    table = pa.table(
        {"text": [chr(97 + place % 26) * size for place, size in enumerate(sizes)], "flag": [True] * len(sizes)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_BYTES", most)
        sketch, whole = RowSample(), RowSample().fold(block_of(table))
        edges = sorted({0, len(sizes), *(cut for cut in cuts if cut < len(sizes))})
        parts = [sketch.fold(block_of(table.slice(a, b - a), a)) for a, b in itertools.pairwise(edges)]
        assert sketch.merge(parts).to_pylist() == whole.to_pylist()
        assert sketch.merge([sketch.merge(parts[:2]), *parts[2:]]).to_pylist() == whole.to_pylist()
    everything = np.sort(block_of(table).hashes)
    assert sample_hashes(whole).tolist() == everything[: whole.num_rows].tolist()
    reached = np.cumsum([length + 9 for length in lengths(whole)])
    assert whole.num_rows == len(sizes) or reached[-1] >= most
    assert whole.num_rows == 1 or reached[-2] < most


def test_long_texts_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    table = pa.table({"text": [f"{number:05d}" * 2_000 for number in range(2_000)]})
    state = RowSample().fold(block_of(table))
    assert 1 << 20 <= sum(lengths(state)) < (1 << 20) + 20_000
    assert state.nbytes < 2 << 20, "what was cut off is let go"


def test_bytes_are_not_kept_and_the_rest_of_such_rows_is() -> None:
    picture = {"bytes": b"x" * 10_000, "path": "a.png"}
    table = pa.table({"label": ["a", "b"], "image": [b"x" * 10_000] * 2, "held": [picture] * 2, "list": [[b"y"], []]})
    state = RowSample().fold(block_of(table))
    assert state.column_names == [HASH_COLUMN, "label"]
    assert sorted(state["label"].to_pylist()) == ["a", "b"]


def test_rows_of_nothing_but_bytes_still_have_their_hashes() -> None:
    table = pa.table({"image": [b"1", b"2", b"3"]})
    state = RowSample().fold(block_of(table))
    assert state.column_names == [HASH_COLUMN]
    assert state.num_rows == 3


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (pa.binary(), True),
        (pa.list_(pa.struct([("a", pa.binary())])), True),
        (pa.map_(pa.string(), pa.binary()), True),
        (pa.list_(pa.struct([("a", pa.string())])), False),
        (pa.null(), False),
    ],
)
def test_which_types_hold_bytes(kind: pa.DataType, held: bool) -> None:  # noqa: FBT001 - a table
    assert holds_binary(kind) is held
