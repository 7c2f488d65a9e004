"""Content hashes: equal rows share a key, whatever the cut and however many columns."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.sketches.base import Block
from poisonguard.sketches.contents import PARTS, ContentHashes, null_key, part_terms, row_keys

rows = st.fixed_dictionaries({"a": st.none() | st.integers(0, 2), "b": st.none() | st.sampled_from(["x", "y", ""])})
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])


def fold(table: pa.Table, sketch: ContentHashes) -> pa.Table:
    arrays = [table[name].combine_chunks() for name in sketch.contents]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(sketch.contents))
    return sketch.fold(Block(0, 0, batch, np.zeros((table.num_rows, 32), np.uint8)))


@settings(deadline=None)
@given(st.lists(rows, max_size=10), st.lists(st.integers(0, 10), max_size=3))
def test_laws_and_equality(found: list[dict[str, object]], cuts: list[int]) -> None:
    sketch = ContentHashes(("a", "b"))
    table = pa.Table.from_pylist(found, schema=SCHEMA)
    whole = fold(table, sketch)
    whole.validate(full=True)
    assert sketch.merge([whole]).equals(whole)
    edges = sorted({0, len(found), *(cut for cut in cuts if cut < len(found))})
    parts = [fold(table.slice(start, stop - start), sketch) for start, stop in itertools.pairwise(edges)]
    merged = sketch.merge(parts)
    assert merged.equals(whole) or not parts
    keys = row_keys(merged).tolist()
    assert len(set(keys)) == len({(row["a"], row["b"]) for row in found})


@pytest.mark.parametrize("columns", [1, PARTS, PARTS + 1, 50])
def test_wide_tables_are_divided_into_parts(columns: int) -> None:
    names = tuple(f"c{number}" for number in range(columns))
    sketch = ContentHashes(names)
    assert sorted(name for group in sketch.groups for name in group) == sorted(names)
    base = {name: [1, 1] for name in names}
    for changed in names:
        state = fold(pa.table({**base, changed: [1, 2]}), sketch)
        first, second = row_keys(state)
        assert first != second
        terms = next(iter(part_terms(state)))
        assert terms.shape == (2, min(columns, PARTS))
        assert (terms[0] != terms[1]).sum() == 1, "a change in one column changes one part"


def test_state_of_nothing() -> None:
    empty = ContentHashes(("a",)).merge([])
    assert row_keys(empty).shape == (0,)


def test_the_key_of_a_null() -> None:
    sketch = ContentHashes(("b",))
    state = fold(pa.table({"b": pa.array(["x", None, ""])}), sketch)
    assert (row_keys(state) == null_key(sketch)).tolist() == [False, True, False]
