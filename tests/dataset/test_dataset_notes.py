"""What is said of how files were read, and which text is read as a table."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset.discover import discover, local_path
from poisonguard.dataset.opening import open_dataset
from poisonguard.errors import NothingToScan

CSV = "name,size\n" + "x,1\n" * 10


def notes(location: Path) -> tuple[str, ...]:
    with open_dataset(str(location)) as dataset:
        return dataset.notes


def test_plain_files_need_no_note(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text(CSV)
    assert notes(tmp_path) == ()


def test_folders_that_name_values(tmp_path: Path) -> None:
    for name in ("year=2023/month=1", "year=2024/month=2", "plain/x=1", "a=b=c"):
        (tmp_path / name).mkdir(parents=True)
        pq.write_table(pa.table({"month": [1, 2]}), tmp_path / name / "part.parquet")
    assert notes(tmp_path) == ("values in folder names are no columns and were not checked: a, x, year",)


def test_columns_that_some_files_lack(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,a,b,c,d,e\n1,2,3,4,5,6,7\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    assert notes(tmp_path) == ("columns that some files lack, null there: y, a, b, c, d and 2 more",)


def test_columns_that_are_text_in_one_file_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n1,two\n")
    assert notes(tmp_path) == ("read as text, for they are text in some files and not in others: y",)


def test_a_name_is_told_on_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a\x1b\n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"b": [1]}), tmp_path / "b.parquet")
    assert notes(tmp_path) == ("columns that some files lack, null there: a\\x1b\\n, b",)


@pytest.mark.parametrize("name", ["adult.data", "adult", "adult.txt", "adult.txt.gz", "adult.gz"])
@pytest.mark.parametrize("text", [CSV, CSV.replace(",", "\t"), CSV.replace(",", ";")])
def test_text_that_clearly_is_a_table_is_read_when_it_is_named(tmp_path: Path, name: str, text: str) -> None:
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with open_dataset(str(tmp_path / name)) as dataset:
        assert dataset.schema.names == ["name", "size"]
        assert dataset.files[0].format in {"csv", "csv+gzip"}
        assert dataset.notes == (
            f"{name}: read as CSV, for it looks like it; name it .csv to have it read so in a folder",
        )
    with open_dataset(str(tmp_path)) as dataset:
        assert not dataset.files.tables
        assert "holds no table" in dataset.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world.\nThis is a text, of course.\n",
        "one line of words\n" * 20,
        "39,State-gov,77516\n" * 20,
        "a,b\n1,2\n3,4\n",
        "a,b\n" + "1,2\n" * 9 + "1,2,3\n" + "1,2\n" * 9,
        "a,a\n" + "1,2\n" * 9,
        "a,\n" + "1,2\n" * 9,
        "x" * 70 + ",b\n" + "1,2\n" * 9,
    ],
    ids=["prose", "lines", "no header", "too few", "ragged", "twins", "unnamed", "sentence"],
)
def test_other_text_is_not_taken_for_a_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.txt").write_text(text)
    with (
        open_dataset(str(tmp_path / "words.txt")) as dataset,
        pytest.raises(NothingToScan, match="no table to scan") as caught,
    ):
        dataset.peek()
    assert caught.value.hint == "If it is CSV, name it .csv and name the columns in its first row."


def test_local_locations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert local_path("~/a*.csv") == f"{tmp_path}/a*.csv"
    assert local_path("file:///x%20y") == local_path("file://localhost/x%20y") == local_path("file:/x%20y") == "/x y"
    assert local_path("x%20y") == "x%20y"
    assert local_path("s3://bucket/x") is None
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "a.csv").write_text(CSV)
    assert [item.path for item in discover("~").files] == ["a.csv"], "what is there goes before what a shell would say"


@pytest.mark.parametrize("location", ["", "file://"])
def test_no_path_is_not_the_root(location: str) -> None:
    with pytest.raises(NothingToScan, match="no path was given"):
        discover(location)
