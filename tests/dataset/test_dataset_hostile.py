"""Bad input: each kind gives one clear line that names the file and the place, a hint, and no traceback."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset import streams
from poisonguard.dataset.opening import open_dataset, open_table
from poisonguard.errors import DataChanged, DataError, NothingToScan, UnreadableData

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TABLE = pa.table({"a": list(range(1000)), "b": [f"text {index}" for index in range(1000)]})


def parquet(table: pa.Table = TABLE, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def feather(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(table, sink)
    return sink.getvalue()


def read_all(location: Path) -> int:
    """Open and read everything; how many rows there were."""
    with open_dataset(str(location)) as dataset:
        return sum(batch.table.num_rows for part in dataset.partitions() for batch in dataset.read(part))


BAD: list[tuple[str, bytes, str]] = [
    # wrong extension
    ("x.parquet", b"a,b\n1,2\n", "named .parquet but the content is text/plain"),
    ("x.parquet", PNG, "named .parquet but the content is image/png"),
    ("x.csv", PNG, "named .csv but the content is image/png"),
    ("x.csv", parquet(), "named .csv but the content is parquet"),
    ("x.csv", pickle.dumps([1, 2]), "named .csv but the content is pickle"),
    ("x.csv", b'{"a":1}\n{"a":2}\n', "named .csv but the content is jsonl"),
    ("x.csv", gzip.compress(b"a,b\n1,2\n"), "named .csv but the content is application/gzip"),
    ("x.csv.gz", b"a,b\n1,2\n", "named .csv.gz but the content is text/plain"),
    ("x.csv.gz", gzip.compress(PNG), "named .csv.gz but the content is image/png"),
    ("x.csv.zst", gzip.compress(b"a,b\n1,2\n"), "named .csv.zst but the content is application/gzip"),
    ("x.jsonl", b"a,b\n1,2\n", "named .jsonl but the content is text/plain"),
    ("x.jsonl", b'[{"a":1}]', "named .jsonl but the content is json"),
    ("x.json", b"hello", "named .json but the content is text/plain"),
    ("x.arrow", parquet(), "named .arrow but the content is parquet"),
    ("x.feather", b"FEA1" + bytes(40), "feather (version 1)"),
    ("x.parquet", b"PARE" + bytes(40), "parquet (encrypted)"),
    ("x.csv", "a,b\n1,2\n".encode("utf-16"), "text/utf-16"),
    # Parquet and Arrow
    ("x.parquet", parquet()[:-20], "not readable as Parquet"),
    ("x.parquet", parquet()[: len(parquet()) // 2], "not readable as Parquet"),
    ("x.parquet", b"PAR1", "not readable as Parquet"),
    ("x.parquet", parquet().replace(b"PAR1", b"PAR1", 1)[:-12] + b"\xff\xff\xff\x7fPAR1", "not readable as Parquet"),
    ("x.arrow", feather()[:-30], "not readable as Arrow IPC"),
    ("x.arrow", b"ARROW1\0\0", "not readable as Arrow IPC"),
    ("x.arrows", b"\xff\xff\xff\xff\x10\x00\x00\x00" + bytes(10), "not readable as Arrow IPC"),
    # CSV
    ("x.csv", b"a,b\n1,2\n1,2,3\n", "row 3 has 3 cells, the header has 2"),
    ("x.csv", b"a,b\n1,2\n1\n", "row 3 has 1 cell, the header has 2"),
    ("x.csv", b"a,b\n1,\xff\xfe\n", "byte 6 is not valid UTF-8"),
    ("x.csv", b"a,b\n" + b"1,2\n" * 500_000 + b"1,\xe9t\xe9\n", "byte 2000006 is not valid UTF-8"),
    ("x.csv", b"a,b\n1,caf\xc3", "byte 9 is not valid UTF-8"),
    ("x.csv", b"a,b,a\n1,2,3\n", "two columns are called 'a'"),
    ("x.csv", b"Unnamed: 1,\n1,2\n", "two columns are called 'Unnamed: 1'"),
    ("x.csv", b"1.5,2\n3,4\n", "no header row"),
    ("x.csv", b"\n\n", "no header row"),
    ("x.csv", b'a,b\n1,"2\n3,4\n', "a quote is opened and never closed"),
    ("x.csv", b'a,b\n1,2\n3,"4', "a quote is opened and never closed"),
    ("x.csv", b'a,b\n1,"' + b"x" * (70 << 20), "longer than 32 MiB"),
    # JSON
    ("x.jsonl", b'{"a":1}\n{"a":\n{"a":3}\n', "line 2 is not a JSON object"),
    ("x.jsonl", b'{"a":1}\n\n{"a":2}\n{"a":', "line 4 is not a JSON object"),
    ("x.jsonl", b'{"a":1}\n[1]\n', "line 2 is not a JSON object"),
    ("x.jsonl", b'{"a":1}\n{"a":2}{"a":3}\n', "line 2 is not a JSON object"),
    ("x.jsonl", b'{"a":1}\n' * 200_000 + b"oops\n", "line 200001 is not a JSON object"),
    ("x.jsonl", b'{"a":1}\n{"a":"\xff"}\n', "byte 14 is not valid UTF-8"),
    ("x.jsonl", b'{"a":1}\n{"a":2,"a":3}\n', "line 2 names a key twice"),
    ("x.jsonl", b'{"a":1}\n{"a":[1]}\n', "line 2: Column(/a) changed from number to array"),
    ("x.jsonl", b'{"a":1}\n' * (1 << 20) + b'{"a":{}}\n', "'a' is int64 before line 1048577 and struct<> after"),
    ("x.jsonl", b'{"a":1}\n{"a":"x"}\n{"a":1e400}\n', "line 3 holds a number too big for a double"),
    ("x.jsonl", b'{"a":1}\n{"a":"x"}\n{"a":"y","a":2}\n', "line 3 names a key twice"),
    ("x.jsonl", b'{"a":1}\n{"a":"x"}\n{"a":2}{"a":3}\n', "line 3 is not a JSON object"),
    ("x.jsonl", b'{"a":"x"}\n{"a":' + b"9" * 5000 + b"}\n", "line 2 is not a JSON object"),
    ("x.jsonl", b'{"b":1}\n{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n", "nested more than 64 levels"),
    ("x.json", b'[{"a":1},{"a":2}', "the array is never closed"),
    ("x.json", b'[{"a":1},]', "1 elements but 1 commas"),
    ("x.json", b'[{"a":1}] [{"a":2}]', "more than one array"),
    ("x.json", b'[{"a":1},2]', "element 2 is not a JSON object"),
    # compression
    ("x.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 999)[:-9], "gzip stream is truncated or damaged"),
    ("x.csv.gz", gzip.compress(b"a,b\n1,2\n") + b"junk", "gzip stream is truncated or damaged"),
    ("x.csv.bz2", bz2.compress(b"a,b\n" + b"1,2\n" * 999)[:-9], "bzip2 stream is truncated or damaged"),
    ("x.csv.xz", lzma.compress(b"a,b\n" + b"1,2\n" * 999)[:-9], "xz stream is truncated or damaged"),
    ("x.csv.zst", pa.compress(b"a,b\n" + b"1,2\n" * 999, codec="zstd", asbytes=True)[:-3], "zstd stream is truncated"),
    # compressed as a whole
    ("x.parquet.gz", gzip.compress(parquet())[:-9], "gzip stream is truncated or damaged"),
    ("x.parquet.gz", gzip.compress(parquet()[:-20]), "not readable as Parquet"),
    ("x.parquet.gz", gzip.compress(b"a,b\n1,2\n"), "named .parquet.gz but the content is text/plain"),
    ("x.feather.zst", pa.compress(feather(), codec="zstd", asbytes=True)[:-3], "zstd stream is truncated"),
    ("x.feather.zst", pa.compress(feather()[:-30], codec="zstd", asbytes=True), "not readable as Arrow IPC"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableData) as caught:
        read_all(tmp_path)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{name}: ")
    assert caught.value.message.isprintable()
    assert caught.value.hint


EMPTY: list[tuple[str, bytes]] = [
    ("x.csv", b""),
    ("x.parquet", b""),
    ("x.csv", b"a,b\n"),
    ("x.json", b"[]"),
    ("x.parquet", parquet(TABLE.slice(0, 0))),
    ("x.csv.gz", gzip.compress(b"a,b\n")),
]


@pytest.mark.parametrize(("name", "data"), EMPTY, ids=range(len(EMPTY)))
def test_nothing_to_scan(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(NothingToScan) as caught:
        open_dataset(str(tmp_path / name))
    assert "x." in caught.value.message
    assert caught.value.hint


def test_duplicate_columns_in_parquet_and_in_memory(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    (tmp_path / "x.parquet").write_bytes(parquet(twice))
    with pytest.raises(UnreadableData, match="two columns are called 'a'"):
        open_dataset(str(tmp_path))
    with pytest.raises(UnreadableData, match="two columns are called 'a'"):
        open_table(twice, "t")


def test_a_table_without_rows_in_memory() -> None:
    with pytest.raises(NothingToScan, match="no rows"):
        open_table(TABLE.slice(0, 0), "t")


def test_a_flipped_bit_in_a_checksummed_page_is_seen(tmp_path: Path) -> None:
    data = bytearray(parquet(write_page_checksum=True, compression="none", use_dictionary=False))
    data[1000] ^= 4
    (tmp_path / "x.parquet").write_bytes(data)
    with pytest.raises(UnreadableData, match="CRC"):
        read_all(tmp_path)


def test_a_list_whose_offsets_leave_the_buffer_is_seen(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([[1, 2, 3], [4]])], names=["a"])
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    sound, broken = struct.pack("<iii", 0, 3, 4), struct.pack("<iii", 0, 3, 1 << 28)
    assert sink.getvalue().count(sound) == 1
    (tmp_path / "x.arrow").write_bytes(sink.getvalue().replace(sound, broken))
    with pytest.raises(UnreadableData, match=r"x\.arrow"):
        read_all(tmp_path)


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_decompression_bombs(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FREE_ALLOWANCE", 1 << 20)
    (tmp_path / f"x.csv.{suffix}").write_bytes(compress(b"a,b\n" + b"1,2\n" * (2 << 20)))
    with pytest.raises(UnreadableData, match="decompression bomb"):
        read_all(tmp_path)


def test_incompatible_files_are_both_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"x": ["a"]}), tmp_path / "two.parquet")
    with pytest.raises(UnreadableData, match=r"'x' is int64 in one\.parquet and string in two\.parquet"):
        open_dataset(str(tmp_path))


def test_a_file_that_changes_between_hashing_and_reading(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 1000)
    with open_dataset(str(tmp_path)) as dataset:
        (tmp_path / "a.csv").write_text("a,b\n" + "1,3\n" * 1000)
        with pytest.raises(DataChanged, match=r"a\.csv"):
            list(dataset.read(dataset.partitions()[0]))


def test_files_that_appear_while_hashing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")

    def write_another(_done: int, _total: int) -> None:
        (tmp_path / "b.csv").write_text("a,b\n1,2\n")

    with pytest.raises(DataChanged, match="came, went or changed"):
        open_dataset(str(tmp_path), progress=write_another)


SEEDS = {
    "x.csv": b'a,b,c\n1,"x, y",2024-01-01\n2,z,2024-01-02\n' * 20,
    "x.jsonl": b'{"a":1,"b":[{"c":"d"}],"t":"2024-01-01"}\n{"a":2.5,"b":null,"t":null}\n' * 20,
    "x.json": b'[{"a":1,"b":"x"},{"a":2,"b":"y"}]',
    "x.csv.gz": gzip.compress(b"a,b\n" + b"1,2\n" * 50),
}


@pytest.mark.parametrize("name", SEEDS)
def test_mutated_text_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    dice = random.Random(zlib.crc32(name.encode()))  # noqa: S311 - reproducible, not secret
    for _ in range(60):
        data = bytearray(SEEDS[name])
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            data[place : place + dice.randint(0, 2)] = dice.choice(
                [b"", b'"', b"\n", b",", b"{", b"]", b"\xff", b"\0", b"\\"]
            )
        (tmp_path / name).write_bytes(data)
        try:
            assert read_all(tmp_path) >= 0
        except DataError as error:
            assert error.message.isprintable()  # noqa: PT017 - either outcome is fine


def test_a_footer_that_lies_about_one_count_is_seen(tmp_path: Path) -> None:
    data = parquet(pa.table({"a": list(range(1000))}), compression="none", use_dictionary=False, write_statistics=False)
    claim, lie = b"\x16\xd0\x0f", b"\x16\xe8\x07"  # a 64-bit field: 1000 and 500 as zigzag varints
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    places = [place for place in range(footer, len(data)) if data.startswith(claim, place)]
    assert len(places) >= 3  # the file's rows, the column's values, the row group's rows
    for place in places[:1] + places[-1:]:
        (tmp_path / "x.parquet").write_bytes(data[:place] + lie + data[place + 3 :])
        with pytest.raises(UnreadableData, match=r"x\.parquet"):
            read_all(tmp_path)


FUZZ = """
import io, random, sys, pathlib
import pyarrow as pa, pyarrow.feather, pyarrow.parquet as pq
from poisonguard.dataset.opening import open_dataset
from poisonguard.errors import DataError
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
n = range(90)
table = pa.table({"a": list(n), "s": [f"t{k}" for k in n], "m": [[{"r": "x" * (k % 5)}] for k in n]})
sink = io.BytesIO()
if name.endswith("parquet"):
    pq.write_table(table, sink, row_group_size=40)
else:
    pa.feather.write_feather(table, sink)
dice, refused = random.Random(5), 0
for _ in range(80):
    data = bytearray(sink.getvalue())
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(dice.choice([0, len(data) * 2 // 3]), len(data))] ^= 1 << dice.randrange(8)
    (folder / name).write_bytes(data)
    try:
        with open_dataset(str(folder)) as dataset:
            for part in dataset.partitions():
                for batch in dataset.read(part):
                    batch.table.validate(full=True)
    except DataError as error:
        refused += 1
        assert error.message.isprintable()
print(refused)
"""


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_mutated_binary_files_are_read_or_refused_without_a_crash(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", FUZZ, name, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) > 20
