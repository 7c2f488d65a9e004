"""Whatever people point ``poisonguard scan`` at: an answer, or one clear line; never a traceback or a leftover.

Library warnings are errors here (pyproject), so none of them can reach a user.
"""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from poisonguard.cli.main import run

ROWS = 120
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
Columns = dict[str, Any]
Case = Callable[[], list[str]]

GOOD: dict[str, tuple[Case, int]] = {}
"""Input to the rows that the scan must report; it may find something, but every check works."""
REFUSED: dict[str, tuple[Case, int, str]] = {}
"""Input to the exit code and a part of the one line."""
KNOWN: dict[str, set[str]] = {}
"""Checks that are known to fail on an input: reported, not yet mended."""


def good(rows: int = ROWS) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        GOOD[case.__name__] = (case, rows)
        return case

    return register


def refused(code: int, line: str) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        REFUSED[case.__name__] = (case, code, line)
        return case

    return register


def columns(rows: int = ROWS, seed: int = 0) -> Columns:
    draw = np.random.default_rng(seed)
    width = draw.normal(10, 2, rows)
    words = ["alpha", "beta", "gamma", "delta", "omega", "kappa", "sigma", "theta"]
    return {
        "id": [f"r{seed}-{number}" for number in range(rows)],
        "width": width,
        "height": width * 0.5 + draw.normal(0, 1, rows),
        "colour": draw.choice(["red", "green", "blue"], rows),
        "text": [" ".join(draw.choice(words, 8)) for _ in range(rows)],
        "label": np.where(width > 10, "big", "small"),
    }


def parquet(path: str, content: Columns | None = None) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns() if content is None else content), path)
    return path


def with_column(**more: Any) -> list[str]:
    return [parquet("a.parquet", columns() | more)]


def text(path: str, content: str) -> list[str]:
    Path(path).write_text(content, encoding="utf-8")
    return [path]


# --- trees and names -------------------------------------------------------------------------------------------


@good(2 * ROWS)
def a_tree_of_everything() -> list[str]:
    for part in range(2):
        parquet(f"d/part-{part}.parquet", columns(seed=part))
    for name, content in {
        "README.md": b"# words", ".gitattributes": b"*.parquet lfs", ".hidden/x": b"y", "i.png": PNG, "none.csv": b"",
        "m.pkl": pickle.dumps([1]), "a.zip": b"PK\x03\x04" + bytes(30),
    }.items():  # fmt: skip
        Path("d", name).parent.mkdir(exist_ok=True)
        Path("d", name).write_bytes(content)
    return ["d"]


@good(2 * ROWS)
def hive_folders() -> list[str]:
    for year in (2023, 2024):
        parquet(f"d/year={year}/part.parquet", columns(seed=year))
    return ["d"]


@good()
def a_glob() -> list[str]:
    parquet("data/a.parquet")
    Path("data/notes.txt").write_text("words")
    return ["data/*.parquet"]


@good(2 * ROWS)
def a_deep_glob() -> list[str]:
    parquet("data/a.parquet")
    parquet("data/s/t/b.parquet", columns(seed=1))
    return ["data/**/*.parquet"]


@good()
def a_name_that_looks_like_a_glob() -> list[str]:
    return [parquet("data/a[1].parquet")]


@good()
def the_home_folder_in_quotes() -> list[str]:
    os.environ["HOME"] = str(Path.cwd())
    parquet("data/a.parquet")
    return ["~/data/*.parquet"]


@good()
def a_trailing_slash() -> list[str]:
    parquet("data/a.parquet")
    return ["data/"]


@good()
def the_folder_above() -> list[str]:
    parquet("a.parquet")
    Path("inside").mkdir()
    os.chdir("inside")
    return [".."]


@good()
def spaces_and_unicode() -> list[str]:
    parquet("my däta ☃/b c.parquet")
    return ["my däta ☃"]


@good()
def a_line_break_in_the_root() -> list[str]:
    parquet("my\ndata/b.parquet")
    return ["my\ndata"]


@good()
def a_root_that_is_not_utf8() -> list[str]:
    parquet("d/b.parquet")
    return [str(Path("d").rename(os.fsdecode(b"d\xff")))]


@good()
def a_file_url() -> list[str]:
    return [f"file://{Path(parquet('b c.parquet')).resolve()}".replace(" ", "%20")]


