"""Bombs: small inputs that ask for endless time or memory. Each ends within a minute and a gigabyte over idle."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from evidence_project import Project
from forged_parquet import (
    DATA,
    DICTIONARY,
    LIST,
    PLAIN,
    RLE_DICTIONARY,
    column_file,
    file_of,
    footer_of,
    one_group,
    page,
    varint,
)
from forged_parquet import INTEGER as INT
from forged_parquet import number as signed
from limited import idle_gate, idle_scan, poisonguard

from poisonguard.attest.canonical import canonical
from poisonguard.attest.keys import generate
from poisonguard.attest.trust import Grant, Person, RoleName, TrustRoot

MEGA = 1 << 20
Bomb = Callable[[Path], None]
BOMBS: dict[str, tuple[str, Bomb]] = {}
"""File's name and what fills it."""


def bomb(name: str) -> Callable[[Bomb], Bomb]:
    def register(make: Bomb) -> Bomb:
        BOMBS[make.__name__] = (name, make)
        return make

    return register


ROWS = b"1,2\n" * (16 * MEGA)
"""64 MiB of rows."""


@bomb("a.csv.gz")
def gzip_of_a_gigabyte(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a,b\n") + gzip.compress(ROWS) * 16)


@bomb("a.csv.bz2")
def bzip2_of_a_gigabyte(path: Path) -> None:
    path.write_bytes(bz2.compress(b"a,b\n") + bz2.compress(ROWS[: 16 * MEGA]) * 64)


@bomb("a.csv.xz")
def xz_of_a_gigabyte(path: Path) -> None:
    path.write_bytes(lzma.compress(b"a,b\n") + lzma.compress(ROWS, preset=0) * 16)


@bomb("a.csv.xz")
def xz_with_a_dictionary_of_a_gigabyte(path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
    data = bytearray(lzma.compress(b"a,b\n1,2\n", format=lzma.FORMAT_XZ, preset=0))
    del filters  # the header alone claims it: a real encoder would need the memory here
    data[16] = 0x24  # LZMA2's dictionary size, 2**30
    path.write_bytes(bytes(data))


@bomb("a.csv.zst")
def zstd_of_a_gigabyte(path: Path) -> None:
    path.write_bytes(
        pa.compress(b"a,b\n", codec="zstd", asbytes=True) + pa.compress(ROWS, codec="zstd", asbytes=True) * 16
    )


@bomb("a.parquet.gz")
def gzip_around_a_gigabyte_of_parquet(path: Path) -> None:
    path.write_bytes(gzip.compress(b"PAR1" + bytes(64 * MEGA)) + gzip.compress(bytes(64 * MEGA)) * 15)


@bomb("a.parquet")
def a_dictionary_of_one_long_word(path: Path) -> None:
    pq.write_table(pa.table({"a": long_word(200_000)}), path, row_group_size=200_000)


@bomb("a.parquet")
def lists_that_unfold(path: Path) -> None:
    rows = pa.ListArray.from_arrays(pa.array([0, 50_000_000], pa.int32()), pa.nulls(50_000_000, pa.int8()))
    pq.write_table(pa.table({"a": rows}), path)


@bomb("a.parquet")
def a_column_of_two_hundred_million_nulls(path: Path) -> None:
    pq.write_table(pa.table({"a": pa.nulls(200_000_000, pa.int8())}), path, row_group_size=200_000_000)


def long_word(rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * MEGA]))


@bomb("a.parquet")
def one_list_of_long_words(path: Path) -> None:
    pq.write_table(
        pa.table({"a": pa.ListArray.from_arrays(pa.array([0, 200_000], pa.int32()), long_word(200_000))}), path
    )


@bomb("a.parquet")
def one_page_of_nine_hundred_megabytes(path: Path) -> None:
    table = pa.table({"a": pa.array(["x" * (900 * MEGA)])})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)


