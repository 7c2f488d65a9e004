"""Good input of every format: types right over the whole file, dialects, unification, blocks."""

from __future__ import annotations

import datetime as dt
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset import blocks as cutting
from poisonguard.dataset.blocks import blocks, cumulative_bytes
from poisonguard.dataset.formats.delimited import sniff_delimiter
from poisonguard.dataset.formats.textvalues import Narrowest, convert
from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.sniff import sniff
from poisonguard.domain.dataset import Kind
from poisonguard.errors import NothingToScan


def whole(dataset: Dataset) -> pa.Table:
    """Every row."""
    parts = [batch.table for partition in dataset.partitions() for batch in dataset.read(partition)]
    return pa.Table.from_batches(parts, schema=dataset.schema)


def read(folder: Path, **files: bytes | str) -> pa.Table:
    """Write files (``a_csv`` is ``a.csv``) and read them as one table."""
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data if isinstance(data, bytes) else data.encode())
    with open_dataset(str(folder)) as dataset:
        return whole(dataset)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", "-2", None], pa.int64(), [1, -2, None]),
        (["+5", " 6"], pa.int64(), [5, 6]),
        (["1", "NA", "null"], pa.int64(), [1, None, None]),
        (["1", "2.5", "1e3", ".5", "nan"], pa.float64(), None),
        (["01", "2"], pa.string(), ["01", "2"]),
        (["00.5"], pa.string(), ["00.5"]),
        (["0x1f"], pa.string(), ["0x1f"]),
        (["9223372036854775807"], pa.int64(), [2**63 - 1]),
        (["9223372036854775808"], pa.string(), ["9223372036854775808"]),
        (["1234567890123456789", "1.5"], pa.string(), ["1234567890123456789", "1.5"]),
        (["123456789012345678", "1.5"], pa.float64(), None),
        (["99999999999999999999", "1.5"], pa.string(), ["99999999999999999999", "1.5"]),
        (["NA"], pa.string(), ["NA"]),
        (["NA", "x"], pa.string(), ["NA", "x"]),
        ([None, None], pa.null(), [None, None]),
        ([None, "NA"], pa.string(), [None, "NA"]),
        (["true", "FALSE", "None"], pa.bool_(), [True, False, None]),
        (["true", "1"], pa.string(), ["true", "1"]),
        (["2024-02-29"], pa.date32(), [dt.date(2024, 2, 29)]),
        (["2023-02-29"], pa.string(), ["2023-02-29"]),
        (["2024-01-01", "2024-01-01 10:00"], pa.timestamp("us"), None),
        (["2024-01-01T00:00:00.123456789"], pa.timestamp("ns"), None),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00+02:00"], pa.timestamp("us", "UTC"), None),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"], pa.string(), None),
    ],
)
def test_the_narrowest_type(values: list[str | None], kind: pa.DataType, expected: list[object] | None) -> None:
    column = Narrowest()
    for value in values:
        column.watch(pa.array([value], pa.string()))
    together = Narrowest()
    together.watch(pa.array(values, pa.string()))
    assert column.type == together.type == kind
    if expected is not None:
        assert convert(pa.array(values, pa.string()), kind).to_pylist() == expected


def test_types_are_right_over_the_whole_file(tmp_path: Path) -> None:
    rows = 250_000
    lines = "\n".join(f"{index},{index},{index}" for index in range(10, rows))
    table = read(tmp_path, a_csv=f"i,f,s\n{lines}\n1,0.5,007\n")
    assert [str(kind) for kind in table.schema.types] == ["int64", "double", "string"]
    assert table.slice(rows - 10).to_pylist() == [{"i": 1, "f": 0.5, "s": "007"}]
    assert table["s"][0].as_py() == "10"