@good()
def a_memory_url() -> list[str]:
    import fsspec

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns()), sink)
    fsspec.filesystem("memory").pipe("/inputs/a.parquet", sink.getvalue().to_pybytes())
    return ["memory://inputs"]


@good(ROWS + 30)
def files_without_a_column_in_common() -> list[str]:
    parquet("data/a.parquet")
    parquet("data/b.parquet", {"other": list(range(30))})
    return ["data"]


# --- formats ---------------------------------------------------------------------------------------------------


@good()
def parquet_in_gzip() -> list[str]:
    Path("b.parquet.gz").write_bytes(gzip.compress(Path(parquet("a.parquet")).read_bytes()))
    return ["b.parquet.gz"]


@good()
def feather_in_zstd() -> list[str]:
    pyarrow.feather.write_feather(pa.table(columns()), "a.feather")
    Path("b.feather.zst").write_bytes(pa.compress(Path("a.feather").read_bytes(), codec="zstd", asbytes=True))
    return ["b.feather.zst"]


@good()
def csv_by_another_name() -> list[str]:
    pyarrow.csv.write_csv(pa.table(columns()), "adult")
    return ["adult"]


@good()
def capital_letters() -> list[str]:
    pyarrow.csv.write_csv(pa.table(columns()), "A.CSV")
    return ["A.CSV"]


@good(100)
def line_ends_of_two_kinds() -> list[str]:
    ends = [b"\n", b"\r\n"]
    Path("a.csv").write_bytes(b"a,b\n" + b"".join(b"%d,w%s" % (row, ends[row % 2]) for row in range(100)))
    return ["a.csv"]


@good(100)
def line_breaks_in_quotes() -> list[str]:
    return text("a.csv", "a,b\n" + "".join(f'{row},"x\ny{row}"\n' for row in range(100)))


@good(100)
def one_column() -> list[str]:
    return text("a.csv", "value\n" + "\n".join(map(str, range(100))))


@good(40)
def five_hundred_columns() -> list[str]:
    names = [f"c{index}" for index in range(500)]
    return [parquet("a.parquet", dict(zip(names, np.random.default_rng(0).normal(size=(500, 40)), strict=True)))]


@good(100)
def json_of_numbers_and_strings() -> list[str]:
    return text("a.jsonl", "\n".join(json.dumps({"a": row if row % 2 else str(row), "b": row}) for row in range(100)))


@good(100)
def json_of_large_integers() -> list[str]:
    return text("a.json", json.dumps([{"a": 2**70 + row, "b": row} for row in range(100)]))


@good(1)
def one_long_json_line() -> list[str]:
    return text("a.jsonl", json.dumps({"text": "word " * 400_000, "label": 1}) + "\n")


@good(60)
def chats() -> list[str]:
    turns = [[{"role": "user", "content": f"hello {row}"}, {"role": "assistant", "content": "hi"}] for row in range(60)]
    return text("a.jsonl", "\n".join(json.dumps({"messages": item}) for item in turns))


# --- values ----------------------------------------------------------------------------------------------------


@good(1)
def one_row() -> list[str]:
    return [parquet("a.parquet", columns(1))]


@good(2)
def two_rows() -> list[str]:
    return [parquet("a.parquet", columns(2))]


@good()
def columns_of_nulls() -> list[str]:
    kinds = {"null": pa.null(), "string": pa.string(), "float": pa.float64(), "integer": pa.int64()}
    return with_column(**{name: pa.nulls(ROWS, kind) for name, kind in kinds.items()})


@good()
def nothing_but_nulls() -> list[str]:
    return [parquet("a.parquet", {"a": pa.nulls(ROWS), "b": pa.nulls(ROWS, pa.string())})]


@good()
def constants() -> list[str]:
    return [parquet("a.parquet", {"f": [1.0] * ROWS, "s": ["x"] * ROWS, "b": [True] * ROWS, "label": ["a"] * ROWS})]