@bomb("a.parquet")
def words_that_go_on_from_the_word_before(path: Path) -> None:
    table, encoding = pa.table({"a": ["x" * MEGA] * 1500}), {"a": "DELTA_BYTE_ARRAY"}
    options = {"compression": "zstd", "column_encoding": encoding, "write_statistics": False}
    pq.write_table(table, path, use_dictionary=False, **options)


def write_arrow(path: Path, column: pa.Array) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(path), pa.schema([("a", column.type)]), options=options) as writer:
        writer.write_batch(pa.record_batch([column], names=["a"]))


@bomb("a.arrow")
def an_arrow_dictionary_of_one_long_word(path: Path) -> None:
    write_arrow(path, long_word(200_000))


@bomb("a.arrow")
def a_run_of_two_billion_rows(path: Path) -> None:
    write_arrow(path, pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 2], pa.int32()), pa.array([7], pa.int8())))


@bomb("a.arrow")
def two_billion_rows_of_nothing(path: Path) -> None:
    write_arrow(path, pa.nulls(2**31 - 2))


def zero_bytes() -> pa.Array:
    """As many as an array holds; a page of them is taken from the system only once."""
    count = 2**31 - 2
    return pa.Array.from_buffers(pa.int8(), count, [None, pa.py_buffer(bytes(count))])


@bomb("a.arrow")
def an_arrow_batch_of_two_billion_zeros(path: Path) -> None:
    write_arrow(path, zero_bytes())


@bomb("a.arrow")
def an_arrow_dictionary_of_two_billion_zeros(path: Path) -> None:
    write_arrow(path, pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), zero_bytes()))


@bomb("a.arrows")
def a_stream_whose_batch_is_two_billion_zeros(path: Path) -> None:
    batch = pa.record_batch([zero_bytes()], names=["a"])
    with pa.ipc.new_stream(str(path), batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)


@bomb("a.feather")
def feather_of_two_billion_zeros(path: Path) -> None:
    pyarrow.feather.write_feather(pa.table({"a": zero_bytes()}), path, compression="lz4", chunksize=2**31 - 2)


def claiming(rows: int, lie: int) -> bytes:
    """Parquet whose footer claims another number of rows, wherever the number stands."""
    sink = io.BytesIO()
    table = pa.table({"a": list(range(rows))})
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    data = sink.getvalue()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    end = data[footer:-8].replace(b"\x16" + varint(2 * rows), b"\x16" + varint(2 * lie))
    return data[:footer] + end + len(end).to_bytes(4, "little") + b"PAR1"