def test_json_types_are_right_over_the_whole_file(tmp_path: Path) -> None:
    lines = [json.dumps({"i": k, "f": k, "t": "2024-01-01", "u": "2024-01-01", "m": []}) for k in range(140_000)]
    lines.append(json.dumps({"i": 1, "f": 0.5, "t": None, "u": "later", "m": [{"role": "user"}], "new": "x"}))
    table = read(tmp_path, a_jsonl="\n".join(lines))
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds.pop("m").startswith("list<item: struct<role: string>")
    assert kinds == {"i": "int64", "f": "double", "t": "date32[day]", "u": "string", "new": "string"}
    assert table.slice(139_999).to_pylist()[0]["u"] == "2024-01-01"
    assert table.slice(140_000).to_pylist()[0] == {
        "i": 1, "f": 0.5, "t": None, "u": "later", "m": [{"role": "user"}], "new": "x",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y\n",
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty\n",
        "a|b\n1|x\n2|y\n",
        "\ufeffa,b\r\n1,x\r\n2,y\r\n",
        '"a","b"\n"1","x"\n\n2,"y"',
    ],
)
def test_csv_dialects(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, a_csv=text).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_csv_quotes_line_breaks_nulls_and_unnamed_columns(tmp_path: Path) -> None:
    table = read(tmp_path, a_csv=',t\n0,"a ""b""\nc, d"\n1,\n2,""\n')
    assert table.to_pydict() == {"Unnamed: 0": [0, 1, 2], "t": ['a "b"\nc, d', None, None]}


def test_csv_rows_longer_than_a_block(tmp_path: Path) -> None:
    table = read(tmp_path, a_csv="a,b\n1,x\n2," + "y" * (10 << 20) + "\n3,z\n")
    assert table["a"].to_pylist() == [1, 2, 3]
    assert len(table["b"][1].as_py()) == 10 << 20


def test_a_single_column_of_prose_is_not_cut_at_commas() -> None:
    assert sniff_delimiter('text\n"one, two"\n"three; four, five"\n') == ","
    assert sniff_delimiter("a;b\n1,5;2\n2,5;3\n") == ";"


def test_text_types_fall_back_to_string_across_files(tmp_path: Path) -> None:
    table = read(tmp_path, a_csv="zip,n\n12345,1\n", b_csv="zip,n\n01234,2.5\n", c_csv="zip,n\n,\n")
    assert table.to_pydict() == {"zip": ["12345", "01234", None], "n": [1.0, 2.5, None]}


def test_json_times_fall_back_to_string_across_files(tmp_path: Path) -> None:
    table = read(tmp_path, a_jsonl='{"t":"2024-01-01"}\n', b_jsonl='{"t":"soon"}\n')
    assert table.to_pydict() == {"t": ["2024-01-01", "soon"]}


def test_files_are_unified_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1], pa.int8()), "s": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(
        pa.table({"s": pa.array(["b"]).dictionary_encode(), "x": pa.array([2.5]), "y": [dt.date(2024, 1, 1)]}),
        tmp_path / "b.parquet",
    )
    table = read(tmp_path, c_jsonl='{"m":{"k":1}}\n', d_jsonl='{"m":{"l":"z"}}\n')
    assert [str(kind) for kind in table.schema.types[:3]] == ["double", "string", "date32[day]"]
    assert table.to_pylist() == [
        {"x": 1.0, "s": "a", "y": None, "m": None},
        {"x": 2.5, "s": "b", "y": dt.date(2024, 1, 1), "m": None},
        {"x": None, "s": None, "y": None, "m": {"k": 1, "l": None}},
        {"x": None, "s": None, "y": None, "m": {"k": None, "l": "z"}},
    ]


def test_other_files_are_listed_and_noted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "README").write_text("hello, you")
    (tmp_path / "config.json").write_text('{"a": {"b": 1}}\n')
    (tmp_path / "model.txt").write_bytes(b"\x80\x04\x95")
    (tmp_path / "none").touch()
    table = read(tmp_path, a_csv="x,y\n1,2\n")
    assert table.num_rows == 1
    with open_dataset(str(tmp_path)) as dataset:
        formats = {item.path: item.format for item in dataset.files}
        listed = "1 empty, 2 image/png, 1 json-document, 1 pickle, 1 text/plain"
        assert dataset.notes == (f"6 files hold no table ({listed}): hashed, not scanned",)
    assert formats == {
        "a.csv": "csv", "a.png": "image/png", "b.png": "image/png", "README": "text/plain",
        "config.json": "json-document", "model.txt": "pickle", "none": "empty",
    }  # fmt: skip