def every_type() -> Columns:
    rows = range(ROWS)
    day = dt.date(2020, 1, 1)
    return columns() | {
        "boolean": [row % 2 == 0 for row in rows],
        "date": [day + dt.timedelta(row) for row in rows],
        "decimal": [decimal.Decimal(row) / 4 for row in rows],
        "large_decimal": [decimal.Decimal(10) ** 30 + row for row in rows],
        "local": [dt.datetime(2020, 1, 1) + dt.timedelta(hours=row) for row in rows],  # noqa: DTZ001 - a local time
        "instant": pa.array([0] * ROWS, pa.timestamp("ns", "Europe/Berlin")),
        "clock": pa.array([dt.time(1, 2, 3)] * ROWS),
        "list": [[1, 2, row] for row in rows],
        "maybe_list": pa.array([[] if row % 2 else None for row in rows], pa.list_(pa.string())),
        "struct": [{"a": row, "b": str(row)} for row in rows],
        "map": pa.array([[("k", row)] for row in rows], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["x", "y", "z"] * (ROWS // 3)).dictionary_encode(),
        "binary": [b"\x89PNG" + bytes([row]) for row in rows],
        "image": [{"bytes": b"\xff\xd8" + bytes([row]), "path": f"{row}.jpg"} for row in rows],
        "unsigned": pa.array([2**64 - 1 - row for row in rows], pa.uint64()),
        "hash": pa.array([2**62 + row * 10**15 for row in rows], pa.int64()),
        "half": pa.array(np.arange(ROWS, dtype=np.float16)),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(4.0 * ROWS)), 4),
    }


@good()
def a_column_of_every_type() -> list[str]:
    return [parquet("a.parquet", every_type())]


@good()
def every_type_against_itself() -> list[str]:
    return [parquet("a.parquet", every_type()), "--reference", parquet("reference.parquet", every_type())]


@good()
def every_type_in_feather() -> list[str]:
    pyarrow.feather.write_feather(pa.table(every_type()), "a.feather")
    return ["a.feather"]