def zeros(mebibytes: int) -> bytes:
    """As many bytes, compressed: one word of nothing but zeros, behind a length that is not its own."""
    piece: bytes = pa.compress(bytes(64 * MEGA), codec="zstd", asbytes=True)
    return piece * (mebibytes // 64)


@bomb("a.parquet")
def a_dictionary_of_two_gigabytes(path: Path) -> None:
    size = 1920 * MEGA
    words = page(DICTIONARY, size, zeros(1920), 1, PLAIN)
    body = pa.compress(b"\1\xd0\x0f\0", codec="zstd", asbytes=True)
    path.write_bytes(column_file(1000, words, page(DATA, 4, body, 1000, RLE_DICTIONARY)))


@bomb("a.parquet")
def a_page_whose_size_stands_where_only_arrow_looks(path: Path) -> None:
    """Arrow cuts the number of a field to 16 bits: 65538 is 2, and the last one counts."""
    hidden = (65_538, INT, signed(1920 * MEGA))
    path.write_bytes(column_file(1, page(DATA, 100, zeros(1920), 1, PLAIN, hidden)))


@bomb("a.parquet")
def a_footer_of_nine_million_columns_in_one_group(path: Path) -> None:
    chunks = b"\xfc" + varint(9_000_000) + b"\x26\0\0" * 9_000_000
    path.write_bytes(file_of(footer_of(1, one_group(1, chunks))))


@bomb("a.parquet")
def a_footer_of_ninety_million_empty_lists(path: Path) -> None:
    lists = (99, LIST, b"\xf9" + varint(90_000_000) + b"\3" * 90_000_000)
    path.write_bytes(file_of(footer_of(0, b"\x0c", lists)))


@bomb("a.parquet")
def a_page_header_of_fifteen_million_empty_lists(path: Path) -> None:
    lists = (99, LIST, b"\xf9" + varint(15_000_000) + b"\3" * 15_000_000)
    path.write_bytes(column_file(1, page(DATA, 5, b"\1\0\0\0x", 1, PLAIN, lists), codec=0))


@bomb("a.arrow")
def one_list_of_two_billion_nothings(path: Path) -> None:
    write_arrow(path, pa.ListArray.from_arrays(pa.array([0, 2**31 - 2], pa.int32()), pa.nulls(2**31 - 2)))


@bomb("a.arrow")
def a_fixed_list_of_two_billion_nothings(path: Path) -> None:
    write_arrow(path, pa.FixedSizeListArray.from_arrays(pa.nulls(2**31 - 2), 2**31 - 2))


@bomb("a.arrow")
def many_lists_of_a_million_nothings(path: Path) -> None:
    write_arrow(path, pa.FixedSizeListArray.from_arrays(pa.nulls(2_000_000_000), 1_000_000))


@bomb("a.arrow")
def an_arrow_list_of_long_words(path: Path) -> None:
    write_arrow(path, pa.ListArray.from_arrays(pa.array([0, 200_000], pa.int32()), long_word(200_000)))


@bomb("a.parquet")
def parquet_that_claims_a_trillion_rows(path: Path) -> None:
    path.write_bytes(claiming(1000, 10**12))


@bomb("a.parquet")
def parquet_that_claims_two_billion_rows(path: Path) -> None:
    path.write_bytes(claiming(1000, 2**31 - 1))


@bomb("a.parquet")
def parquet_with_a_footer_longer_than_itself(path: Path) -> None:
    data = claiming(10, 10)
    path.write_bytes(data[:-8] + b"\xff\xff\xff\x7fPAR1")


@bomb("a.parquet")
def parquet_of_many_columns(path: Path) -> None:
    pq.write_table(pa.table({f"c{number}": [1] for number in range(60_000)}), path, write_statistics=False)


@bomb("a.parquet")
def parquet_of_many_row_groups(path: Path) -> None:
    pq.write_table(pa.table({"a": range(60_000)}), path, row_group_size=1, write_statistics=False, compression="none")


@bomb("a.parquet")
def parquet_of_ten_thousand_row_groups(path: Path) -> None:
    pq.write_table(pa.table({"a": range(9_990)}), path, row_group_size=1, write_statistics=False, compression="none")


@bomb("a.parquet")
def parquet_nested_a_thousand_deep(path: Path) -> None:
    kind: pa.DataType = pa.int8()
    for _ in range(1000):
        kind = pa.list_(kind)
    try:
        pq.write_table(pa.table({"a": pa.nulls(1, kind)}), path)
    except pa.ArrowException:
        path.write_bytes(b"PAR1" + b"\x19" * 100_000 + (100_000).to_bytes(4, "little") + b"PAR1")


@bomb("a.arrow")
def arrow_that_claims_a_schema_of_two_gigabytes(path: Path) -> None:
    path.write_bytes(b"ARROW1\0\0" + struct.pack("<ii", -1, 2**31 - 8) + bytes(100) + b"\x40\x42\x0f\0ARROW1")


@bomb("a.arrows")
def a_stream_that_claims_a_body_of_an_exabyte(path: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())])) as writer:
        writer.write_table(pa.table({"a": list(range(100))}))
    data = sink.getvalue().to_pybytes()
    path.write_bytes(
        data.replace(struct.pack("<q", 832), struct.pack("<q", 2**60)).replace(b"\x20\x03\0\0", b"\0\0\0\x7f")
    )


