"""Every sketch keeps the laws of ``poisonguard.sketches.base``; add a new sketch to ``SKETCHES``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sketch_blocks import block_of

from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.number_bins import NumberBins
from poisonguard.sketches.pairs import PairCounts
from poisonguard.sketches.pictures import PictureColumns, PictureSample, Shape
from poisonguard.sketches.profile import ColumnProfile
from poisonguard.sketches.row_runs import RowRuns
from poisonguard.sketches.row_values import RowValues
from poisonguard.sketches.rules import Rule, RuleCounts
from poisonguard.sketches.sample import RowSample
from poisonguard.sketches.values import ValueCounts, ValueHashes

SCHEMA = pa.schema(
    [
        ("number", pa.float64()),
        ("integer", pa.int64()),
        ("flag", pa.bool_()),
        ("text", pa.string()),
        ("label", pa.string()),
        ("url", pa.string()),
        ("time", pa.timestamp("us")),
        ("nested", pa.list_(pa.int64())),
    ]
)
LIMIT = 3
"""Small, so that a dozen rows already overflow a bounded sketch."""

SKETCHES: Sequence[Sketch] = (
    RowSample(limit=LIMIT),
    *(ColumnProfile(name) for name in SCHEMA.names),
    *(ValueCounts(name, limit=LIMIT) for name in SCHEMA.names),
    ValueCounts("text"),
    ValueHashes("text"),
    *(NumberBins(name, limit=limit) for name in ("number", "integer", "flag", "text") for limit in (1, LIMIT, 4096)),
    PairCounts("text", "label", limit=LIMIT),
    PairCounts("label", "number"),
    PairCounts("url", "label", host=True),
    RowRuns(tuple(SCHEMA.names)),
    RowValues("number"),
    RowValues("url", host=True),
    PictureSample(PictureColumns(Shape.LIST, ("nested",)), "label", limit=LIMIT),
    PictureSample(PictureColumns(Shape.PIXELS, ("number",)), "label", limit=LIMIT),
    RuleCounts(Rule("text", "match_regex", (("regex", "a"),))),
    RuleCounts(Rule("number", "between", (("max_value", 1), ("min_value", 0)))),
)
texts = st.none() | st.sampled_from(["", "a", "ab", "b", "ä", "nan", "日本"])
urls = st.none() | st.sampled_from(["https://A.example/x", "http://b.example:80/", "//c.example", "no url", ""])
rows = st.fixed_dictionaries(
    {
        "number": st.none() | st.sampled_from([0.0, -0.0, 1.0, 0.5, -2.0, float("nan"), float("inf"), 1e300]),
        "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "text": texts,
        "label": texts,
        "url": urls,
        "time": st.none() | st.sampled_from([0, 1, 10**15]),
        "nested": st.none() | st.lists(st.integers(0, 3), max_size=2),
    }
)
tables = st.lists(rows, max_size=12).map(lambda found: pa.Table.from_pylist(found, schema=SCHEMA))


@settings(max_examples=40, deadline=None)
@given(table=tables, cuts=st.lists(st.integers(0, 12), max_size=4))
def test_laws(table: pa.Table, cuts: list[int]) -> None:
    edges = sorted({0, table.num_rows, *(cut for cut in cuts if cut < table.num_rows)})
    parts = [block_of(table.slice(start, stop - start), start) for start, stop in itertools.pairwise(edges)]
    for sketch in SKETCHES:
        check_laws(sketch, block_of(table), parts)


def check_laws(sketch: Sketch, block: Block, parts: Sequence[Block]) -> None:
    whole = sketch.fold(block)
    assert same(sketch.merge([whole]), whole), f"identity of {sketch.key}"
    pieces = [sketch.fold(part) for part in parts]
    if pieces:
        assert same(sketch.merge(pieces), whole), f"partition of {sketch.key}"
        grouped = [sketch.merge(pieces[:2]), *pieces[2:]]
        assert same(sketch.merge(grouped), whole), f"associativity of {sketch.key}"


@settings(max_examples=40, deadline=None)
@given(table=tables, cuts=st.lists(st.integers(0, 12), max_size=6), most=st.sampled_from([1, LIMIT, 100]))
def test_files_folded_together_are_as_each_alone(table: pa.Table, cuts: list[int], most: int) -> None:
    edges = sorted([0, table.num_rows, *(cut for cut in cuts if cut < table.num_rows)])
    spans = list(itertools.pairwise(edges))
    together = replace(block_of(table), file=2, counts=tuple(stop - start for start, stop in spans))
    alone = [replace(block_of(table.slice(start, stop - start)), file=2 + n) for n, (start, stop) in enumerate(spans)]
    for sketch in (*SKETCHES, RowRuns(tuple(SCHEMA.names), most=most)):
        states = [sketch.fold(block) for block in alone if block.table.num_rows]
        if states:
            assert same(sketch.merge(states), sketch.fold(together)), sketch.key
            moved = [sketch.moved(state, 5) for state in states]
            assert same(sketch.merge(moved), sketch.moved(sketch.fold(together), 5)), sketch.key


def same(left: pa.Table, right: pa.Table) -> bool:
    """Equality to which NaN is NaN."""
    return left.schema.equals(right.schema) and repr(left.to_pylist()) == repr(right.to_pylist())


@pytest.mark.parametrize("sketch", SKETCHES, ids=lambda sketch: sketch.key)
def test_the_state_of_nothing_is_neutral(sketch: Sketch) -> None:
    table = pa.Table.from_pylist([{"number": 1.0, "text": "a", "label": "b", "url": "//h/"}], schema=SCHEMA)
    state, empty = sketch.fold(block_of(table)), sketch.merge([])
    assert empty.num_rows in {0, 1}
    assert same(sketch.merge([empty]), empty)
    joined = sketch.merge([empty, state])
    assert joined.select(state.column_names).to_pylist() == state.to_pylist()