def test_a_dataset_without_tables_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with open_dataset(str(tmp_path)) as dataset:
        assert (dataset.columns, dataset.partitions()) == ((), ())
        with pytest.raises(NothingToScan, match=r"a\.pdf: no table to scan \(application/pdf\)"):
            dataset.peek()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"cos\nsystem\n(S'x'\ntR.", "pickle"),
        (b"(lp0\nI1\na.", "pickle"),
        (b'{"a":1}\n{"a":2}', "jsonl"),
        (b'{"a":1}', "json-document"),
        (b'{\n "a": 1\n}\n', "json-document"),
        (b'  [\n{"a":1}]', "json"),
        (b"[section]\nkey=1\n", "text/plain"),
        (b"caf\xe9 au lait", "text/plain"),
        (b"\x01\x02\x00", "application/octet-stream"),
    ],
)
def test_sniffing(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("location", "name"),
    [("reviews.csv", "reviews"), ("a.b.csv.gz", "a.b"), ("d", "d"), ("d/", "d"), ("d/*.csv", "d"), ("d/.", "d")],
)
def test_default_names(tmp_path: Path, location: str, name: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x.csv").write_text("a,b\n1,2\n")
    if not location.startswith("d"):
        data = b"a,b\n1,2\n"
        (tmp_path / location).write_bytes(pa.compress(data, codec="gzip", asbytes=True) if "gz" in location else data)
    with open_dataset(f"{tmp_path}/{location}") as dataset:
        assert dataset.name == name


def test_the_current_directory_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    with open_dataset(".") as dataset:
        assert dataset.name == tmp_path.name


def test_reading_some_columns_from_many_threads(tmp_path: Path) -> None:
    table = pa.table({"a": np.arange(50_000), "b": [f"row {k}" for k in range(50_000)], "c": np.arange(50_000) / 4})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=5_000)
    with open_dataset(str(tmp_path)) as dataset, ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda part: [b.table for b in dataset.read(part, ["c", "b"])], dataset.partitions()))
    assert pa.Table.from_batches([batch for part in parts for batch in part]).equals(table.select(["c", "b"]))


def test_peek_is_the_beginning(tmp_path: Path) -> None:
    table = read(tmp_path, a_csv="x,y\n1,a\n2,b\n", b_csv="x,y\n3,c\n4,d\n")
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.peek(3).equals(table.slice(0, 3))
        assert dataset.peek().equals(table)


def test_a_table_in_memory_leaves_nothing_behind() -> None:
    table = pa.table({"m": [[{"role": "user", "content": "hi"}], None], "x": [1, 2]})
    with open_table(table, "chats") as dataset:
        assert (dataset.name, dataset.location, dataset.columns[0].kind) == ("chats", "chats", Kind.NESTED)
        assert whole(dataset).equals(table)
        scratch = dataset._scratch.folder
        assert scratch is not None
        assert scratch.exists()
    assert not scratch.exists()


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n3,4\n")
    told: list[tuple[int, int]] = []
    with open_dataset(str(tmp_path), progress=lambda done, total: told.append((done, total))) as dataset:
        assert told[-1] == (dataset.total_bytes, dataset.total_bytes)


def test_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 100_000)
    descriptors = Path("/proc/self/fd")
    threads = threading.active_count()
    with open_dataset(str(tmp_path)) as dataset:
        before = len(list(descriptors.iterdir()))
        dataset.peek(5)
        assert len(list(descriptors.iterdir())) == before
    assert threading.active_count() == threads


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(1, 60), max_size=6), rows=st.integers(1, 8), size=st.integers(1, 200))
def test_block_borders_do_not_depend_on_the_batches(cuts: list[int], rows: int, size: int) -> None:
    values = ["x" * (index % 23) for index in range(60)]
    nested = [[{"a": value}] * (index % 3) for index, value in enumerate(values)]
    batch = pa.RecordBatch.from_pydict({"a": list(range(60)), "s": values, "n": nested, "z": pa.nulls(60)})
    edges = sorted({0, 60, *cuts})
    parts = [batch.slice(start, stop - start) for start, stop in pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "BLOCK_ROWS", rows)
        patch.setattr(cutting, "BLOCK_BYTES", size)
        whole_cut = list(blocks([batch]))
        assert [part.num_rows for part in blocks(parts)] == [part.num_rows for part in whole_cut]
    assert pa.Table.from_batches(whole_cut).equals(pa.Table.from_batches([batch]))
    assert max(part.num_rows for part in whole_cut) <= rows
    assert all(cumulative_bytes(part)[-2] < size for part in whole_cut)
