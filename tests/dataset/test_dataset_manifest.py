"""Laws of the manifest, end to end: files in, manifest out."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.inventory import Inventory, take_inventory
from poisonguard.attest.listing import entry_line
from poisonguard.dataset import spill
from poisonguard.dataset.manifest import Runs, SortedDigests, file_entries
from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.rows import row_digests
from poisonguard.domain import merkle
from poisonguard.domain.dataset import Manifest
from poisonguard.engine.source import Run
from poisonguard.errors import InternalError


def runs(dataset: Dataset) -> Runs:
    """What the engine hands over."""
    return [
        (file, first_row, row_digests(batch.table)[start : start + rows])
        for partition in dataset.partitions()
        for batch in dataset.read(partition)
        for file, first_row, rows, start in Run(
            batch.file, batch.first_row, batch.table.num_rows, batch.counts
        ).pieces()
    ]


def taken(dataset: Dataset, found: Runs) -> Inventory:
    """The inventory of an open dataset with those rows."""
    with SortedDigests() as rows:
        return take_inventory(
            file_entries(dataset, found, rows),
            hash_profile=dataset.tree.hash_profile,
            columns=dataset.columns,
            rows_digest=rows.digest,
        )


def inventory(location: Path, workers: int = 2) -> Inventory:
    """The inventory of what is at a location."""
    with open_dataset(str(location), workers=workers) as dataset:
        return taken(dataset, runs(dataset))


def manifest(location: Path, workers: int = 2) -> Manifest:
    """The manifest of what is at a location."""
    return inventory(location, workers).manifest


def sample(rows: int = 500) -> pa.Table:
    """Mixed typed columns that every format can carry; no empty strings, which CSV cannot tell from null."""
    dice = random.Random(7)  # noqa: S311 - reproducible, not secret
    some = [None if dice.random() < 0.1 else index for index in range(rows)]
    start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - local times are what is tested
    return pa.table(
        {
            "id": list(range(rows)),
            "zip": [f"{index:05d}" for index in range(rows)],
            "price": [None if value is None else value + 0.25 for value in some],
            "ok": [None if value is None else value % 3 == 0 for value in some],
            "text": [None if value is None else f'row {value}, "quoted"\nand é {"x" * (value % 50)}' for value in some],
            "day": [None if value is None else dt.date(2020, 1, 1) + dt.timedelta(days=value) for value in some],
            "at": [None if value is None else start + dt.timedelta(seconds=value, microseconds=1) for value in some],
        }
    )


def write_jsonl(table: pa.Table, path: Path) -> None:
    lines = (json.dumps(row, default=lambda value: value.isoformat()) for row in table.to_pylist())
    path.write_text("\n".join(lines) + "\n")


def write_gzip(table: pa.Table, path: Path) -> None:
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink)
    path.write_bytes(gzip.compress(sink.getvalue().to_pybytes()))


def write_zstd(table: pa.Table, path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as sink:
        pyarrow.csv.write_csv(table, sink, write_options=pyarrow.csv.WriteOptions(delimiter="\t"))


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


def write_json(table: pa.Table, path: Path) -> None:
    path.write_text(json.dumps(table.to_pylist(), default=lambda value: value.isoformat(), indent=1))


WRITERS: dict[str, Callable[[pa.Table, Path], object]] = {
    "a.parquet": lambda table, path: pq.write_table(table, path, row_group_size=99),
    "a.csv": lambda table, path: pyarrow.csv.write_csv(table, str(path)),
    "a.csv.gz": write_gzip,
    "a.tsv.zst": write_zstd,
    "a.feather": lambda table, path: pyarrow.feather.write_feather(table, str(path)),
    "a.arrows": write_stream,
    "a.jsonl": write_jsonl,
    "a.json": write_json,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_tells_the_same_rows(tmp_path: Path, name: str) -> None:
    table = sample()
    WRITERS[name](table, tmp_path / name)
    made = manifest(tmp_path / name)
    with open_table(table, "memory") as dataset:
        expected = taken(dataset, runs(dataset)).manifest
    assert (made.rows, made.rows_digest) == (500, expected.rows_digest)
    assert [(column.name, column.kind) for column in made.columns] == [(c.name, c.kind) for c in expected.columns]


def test_types_as_stored_do_not_matter(tmp_path: Path) -> None:
    table = sample()
    other = table.select(["text", "at", "ok", "zip", "price", "day", "id"])
    other = other.set_column(0, "text", other["text"].dictionary_encode())
    other = other.set_column(1, "at", other["at"].cast(pa.timestamp("ns")))
    other = other.set_column(3, "zip", other["zip"].cast(pa.large_string()))
    other = other.set_column(6, "id", other["id"].cast(pa.uint16()))
    pq.write_table(other, tmp_path / "b.parquet")
    pq.write_table(table, tmp_path / "a.parquet")
    assert manifest(tmp_path / "a.parquet").rows_digest == manifest(tmp_path / "b.parquet").rows_digest


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_do_not_matter(tmp_path: Path, workers: int) -> None:
    for name, write in WRITERS.items():
        write(sample(200), tmp_path / f"{name.replace('.', '-')}{''.join(Path(name).suffixes)}")
    assert manifest(tmp_path, workers) == manifest(tmp_path, 3)


@settings(deadline=None, max_examples=12)
@given(order=st.permutations(range(40)), cut=st.integers(1, 39), group=st.integers(1, 41))
def test_order_and_partition_do_not_matter(
    order: list[int], cut: int, group: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("law")
    table = sample(40)
    pq.write_table(table, folder / "whole.parquet")
    (folder / "parts").mkdir()
    shuffled = table.take(order)
    pq.write_table(shuffled.slice(0, cut), folder / "parts/1.parquet", row_group_size=group)
    pyarrow.csv.write_csv(shuffled.slice(cut), folder / "parts/2.csv")
    whole, parts = manifest(folder / "whole.parquet"), manifest(folder / "parts")
    assert whole.rows_digest == parts.rows_digest
    assert whole.files_root != parts.files_root


def test_one_cell_or_one_more_copy_changes_the_rows_digest() -> None:
    table = sample(50)
    rows = table.to_pylist()
    found = set()
    for change in ({}, {"price": 3.0}, {"text": None}, {"ok": None}):
        changed = pa.Table.from_pylist([*rows[:-1], {**rows[-1], **change}], schema=table.schema)
        with open_table(changed, "x") as dataset:
            found.add(taken(dataset, runs(dataset)).manifest.rows_digest)
    with open_table(pa.concat_tables([table, table.slice(0, 1)]), "x") as dataset:
        found.add(taken(dataset, runs(dataset)).manifest.rows_digest)
    assert len(found) == 5


def test_swapping_two_names_changes_the_files_root(tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text(f"x,y\n1,{name}\n")
        (tmp_path / name / "b.csv").write_text(f"x,y\n1,{other}\n")
    first, second = manifest(tmp_path / "one"), manifest(tmp_path / "two")
    assert first.rows_digest == second.rows_digest
    assert first.files_root != second.files_root


def test_files_root_is_an_rfc_6962_root_with_names_in_the_leaves(tmp_path: Path) -> None:
    (tmp_path / "é.csv").write_text("x,y\n1,2\n")
    made = inventory(tmp_path)
    (entry,) = made.files
    unit = [[1, entry.units[0].digest]]
    assert json.loads(entry_line(entry)) == ["é.csv", entry.size, entry.sha256, entry.tree_root, "csv", 1, unit]
    assert made.manifest.files_root == merkle.leaf_hash(entry_line(entry)).hex()


def test_units_are_row_groups_and_fixed_blocks(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(150_000), "y": np.arange(150_000)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100_000)
    pyarrow.csv.write_csv(table, tmp_path / "b.csv")
    files = list(inventory(tmp_path).files)
    cuts = [[(unit.first_row, unit.rows) for unit in item.units] for item in files]
    assert cuts[0] == [(0, 65_536), (65_536, 34_464), (100_000, 50_000)]
    assert cuts[1] == [(0, 65_536), (65_536, 65_536), (131_072, 18_928)]
    assert files[0].units[0].digest == files[1].units[0].digest


def test_runs_must_be_whole_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    digests = np.zeros((1, 32), dtype=np.uint8)
    with open_dataset(str(tmp_path)) as dataset:
        for wrong in ([(0, 1, digests)], [(1, 0, digests), (0, 0, digests)], [(0, 0, digests), (0, 2, digests)]):
            with pytest.raises(InternalError):
                taken(dataset, wrong)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(min_size=3, max_size=3), max_size=60), st.randoms(use_true_random=False))
def test_spilling_and_order_do_not_matter(keys: list[bytes], dice: random.Random) -> None:
    def digest(ordered: list[bytes], limit: int) -> str:
        rows = [key[:1] * 8 + key[1:2] * 8 + key[2:] * 16 for key in ordered]
        with SortedDigests(limit) as held:
            for start in range(0, len(rows), 7):
                part = b"".join(rows[start : start + 7])
                held.add(np.frombuffer(part, dtype=np.uint8).reshape(-1, 32))
            return held.digest()

    shuffled = dice.sample(keys, len(keys))
    assert digest(keys, 1 << 30) == digest(shuffled, 1) == digest(shuffled, 500)


def test_files_without_a_table_are_listed_and_the_others_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "BLOCK", 4)
    for index in range(30):
        kind, content = ("csv", f"x,y\n1,{index}\n") if index % 7 == 0 else ("bin", f"\0{index}")
        (tmp_path / f"{index:02d}.{kind}").write_text(content)
    with open_dataset(str(tmp_path)) as dataset:
        made = taken(dataset, runs(dataset))
        assert [item.path for item in dataset.files] == sorted(path.name for path in tmp_path.iterdir())
        assert list(dataset.files.tables) == list(range(0, 30, 7))
        assert dataset.files[14].path == "14.csv"
        assert dataset.files[-1] in dataset.files
        assert dataset.notes == ("25 files hold no table (25 application/octet-stream): hashed, not scanned",)
    assert [(item.path, item.rows) for item in made.files][6:8] == [("06.bin", 0), ("07.csv", 1)]
    assert made.manifest.rows == 5