@bomb("a.feather")
def feather_whose_buffer_claims_a_terabyte(path: Path) -> None:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"a": [7] * 100_000}), sink, compression="zstd")
    path.write_bytes(sink.getvalue().replace(struct.pack("<q", 800_000), struct.pack("<q", 2**40)))


@bomb("a.csv")
def a_header_of_a_million_columns(path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(1_000_000))
    path.write_text(f"{names}\n{','.join('1' * 1_000_000)}\n")


@bomb("a.csv")
def a_million_columns_of_one_name(path: Path) -> None:
    path.write_text("a" + ",a" * 1_000_000 + "\n1\n")


@bomb("a.csv")
def one_line_of_three_hundred_megabytes(path: Path) -> None:
    path.write_bytes(b"a,b\n1," + b"x" * (300 * MEGA))


@bomb("a.csv")
def a_quote_that_swallows_the_file(path: Path) -> None:
    path.write_bytes(b'a,b\n1,"' + b"x,y\n" * (50 * MEGA))


@bomb("a.csv")
def quotes_without_end(path: Path) -> None:
    path.write_bytes(b"a,b\n" + b'"' * (60 * MEGA))


@bomb("a.csv")
def a_sparse_table_of_a_gigabyte(path: Path) -> None:
    path.write_bytes(b"a,b\n1,2\n")
    os.truncate(path, 1 << 30)


@bomb("a.jsonl")
def json_nested_ten_million_deep(path: Path) -> None:
    path.write_bytes(b'{"a":1}\n{"a":' + b"[" * 10_000_000 + b"\n")


@bomb("a.json")
def a_json_array_nested_ten_million_deep(path: Path) -> None:
    path.write_bytes(b"[" * 10_000_000)


@bomb("a.jsonl")
def json_of_a_million_names(path: Path) -> None:
    path.write_text("{" + ",".join(f'"k{number}":1' for number in range(1_000_000)) + "}\n")


@bomb("a.jsonl")
def json_whose_every_row_has_other_names(path: Path) -> None:
    path.write_text("".join(json.dumps({f"k{number}": 1}) + "\n" for number in range(100_000)))


@bomb("a.jsonl")
def a_json_line_of_three_hundred_megabytes(path: Path) -> None:
    path.write_bytes(b'{"a":"' + b"x" * (300 * MEGA) + b'"}\n')


@bomb("a.jsonl")
def a_number_of_a_hundred_million_digits(path: Path) -> None:
    path.write_bytes(b'{"a":' + b"9" * 100_000_000 + b"}\n")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_defused(tmp_path: Path, name: str) -> None:
    file, make = BOMBS[name]
    make(tmp_path / file)
    assert (tmp_path / file).stat().st_blocks * 512 < 400 * MEGA
    ended = poisonguard("scan", file, "--no-progress", "-q", folder=tmp_path)
    if ended.code == 0:  # read as it is: no bomb to us, but then within the same bounds
        assert name in HARMLESS
    ended = ended if ended.code else type(ended)(1, "", "", ended.seconds, ended.peak)
    ended.check(idle_scan())


HARMLESS = {
    "a_page_header_of_fifteen_million_empty_lists",
    "feather_whose_buffer_claims_a_terabyte",
    "parquet_of_ten_thousand_row_groups",
}
"""What may be read in full: its claim stands where no reader looks, or it costs no more than other data."""


# Evidence


def heads() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "a head without end": lambda _: b"{" * (200 * MEGA),
        "a head of nested objects": lambda _: b"[" + b'{"a":{"a":{"a":{}}}},' * 490_000 + b"0]\n",
        "a head of empty arrays": lambda _: b"[" + b"[]," * 30_000_000 + b"0]\n",
        "a head of words": lambda _: b"[" + b",".join(b'"%07d"' % number for number in range(1_990_000)) + b"]\n",
        "a head of one word": lambda _: b'["' + b"a" * (120 * MEGA) + b'"]\n',
        "a shard of a terabyte": _large_shard,
        "half a million shards": _many_shards,
    }


