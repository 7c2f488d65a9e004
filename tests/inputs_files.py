"""Inputs that are read, by how they lie there: trees, names, formats."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
from inputs import PNG, ROWS, columns, good, parquet, text


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
def json_of_large_integers() -> list[str]:
    return text("a.json", json.dumps([{"a": 2**70 + row, "b": row} for row in range(100)]))


@good(1)
def one_long_json_line() -> list[str]:
    return text("a.jsonl", json.dumps({"text": "word " * 400_000, "label": 1}) + "\n")


@good(60)
def chats() -> list[str]:
    turns = [[{"role": "user", "content": f"hello {row}"}, {"role": "assistant", "content": "hi"}] for row in range(60)]
    return text("a.jsonl", "\n".join(json.dumps({"messages": item}) for item in turns))


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
def csv_by_another_name() -> list[str]:
    pyarrow.csv.write_csv(pa.table(columns()), "adult")
    return ["adult"]


@good(100)
def json_of_numbers_and_strings() -> list[str]:
    return text("a.jsonl", "\n".join(json.dumps({"a": row if row % 2 else str(row), "b": row}) for row in range(100)))
