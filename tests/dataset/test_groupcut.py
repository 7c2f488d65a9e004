"""Parquet and Arrow files in two halves: together they hold every row once, for any choice and any cut into groups."""

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.groupcut import Groups, cut_groups, digest_of_rows, joined_groups
from poisonguard.workflow.quarantine_files import sources_of

ROWS = 20


def table() -> pa.Table:
    words = pa.array([f"w{row % 3}" if row % 5 else None for row in range(ROWS)])
    return pa.table(
        {
            "word": words.dictionary_encode(),
            "list": pa.array([[row, None] if row % 2 else [] for row in range(ROWS)], pa.list_(pa.int16())),
            "struct": [{"a": float("nan") if row == 3 else row / 7} for row in range(ROWS)],
        }
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.sets(st.integers(0, ROWS - 1)))
def test_the_halves_are_joined_to_the_whole(sizes: list[int], gone: set[int]) -> None:
    borders = np.cumsum([0, *sizes])
    groups = [table().slice(start, stop - start) for start, stop in pairwise(borders)]
    rows = sum(len(group) for group in groups)
    going = np.array(sorted(row for row in gone if row < rows), np.int64)
    stays, goes = list[pa.Table](), list[pa.Table]()
    found = cut_groups(groups, going, stays.append, goes.append)  # type: ignore[arg-type]  # a list is enough
    whole = list(joined_groups(stays, goes, going, found))
    schema = table().schema
    assert digest_of_rows(whole, schema, "x") == digest_of_rows(groups, schema, "x")
    assert [len(group) for group in whole] == [len(group) for group in groups if len(group)]
    assert sum(map(len, goes)) == going.size


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("kind", ["arrow", "arrow-stream"])
def test_the_codec_of_an_arrow_file_is_found(tmp_path: Path, kind: str, codec: str | None) -> None:
    path = tmp_path / "a.arrow"
    plain = table().drop_columns(["word"])
    new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
    with new(str(path), plain.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(plain, max_chunksize=7)
    groups = Groups(sources_of(path)["a.arrow"], kind)
    sink = io.BytesIO()
    with groups.writer(sink) as write:
        for group in groups:
            write(group)
    assert sink.getvalue() == path.read_bytes()


def test_how_a_parquet_file_was_written_stays(tmp_path: Path) -> None:
    path, again = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(
        table(),
        path,
        row_group_size=7,
        compression={"word": "gzip", "list.list.element": "none", "struct.a": "zstd"},
        use_dictionary=["word"],
        version="1.0",
        write_page_index=True,
        sorting_columns=[pq.SortingColumn(0)],
    )
    groups = Groups(sources_of(path)["a.parquet"], "parquet")
    with again.open("wb") as sink, groups.writer(sink) as write:
        for group in groups:
            write(group)
    before, after = pq.ParquetFile(path), pq.ParquetFile(again)
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert (after.num_row_groups, after.metadata.format_version) == (3, "1.0")
    for number in range(3):
        one, other = before.metadata.row_group(0).column(number), after.metadata.row_group(0).column(number)
        assert (other.compression, other.encodings, other.has_column_index) == (
            one.compression,
            one.encodings,
            one.has_column_index,
        )
    assert after.metadata.row_group(0).sorting_columns == before.metadata.row_group(0).sorting_columns