def _large_shard(data: bytes) -> bytes:
    head, _, rest = data.partition(b"\n")
    value = json.loads(head)
    value["shards"][0]["lines"] = (1 << 40) - value["shards"][0]["leaves"]
    return canonical(value) + b"\n" + rest


def _many_shards(data: bytes) -> bytes:
    head, _, rest = data.partition(b"\n")
    value = json.loads(head)
    value["shards"] += [{"root": "0" * 64, "lines": 0, "leaves": 0}] * 600_000
    return canonical(value) + b"\n" + rest


@pytest.mark.parametrize("name", heads())
def test_a_bundle_that_is_a_bomb_is_refused(approved: Project, bundle: Path, name: str) -> None:
    data = heads()[name](bundle.read_bytes())
    bundle.write_bytes(data)
    if "shard of" in name:
        os.truncate(bundle, data.index(b"\n") + 1 + (1 << 40))
    ended = poisonguard("gate", "reviews", "--bundle", bundle.name, folder=approved.folder)
    ended.check(idle_gate())
    assert ended.code == 6


def test_a_chain_of_forged_trust_roots_costs_little(approved: Project, bundle: Path) -> None:
    """Anybody can sign roots of their own: those that our pin does not lead to must not be worked through."""
    from datetime import UTC, datetime

    signer = generate()
    crowd = tuple(Person(f"p{number}", (generate().public,)) for number in range(1000))
    everybody = (*crowd, Person("mallory", (signer.public,)))
    roots = [
        TrustRoot(version, datetime(2099, 1, 1, tzinfo=UTC), everybody, {RoleName.ROOT: Grant(("mallory",), 1)})
        for version in range(1, 200)
    ]
    head, _, rest = bundle.read_bytes().partition(b"\n")
    value = json.loads(head)
    value["trustRoots"] = [root.sign([signer]).to_json() for root in roots]
    bundle.write_bytes(canonical(value) + b"\n" + rest)
    assert len(head) < bundle.stat().st_size < 128 * MEGA
    ended = poisonguard("gate", "reviews", "--bundle", bundle.name, folder=approved.folder)
    ended.check(idle_gate())
    assert ended.code == 6


@pytest.mark.parametrize("name", ["trust.json", "state.json"])
def test_a_sparse_file_of_a_terabyte_is_not_read(approved: Project, name: str) -> None:
    path = approved.folder / ".poisonguard" / name
    path.touch()
    os.truncate(path, 1 << 40)
    ended = poisonguard("gate", "reviews", folder=approved.folder)
    ended.check(idle_gate())
    assert ended.code == 6


def test_a_policy_of_a_terabyte_is_not_read(approved: Project) -> None:
    path = approved.folder / "policy.yaml"
    path.touch()
    os.truncate(path, 1 << 40)
    poisonguard("gate", "reviews", "--policy", "policy.yaml", folder=approved.folder).check(idle_gate())


def test_ten_thousand_extra_files_are_counted_not_shown(approved: Project) -> None:
    for number in range(10_000):
        (approved.data / f"{number:05}.csv").touch()
    ended = poisonguard("gate", "reviews", "--version", "reviews@1", folder=approved.folder)
    ended.check(idle_gate())
    assert ended.code == 6
    assert len(ended.out.splitlines()) < 100


def test_folders_seven_hundred_deep_are_walked(approved: Project) -> None:
    here = Path.cwd()
    os.chdir(approved.data)
    for _ in range(700):
        Path("d").mkdir()
        os.chdir("d")
    Path("x").touch()
    os.chdir(here)
    try:
        ended = poisonguard("gate", "reviews", "--version", "reviews@1", folder=approved.folder)
        ended.check(idle_gate())
        assert ended.code == 6
    finally:
        subprocess.run(["rm", "-rf", str(approved.data / "d")], check=True)
