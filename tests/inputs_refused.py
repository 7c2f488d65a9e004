"""Inputs that are refused: each case writes them and gives the arguments of the scan."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
from inputs import columns, parquet, refused, text

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


@refused(3, "no table to scan in 5 files (audio/wav)")
def sounds_only() -> list[str]:
    Path("d").mkdir()
    for number in range(5):
        Path(f"d/{number}.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    return ["d"]


@refused(3, "pickles that import more than data need: 1, such as model.pkl (imports posix.system)")
def pickles_only() -> list[str]:
    Path("d").mkdir()
    Path("d/model.pkl").write_bytes(pickle.dumps(os.system))
    return ["d"]
