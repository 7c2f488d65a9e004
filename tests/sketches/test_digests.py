"""Row digests as the engine and the manifest use them."""

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.sketches.base import Block
from poisonguard.sketches.digests import RowDigests


def block_of(digests: np.ndarray, first_row: int = 0) -> Block:
    batch = pa.record_batch({"n": pa.array(range(len(digests)), pa.int64())})
    return Block(0, first_row, batch, digests)


@given(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3))
def test_digests_in_order_whatever_the_cut(rows: int, cuts: list[int]) -> None:
    digests = np.arange(rows * 32, dtype=np.uint8).reshape(rows, 32)
    edges = [0, *sorted(cut for cut in cuts if cut < rows), rows]
    sketch = RowDigests()
    parts = [sketch.fold(block_of(digests[start:stop], start)) for start, stop in itertools.pairwise(edges)]
    merged = sketch.merge(parts)
    assert merged.column_names == ["digest"]
    assert merged.schema.field("digest").type == pa.binary(32)
    assert merged["digest"].to_pylist() == [digest.tobytes() for digest in digests]
    assert sketch.merge([merged]).equals(merged)


def test_no_rows() -> None:
    empty = RowDigests().merge([])
    assert empty.num_rows == 0
    assert empty.schema.field("digest").type == pa.binary(32)


def test_reads_no_column_and_is_kept_on_disk() -> None:
    assert RowDigests().columns == ()
    assert RowDigests.bulky
    assert RowDigests().key == "RowDigests()"


def test_a_view_of_digests_is_taken_as_it_is() -> None:
    digests = np.arange(4 * 64, dtype=np.uint8).reshape(4, 64)[:, 32:]
    state = RowDigests().fold(block_of(digests))
    assert state["digest"].to_pylist() == [row.tobytes() for row in digests]
