"""Row files: what goes in comes out, spreadsheets run nothing, errors leave nothing behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports.hostile_text import NASTY

from poisonguard.errors import UsageError
from poisonguard.reports.escape import csv_cell
from poisonguard.reports.rowfile import SCHEMA, open_row_writer

TEXT = st.one_of(st.text(), NASTY.map(lambda text: text.replace("\ud800", "")))
ROW = st.fixed_dictionaries(
    {
        "path": TEXT,
        "row": st.integers(0, 2**62),
        "key": st.none() | TEXT,
        "score": st.floats(0, 1),
        "flagged": st.booleans(),
        "checks": st.sampled_from(["", "PG-DUP-001", "PG-DUP-001,PG-TEXT-003"]),
    }
)
Row = dict[str, Any]


def write(path: Path, rows: list[Row], batch: int = 3) -> None:
    with open_row_writer(path) as writer:
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            writer.write(*(pa.array([row[field.name] for row in part], field.type) for field in SCHEMA))


def read_json_lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


@given(rows=st.lists(ROW, max_size=8))
@settings(max_examples=25, deadline=None)
def test_parquet_and_json_lines_hold_every_row_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    write(folder / "a.parquet", rows)
    table = pq.read_table(folder / "a.parquet")
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == rows
    write(folder / "a.jsonl", rows)
    assert read_json_lines(folder / "a.jsonl") == rows
    assert (folder / "a.jsonl").read_bytes().replace(b"\n", b"").decode("ascii").isprintable()


@given(rows=st.lists(ROW, max_size=8))
@settings(max_examples=25, deadline=None)
def test_csv_holds_every_row_defused(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.csv"
    write(path, rows)
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [(item["path"], int(item["row"]), item["key"], float(item["score"]), item["flagged"]) for item in found] == [
        (
            csv_cell(row["path"]),
            row["row"],
            csv_cell(row["key"] or ""),
            row["score"],
            str(row["flagged"]).lower(),
        )
        for row in rows
    ]


def test_no_rows_is_a_file_with_a_header(tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        write(tmp_path / name, [])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").count("\n") == 1
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0
    assert (tmp_path / "a.jsonl").read_bytes() == b""


GOOD: Row = {"path": "a.csv", "row": 0, "key": None, "score": 0.5, "flagged": True, "checks": ""}


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_an_error_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="score"):
        write(tmp_path / name, [GOOD, GOOD | {"score": 2.0}], batch=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_the_file_is_not_there_before_it_is_complete(tmp_path: Path, name: str) -> None:
    with open_row_writer(tmp_path / name) as writer:
        writer.write(*(pa.array([GOOD[field.name]], field.type) for field in SCHEMA))
        assert not (tmp_path / name).exists()
    assert [item.name for item in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("bad", [{"score": 1.5}, {"score": float("nan")}, {"path": None}, {"score": None}])
def test_rows_that_make_no_sense_are_refused(tmp_path: Path, bad: Row) -> None:
    with pytest.raises(ValueError, match=r"null|score"):
        write(tmp_path / "a.csv", [GOOD | bad])
    assert list(tmp_path.iterdir()) == []


def test_columns_of_different_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="length"), open_row_writer(tmp_path / "a.csv") as writer:
        writer.write(*(pa.array([GOOD[field.name]] * (1 + (field.name == "row")), field.type) for field in SCHEMA))


def test_an_unknown_extension_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.xlsx") as caught:
        open_row_writer(tmp_path / "rows.xlsx")
    assert caught.value.hint == "Use .parquet, .csv, .jsonl."
    with pytest.raises(UsageError, match="cannot write"):
        open_row_writer(tmp_path / "missing" / "rows.csv")
    assert list(tmp_path.iterdir()) == []
