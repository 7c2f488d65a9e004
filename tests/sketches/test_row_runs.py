"""Rows in very many files: little is remembered, and soon."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from sketch_blocks import block_of

from poisonguard.sketches.row_runs import MANY_FILES, RowRuns, are_too_many

RUNS = RowRuns(("n",), most=50)


def state(files: int, first: int = 0) -> pa.Table:
    """Of files of two rows each."""
    block = block_of(pa.table({"n": range(2 * first, 2 * (first + files))}))
    return RUNS.fold(replace(block, file=first, counts=(2,) * files))


def test_of_more_files_than_pieces_only_that_is_remembered() -> None:
    few, many = state(50), state(51)
    assert few.num_rows == 50
    assert not are_too_many(few)
    assert are_too_many(many)
    assert many.schema == few.schema
    assert RUNS.moved(many, 7)["file"].to_pylist() == [MANY_FILES]


def test_how_the_files_are_cut_makes_no_difference() -> None:
    whole = state(51)
    assert RUNS.merge([state(30), state(21, 30)]) == whole
    assert RUNS.merge([whole, state(3, 51)]) == whole
    assert RUNS.merge([state(3), RUNS.moved(whole, 3)]) == whole
    assert RUNS.merge([state(30), state(20, 30)]) == state(50)
