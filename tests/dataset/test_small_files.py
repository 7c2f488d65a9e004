"""Small files read together give what each gives alone; those that come and go concern few of their neighbours."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset import runs, tables
from poisonguard.dataset.opening import Dataset, open_dataset
from poisonguard.errors import DataChanged, UnreadableData
from poisonguard.sketches.base import Block

Rows = list[dict[str, Any]]


def csv(path: Path, rows: Rows) -> None:
    path.with_suffix(".csv").write_text("a,b\n" + "".join(f"{row['a']},{row['b']}\n" for row in rows))


def lines(path: Path, rows: Rows) -> None:
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def packed(path: Path, rows: Rows) -> None:
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"".join(b"%d,x\n" % row["a"] for row in rows)))


def parquet(path: Path, rows: Rows) -> None:
    schema = pa.schema([("b", pa.string()), ("a", pa.int64()), ("c", pa.float64())])
    table = pa.Table.from_pylist([{**row, "c": row["a"] / 2} for row in rows], schema=schema)
    pq.write_table(table, path.with_suffix(".parquet"), row_group_size=2)


def other(path: Path, rows: Rows) -> None:
    path.with_suffix(".bin").write_bytes(b"\0" + bytes(len(rows)))


WRITERS: tuple[Callable[[Path, Rows], None], ...] = (csv, lines, packed, parquet, other)


def write(folder: Path, files: list[tuple[int, int]]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, (kind, count) in enumerate(files):
        rows = [{"a": 10 * number + row, "b": f"t{row % 2}"} for row in range(count)]
        WRITERS[kind](folder / f"{number:03d}", rows if kind != 1 else rows or [{"a": number, "b": "x"}])
    return folder


def found(dataset: Dataset, columns: list[str] | None = None) -> dict[tuple[int, int], Any]:
    """Every row, by its file and its place in it."""
    rows: dict[tuple[int, int], Any] = {}
    for partition in dataset.partitions():
        for batch in dataset.read(partition, columns):
            block = Block(batch.file, batch.first_row, batch.table, np.zeros((0, 32), np.uint8), counts=batch.counts)
            places = zip(*(place.tolist() for place in block.places()), strict=True)
            rows.update(zip(places, batch.table.to_pylist(), strict=True))
    return rows


def read(folder: Path, small: int, columns: list[str] | None = None) -> tuple[Any, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "SMALL", small)
        with open_dataset(str(folder)) as dataset:
            return found(dataset, columns), dataset.schema, dataset.notes, list(dataset.files.tables)


@settings(max_examples=25, deadline=None)
@given(
    files=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=14),
    bounds=st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 7)),
    columns=st.sampled_from([None, ["b"], ["b", "a"]]),
)
def test_files_read_together_are_as_each_alone(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[int, int]],
    bounds: tuple[int, int, int],
    columns: list[str] | None,
) -> None:
    folder = write(tmp_path_factory.mktemp("data"), [*files, (0, 3), (3, 3)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ENDS", bounds[0])
        patch.setattr(tables, "RUN_FILES", bounds[1])
        patch.setattr(runs, "BLOCK_ROWS", bounds[2])
        assert read(folder, 1 << 16, columns) == read(folder, 0, columns)


def names(folder: Path) -> dict[str, str]:
    """Name of the partition that each file is in, by its path."""
    with open_dataset(str(folder)) as dataset:
        items = list(dataset.files)
        return {
            items[file].path: dataset.name_of(partition)
            for partition in dataset.partitions()
            for file in range(partition.file, partition.file + partition.files)
        }


def test_a_file_that_comes_renames_no_partition_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ENDS", 8)
    folder = write(tmp_path / "data", [(1, 2)] * 120)
    before = names(folder)
    assert 5 < len(set(before.values())) < 40
    (folder / "060-more.jsonl").write_text('{"a": 7, "b": "new"}\n')
    after = names(folder)
    changed = {path for path, name in before.items() if after[path] != name}
    assert len({before[path] for path in changed}) <= 2
    assert set(before) - changed > {"000.jsonl", "119.jsonl"}


def test_tables_of_full_runs_do_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ENDS", 4)
    with open_dataset(str(write(tmp_path / "data", [(0, 2)] * 60))) as dataset:
        held = dataset.files.tables
        assert len(held._open) < 30
        assert not held._large
        assert len(held.kinds) == 1
        assert len(held) == 60
        assert [held[number][0] for number in (0, 59)] == ["000.csv", "059.csv"]
        assert 60 not in held


def test_a_small_file_that_unfolds_comes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0.csv").write_text("a,b\n1,x\n")
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,x\n" * 150_000))
    (tmp_path / "2.csv").write_text("a,b\n1,x\n")
    assert (tmp_path / "1.csv.gz").stat().st_size < tables.SMALL
    monkeypatch.setattr(tables, "ENDS", 1 << 32)
    with open_dataset(str(tmp_path)) as dataset:
        (partition,) = dataset.partitions()
        batches = [(batch.file, batch.first_row, batch.table.num_rows) for batch in dataset.read(partition)]
    assert [item for item in batches if item[0] != 1] == [(0, 0, 1), (2, 0, 1)]
    assert sum(rows for file, _, rows in batches if file == 1) == 150_000
    assert max(rows for *_, rows in batches) == 65_536


def test_a_file_of_a_run_that_changes_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [(0, 2)] * 5)
    with open_dataset(str(folder)) as dataset:
        (folder / "003.csv").write_text("a,b\n9,z\n9,z\n")
        with pytest.raises((DataChanged, UnreadableData), match=r"003\.csv"):
            found(dataset)
