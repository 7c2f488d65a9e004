"""Shingle sets and signatures as a mergeable, memory-mappable state."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.neighbours import cluster
from poisonguard.sketches.base import Block
from poisonguard.sketches.fingerprints import SCHEMA, ShingleSets, documents, word_counts

texts = st.lists(st.none() | st.text(alphabet="ab 漢😀\u200b", max_size=20), max_size=8)


def fold(table: pa.Table, sketch: ShingleSets) -> pa.Table:
    rows = table.num_rows
    arrays = [table[name].combine_chunks() for name in table.column_names]
    batch = pa.RecordBatch.from_arrays(arrays, names=table.column_names)
    return sketch.fold(Block(0, 0, batch, np.zeros((rows, 32), np.uint8)))


@settings(deadline=None)
@given(texts, st.lists(st.integers(0, 8), max_size=3))
def test_laws(column: list[str | None], cuts: list[int]) -> None:
    sketch = ShingleSets(("text",), size=2)
    table = pa.table({"text": pa.array(column, pa.string())})
    whole = fold(table, sketch)
    whole.validate(full=True)
    assert whole.schema == SCHEMA
    assert sketch.merge([whole]).equals(whole)
    edges = sorted({0, len(column), *(cut for cut in cuts if cut < len(column))})
    parts = [fold(table.slice(start, stop - start), sketch) for start, stop in itertools.pairwise(edges)]
    merged = sketch.merge(parts)
    assert merged.num_rows == (whole.num_rows if parts else 0)
    if parts:
        assert merged.equals(whole)
        assert sketch.merge([sketch.merge(parts[:1]), *parts[1:]]).equals(whole)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_every_way_to_hold_text(kind: pa.DataType) -> None:
    column = pa.array(["a b c d e f", None, "a b c d e f"])
    expected = fold(pa.table({"text": column}), ShingleSets(("text",)))
    assert fold(pa.table({"text": column.cast(kind)}), ShingleSets(("text",))).equals(expected)


def test_several_columns_are_one_document() -> None:
    apart = pa.table({"prompt": ["one two", "one two", None], "response": ["three four", None, None]})
    joined = pa.table({"text": ["one two\nthree four", "one two", ""]})
    state = fold(apart, ShingleSets(("prompt", "response")))
    assert state.equals(fold(joined, ShingleSets(("text",))))
    assert np.concatenate(list(word_counts(state))).tolist() == [4, 2, 0]


@contextmanager
def allocating_from(pool: pa.MemoryPool) -> Iterator[None]:
    """Arrow takes its memory there: what other tests free meanwhile is not counted."""
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        yield
    finally:
        pa.set_memory_pool(usual)


OWN_POOL = pa.proxy_memory_pool(pa.default_memory_pool())


def test_documents_stay_in_the_memory_map(tmp_path: Path) -> None:
    """As the engine hands bulky states out: one record batch per block, in a file."""
    sketch = ShingleSets(("text",))
    long = "the quick brown fox jumps over the lazy dog and runs away into the deep dark wood"
    parts = [fold(pa.table({"text": batch}), sketch) for batch in ([long, "short"], ["other words entirely"], [long])]
    with pa.ipc.new_file(str(tmp_path / "state.arrow"), SCHEMA) as writer:
        for part in parts:
            writer.write_table(part)
    with allocating_from(OWN_POOL):
        state = pa.ipc.open_file(pa.memory_map(str(tmp_path / "state.arrow"))).read_all()
        found = documents(state)
        assert len(found) == 4
        assert OWN_POOL.bytes_allocated() == 0
    assert cluster(found, threshold=0.8, seed=1).labels.tolist() == [0, 1, 2, 0]
    assert cluster(documents(state.slice(1), state), threshold=0.8, seed=1).labels.tolist() == [0, 1, 2, 2, 0, 1, 2]


def test_the_request_names_every_parameter() -> None:
    assert ShingleSets(("a",)).key != ShingleSets(("b",)).key
    assert ShingleSets(("a",), size=1).key != ShingleSets(("a",), size=2).key
    assert ShingleSets(("a", "b")).columns == ("a", "b")
    assert ShingleSets.bulky