def not_finite() -> Columns:
    width = np.linspace(1, 2, ROWS)
    width[:30], width[30:33], width[33] = np.nan, np.inf, -np.inf
    return columns() | {
        "width": width,
        "nan": np.full(ROWS, np.nan),
        "infinite": np.full(ROWS, np.inf),
        "huge": np.arange(-1.0, 1.0, 2 / ROWS) * 1.7e308,
        "tiny": np.repeat([0.0, 5e-324], ROWS // 2),
    }


@good()
def numbers_that_are_not_finite() -> list[str]:
    return [parquet("a.parquet", not_finite())]


@good()
def numbers_that_are_not_finite_against_themselves() -> list[str]:
    return [parquet("a.parquet", not_finite()), "--reference", parquet("reference.parquet", not_finite())]


@good()
def an_id_that_repeats() -> list[str]:
    return with_column(id=["same"] * ROWS)


@good(20)
def a_cell_of_ten_megabytes() -> list[str]:
    content = columns(20)
    content["text"][5] = "lorem ipsum " * 900_000
    pyarrow.csv.write_csv(pa.table(content), "a.csv")
    return ["a.csv"]


@good()
def names_that_attack_terminals_and_pages() -> list[str]:
    names = ["", "\x1b[31mred", "a\nb", "=cmd()", "[bold]x", "<script>", "x" * 5000, "\u202eevil"]
    return [parquet("a.parquet", {name: list(range(ROWS)) for name in names})]


@good()
def values_that_attack_terminals_and_pages() -> list[str]:
    return with_column(colour=["\x1b[2J", "=1+1", "<b>", "[red]", "\u202e", "\r\n"] * (ROWS // 6))


# --- labels and roles ------------------------------------------------------------------------------------------

LABELS: dict[str, Any] = {
    "one class": ["x"] * ROWS,
    "a class for each row": [f"c{row}" for row in range(ROWS)],
    "no value": pa.nulls(ROWS, pa.string()),
    "boolean": [row % 3 == 0 for row in range(ROWS)],
    "float": np.linspace(0, 1, ROWS),
    "decimal": [decimal.Decimal("1.5"), decimal.Decimal("2.5")] * (ROWS // 2),
    "date": [dt.date(2020, 1, 1)] * ROWS,
    "binary": [b"\xff", b"\x00"] * (ROWS // 2),
}


def label_case(values: Any) -> Case:
    return lambda: [*with_column(label=values), "--column", "label=label"]


GOOD |= {f"label: {name}": (label_case(values), ROWS) for name, values in LABELS.items()}


@good()
def roles_of_unlikely_columns() -> list[str]:
    roles = ["source=list", "id=width", "timestamp=colour"]
    return [*with_column(list=[[1]] * ROWS), *(word for role in roles for word in ("--column", role))]


# --- references ------------------------------------------------------------------------------------------------


@good()
def the_reference_is_the_data() -> list[str]:
    return [parquet("a.parquet"), "--reference", "a.parquet"]


@good()
def a_reference_without_a_column_in_common() -> list[str]:
    return [parquet("a.parquet"), "--reference", parquet("reference.parquet", {"z": list(range(ROWS))})]


@good()
def a_reference_of_other_types() -> list[str]:
    other = columns() | {"width": [[row] for row in range(ROWS)], "colour": list(range(ROWS))}
    return [parquet("a.parquet", other), "--reference", parquet("reference.parquet")]


@good()
def a_reference_of_one_row() -> list[str]:
    return [parquet("a.parquet"), "--reference", parquet("reference.parquet", columns(1))]


@good(1)
def one_row_against_a_reference() -> list[str]:
    return [parquet("a.parquet", columns(1)), "--reference", parquet("reference.parquet")]


@good()
def nulls_against_values() -> list[str]:
    nulls = {"width": pa.nulls(ROWS, pa.float64()), "colour": pa.nulls(ROWS, pa.string())}
    return [parquet("a.parquet", columns() | nulls), "--reference", parquet("reference.parquet")]


# --- refused ---------------------------------------------------------------------------------------------------


@refused(3, "no path was given")
def nothing() -> list[str]:
    return [""]


@refused(3, "no such file or directory")
def a_name_too_long() -> list[str]:
    return ["x" * 5000]


@refused(3, "no such file or directory")
def a_null_byte() -> list[str]:
    return ["a\0b"]


@refused(3, "a.parquet/x: no such file or directory")
def a_path_through_a_file() -> list[str]:
    return [parquet("a.parquet") + "/x"]


@refused(3, "no file matches")
def a_glob_of_nothing() -> list[str]:
    parquet("data/a.parquet")
    return ["data/*.csv"]


@refused(2, "Protocol not known")
def an_unknown_store() -> list[str]:
    return ["nowhere://bucket/x"]


@refused(3, "link: a symbolic link")
def a_dangling_link() -> list[str]:
    parquet("data/a.parquet")
    Path("data/link").symlink_to("nowhere")
    return ["data"]


@refused(3, "link: a symbolic link")
def a_link_as_data() -> list[str]:
    Path("link").symlink_to(parquet("a.parquet"))
    return ["link"]


@refused(3, "inside/loop: a symbolic link")
def a_loop_of_folders() -> list[str]:
    parquet("data/inside/a.parquet")
    Path("data/inside/loop").symlink_to("..")
    return ["data"]


@refused(3, "a FIFO, device or socket")
def a_fifo() -> list[str]:
    os.mkfifo("pipe.csv")
    return ["pipe.csv"]


@refused(3, "a FIFO, device or socket")
def a_fifo_in_a_tree() -> list[str]:
    parquet("data/a.parquet")
    os.mkfifo("data/pipe")
    return ["data"]


@refused(3, "the name holds a control character")
def a_line_break_in_a_file_name() -> list[str]:
    parquet("data/a\nb.parquet")
    return ["data"]


@refused(3, "the name is not UTF-8")
def a_file_name_that_is_not_utf8() -> list[str]:
    parquet("data/a.parquet")
    Path(os.fsdecode(b"data/\xff")).write_bytes(b"x")
    return ["data"]


@refused(3, "differ only in case")
def names_that_differ_in_case() -> list[str]:
    parquet("data/a.parquet")
    parquet("data/A.parquet")
    return ["data"]


@refused(3, "column 'x' is int64 in a.parquet and string in b.parquet")
def types_that_do_not_go_together() -> list[str]:
    parquet("data/a.parquet", {"x": [1, 2]})
    parquet("data/b.parquet", {"x": ["a", "b"]})
    return ["data"]


@refused(3, "no table to scan in 5 files (image/png)")
def images_only() -> list[str]:
    Path("d").mkdir()
    for number in range(5):
        Path(f"d/{number}.png").write_bytes(PNG)
    return ["d"]


@refused(3, "no table to scan (pickle)")
def a_pickle() -> list[str]:
    Path("a.pkl").write_bytes(pickle.dumps({"a": 1}))
    return ["a.pkl"]


@refused(3, "no table to scan (application/zip)")
def an_archive() -> list[str]:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    return ["a.zip"]


@refused(3, "no table to scan (json-document)")
def json_of_one_object() -> list[str]:
    return text("a.json", json.dumps({"data": [{"a": 1}] * 20}))


@refused(3, "no table to scan (text/plain)")
def prose() -> list[str]:
    return text("a.txt", "Hello, world.\nThis is a text, of course.\n")


@refused(3, "no table to scan (text/plain)")
def csv_by_another_name_in_a_folder() -> list[str]:
    Path("d").mkdir()
    pyarrow.csv.write_csv(pa.table(columns()), "d/adult.data")
    return ["d"]


@refused(3, "no rows")
def a_table_without_columns() -> list[str]:
    return [parquet("a.parquet", {})]


@refused(3, "not readable as Parquet")
def a_damaged_parquet_in_gzip() -> list[str]:
    Path("b.parquet.gz").write_bytes(gzip.compress(Path(parquet("a.parquet")).read_bytes()[:-20]))
    return ["b.parquet.gz"]


@refused(3, "row 2 has 2 cells, the header has 1")
def a_comment_above_the_header() -> list[str]:
    return text("a.csv", "# words\na,b\n" + "1,x\n" * 20)


# --- the tests -------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and beside it the only place for temporary files; HOME is put back afterwards."""
    folder, scratch = tmp_path / "here", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(folder)
    return folder


def listing(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_can_be_read_is_scanned(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, rows = GOOD[name]
    arguments = case()
    before = listing(here.parent)
    code = run(["scan", *arguments, "--no-progress", "-f", "json"])
    printed = capsys.readouterr()
    assert not printed.err
    document = json.loads(printed.out)
    assert document["data"]["rows"] == rows
    failed = {item["check"] for item in document["outcomes"] if item["outcome"] == "failed"}
    assert failed <= KNOWN.get(name, set()), [item for item in document["outcomes"] if item["outcome"] == "failed"]
    assert code in ({0, 1, 4} if failed else {0, 1})
    assert listing(here.parent) == before


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_is_refused_in_one_line(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, code, line = REFUSED[name]
    arguments = case()
    before = listing(here.parent)
    assert run(["scan", *arguments, "--no-progress", "--report", "out.json", "--flagged", "rows.csv"]) == code
    printed = capsys.readouterr()
    first, second = printed.err.splitlines()
    assert first.startswith("error: ")
    assert line in first
    assert second.startswith(" hint: ")
    assert printed.err.replace("\n", "").isprintable()
    assert not printed.out
    assert listing(here.parent) == before


@pytest.mark.parametrize("name", ["a_column_of_every_type", "names_that_attack_terminals_and_pages"])
def test_every_report_and_row_file_can_be_written(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["a.json", "a.sarif", "a.xml", "a.md", "a.html"]
    options = [word for file in files for word in ("--report", file)]
    assert run(["scan", *GOOD[name][0](), *options, "--flagged", "f.csv", "--scores", "s.jsonl", "-v"]) in {0, 1}
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert all(Path(file).stat().st_size for file in [*files, "f.csv", "s.jsonl"])


def notes(*arguments: str) -> str:
    run(["scan", *arguments, "--no-progress", "-f", "json", "-o", "out.json"])
    document = json.loads(Path("out.json").read_text(encoding="utf-8"))
    return "\n".join(document["notes"])


def test_what_was_not_read_as_it_stands_is_said(here: Path) -> None:
    tree = notes(*a_tree_of_everything())
    assert "7 files hold no table" in tree
    assert "1 pickle" in tree
    assert "values in folder names are no columns and were not checked: year" in notes(*hive_folders(), "--name", "x")
    assert "adult: read as CSV" in notes(*csv_by_another_name())
    assert "mix kinds of values or hold integers beyond 64 bits: a" in notes(*json_of_numbers_and_strings())


def test_images_are_said_to_be_fit_for_signing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", *images_only()]) == 3
    assert "others can be signed, not scanned" in capsys.readouterr().err
