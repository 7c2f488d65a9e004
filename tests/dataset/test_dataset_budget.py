"""What a file may unfold to: footers and pages read without Arrow, rows cut before they are unfolded."""

import io
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset import unify
from poisonguard.dataset.blocks import cumulative_bytes
from poisonguard.dataset.discover import discover
from poisonguard.dataset.formats import budget, footer, pages, parquet, thrift, unfolding
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.footer import VALUES, read_footer
from poisonguard.dataset.formats.pages import read_pages
from poisonguard.dataset.formats.thrift import BINARY, INTEGER, LONG, SHORT, Reader
from poisonguard.dataset.formats.unfolding import hollow_values, unfolded
from poisonguard.dataset.hashing import FileDigests, Hashing, hash_files
from poisonguard.dataset.opening import Dataset, open_dataset
from poisonguard.errors import UnreadableData
from poisonguard.kernels.longest import longest_word

MEGA = 1 << 20


def rows_of(dataset: Dataset) -> pa.Table:
    batches = [batch.table for part in dataset.partitions() for batch in dataset.read(part)]
    return pa.Table.from_batches(batches, schema=dataset.schema)


def refused(path: Path, match: str) -> None:
    with pytest.raises(UnreadableData, match=match), open_dataset(str(path)) as dataset:
        rows_of(dataset)


def source_of(path: Path) -> Source:
    tree = discover(str(path))
    (digests,) = hash_files(tree.storage, [(tree.files[0].path, tree.files[0].size)], Hashing(sha256=False), workers=1)
    assert isinstance(digests, FileDigests)
    return Source(tree.storage, tree.files[0].path, digests.size, digests.leaves)


# Thrift


NUMBERS = {1: SHORT, 2: INTEGER}
EVERY_TYPE = bytes([0x11, 0x12, 0x15, 0x07, 0x18, 2, 65, 66, 0x19, 0x25, 2, 4, 0x1C, 0x15, 1, 0, 0x17]) + bytes(8)
EVERY_TYPE += bytes([0x13, 7, 0x1B, 1, 0x58, 2, 1, 65, 0x1A, 0x11, 1, 0x1B, 0, 0])


def test_what_is_wanted_of_a_struct_is_read() -> None:
    reader = Reader(EVERY_TYPE)
    assert reader.struct({3: INTEGER, 4: BINARY, 6: {1: INTEGER}, 99: LONG}) == {3: -4, 4: b"AB", 6: {1: -1}}
    assert reader.at == len(EVERY_TYPE)


def test_a_list_of_structs_is_read() -> None:
    assert Reader(b"\x19\x2c\x15\x02\0\x15\x04\0\0").struct({1: [{1: INTEGER}]}) == {1: [{1: 1}, {1: 2}]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x25" + b"\xff" * 20, "without end"),
        (b"\x25" + b"\xff" * 5 + b"\0\0", "more than 32 bits"),
        (b"\x14\x80\x80\x04\0", "more than 16 bits"),
        (b"\x15\x02\0", "type 5 in place of 4"),
        (b"\x14\x02\x04\x02\x02\0", "twice"),
        (b"\x35\x02\x05\x06\x02\0", "twice"),
        (b"\x04\x84\x80\x08\x02\0", "or is none"),
        (b"\x04\x01\x02\0", "or is none"),
        (b"\x30\0", "unknown type 0"),
        (b"\x3d\0", "unknown type"),
        (b"\x3c" * 40, "too deeply"),
        (b"\x39\xf9\x7f" + b"\x19" * 40, "too deeply"),
    ],
)
def test_what_readers_differ_on_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reader(data).struct(NUMBERS)


def test_more_structs_than_a_reader_should_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thrift, "MOST_STRUCTS", 5)
    with pytest.raises(ValueError, match="more than 5 structs"):
        Reader(b"\x39\x6c" + b"\0" * 7).struct(NUMBERS)


def test_a_longer_list_than_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thrift, "LONGEST_LIST", 5)
    with pytest.raises(ValueError, match="a list of 6 items"):
        Reader(b"\x19\x6c" + b"\0" * 7).struct({1: [{}]})


@pytest.mark.parametrize("size", range(8))
def test_a_struct_that_is_cut_off_is_an_index_error(size: int) -> None:
    data = b"\x15\x02\x18\x02ab\x15\x02\x00"
    for shape in ({}, {1: INTEGER, 2: BINARY, 3: INTEGER}):
        with pytest.raises(IndexError):
            Reader(data[:size]).struct(shape)


# Footers and pages

TABLES = {
    "flat": pa.table({"a": range(5000), "s": [f"w{n % 7}" * (n % 50) for n in range(5000)]}),
    "nested": pa.table(
        {"m": [[{"r": "x" * (n % 5), "k": n}] * (n % 4) for n in range(3000)], "b": [True, None] * 1500}
    ),
    "fixed": pa.table({"f": pa.array([bytes([n % 9]) * 12 for n in range(1000)], pa.binary(12))}),
}


@pytest.mark.parametrize(
    ("name", "codec"), list(itertools.product(TABLES, ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]))
)
def test_footer_and_pages_agree_with_arrow(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(TABLES[name], path, compression=codec, row_group_size=1100, data_page_size=2000)
    arrow, source = pq.read_metadata(path), source_of(path)
    with source.open() as file:
        said = read_footer(source, file)
        assert [group.rows for group in said.groups] == [
            arrow.row_group(number).num_rows for number in range(arrow.num_row_groups)
        ]
        assert [leaf.repeats for leaf in said.leaves] == [
            arrow.schema.column(number).max_repetition_level > 0 for number in range(arrow.num_columns)
        ]
        for number, group in enumerate(said.groups):
            for index, (leaf, facts) in enumerate(zip(said.leaves, group.facts, strict=True)):
                found = read_pages(source, file, leaf, facts, 1000)
                assert found.values.sum() == facts[VALUES] == arrow.row_group(number).column(index).num_values
                assert found.held <= arrow.row_group(number).column(index).total_uncompressed_size


@pytest.mark.parametrize("rows", [1, 10, 500, 65_536])
def test_no_batch_takes_more_than_was_foretold(tmp_path: Path, rows: int) -> None:
    draw = np.random.default_rng(3)
    words = [chr(97 + number) * int(size) for number, size in enumerate(draw.integers(1, 3000, 26))]
    values = [words[k] for k in draw.integers(0, 26, 4000)] + ["y" * int(n) for n in draw.integers(0, 900, 4000)]
    path = tmp_path / "x.parquet"
    table = pa.table({"s": values})
    pq.write_table(table, path, data_page_size=5000, dictionary_pagesize_limit=60_000)
    source = source_of(path)
    with source.open() as file:
        said = read_footer(source, file)
        (leaf,) = said.leaves
        foretold = read_pages(source, file, leaf, said.groups[0].facts[0], rows).bytes_of(rows, leaf)
    lengths = np.array([len(value) for value in values])
    ends = np.cumsum(np.append(0, lengths))
    most = max(int(ends[min(8000, start + rows)] - ends[start]) for start in range(0, 8000, 7))
    assert most <= foretold


def test_the_longest_word_is_found() -> None:
    words = [b"", b"abc", b"x" * 70_000, b"de"]
    data = b"".join(len(word).to_bytes(4, "little") + word for word in words)
    assert longest_word(np.frombuffer(data, np.uint8)) == 70_000
    assert longest_word(np.frombuffer(data[:60_000], np.uint8)) == 3
    assert longest_word(np.frombuffer(b"\xff\xff\xff", np.uint8)) == 0


def test_small_row_groups_are_read_together(tmp_path: Path) -> None:
    table = pa.table({"a": range(200_000)})
    with pq.ParquetWriter(tmp_path / "x.parquet", table.schema) as writer:
        for size in (1, 2, 60_000, 10_000, 100_000, 5, 29_992):
            writer.write_table(table.slice(0, size))
    with open_dataset(str(tmp_path)) as dataset:
        assert [part.rows for part in dataset.partitions()] == [60_003, 10_000, 100_000, 29_997]
        assert [part.first_row for part in dataset.partitions()] == [0, 60_003, 70_003, 170_003]
        assert rows_of(dataset).num_rows == 200_000


@pytest.mark.parametrize("most", [1, 50_000, 1 << 30])
def test_rows_do_not_depend_on_how_many_are_unfolded_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(budget, "MOST_AT_ONCE", most)
    pq.write_table(TABLES["flat"], tmp_path / "x.parquet", row_group_size=1000)
    monkeypatch.setattr(budget, "HELD_RATIO", 1000)
    with open_dataset(str(tmp_path)) as dataset:
        assert rows_of(dataset).equals(TABLES["flat"])


# Bombs, small ones


def test_a_footer_that_says_it_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FREE_ALLOWANCE", MEGA)
    pq.write_table(pa.table({"a": pa.nulls(500_000, pa.int8())}), tmp_path / "x.parquet")
    with pytest.raises(UnreadableData, match=r"x\.parquet: \d+ bytes unfold to more than 1 MiB") as caught:
        open_dataset(str(tmp_path))
    assert "split it" in caught.value.hint


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_a_word_that_stands_in_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(budget, "FREE_ALLOWANCE", MEGA)
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 10_000]))
    write(tmp_path / name, pa.table({"a": words}))
    refused(tmp_path, r"unfold to more than \d+ MiB, a decompression bomb")


def write(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(str(path), table.schema, options=options) as writer:
            writer.write_table(table)


def test_a_part_that_is_read_again_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FREE_ALLOWANCE", 200_000)
    monkeypatch.setattr(budget, "LARGEST_RATIO", 1)
    pq.write_table(pa.table({"a": range(3000)}), tmp_path / "x.parquet")
    with open_dataset(str(tmp_path)) as dataset:
        assert [rows_of(dataset).num_rows for _ in range(5)] == [3000] * 5


def test_a_page_that_unfolds_to_more_than_may_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_AT_ONCE", MEGA)
    table = pa.table({"a": ["x" * (2 * MEGA)]})
    pq.write_table(table, tmp_path / "x.parquet", compression="zstd", use_dictionary=False, write_statistics=False)
    refused(tmp_path, r"x\.parquet: the pages of row group 0 may take 2 MiB at once")


def test_one_row_of_many_nulls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_AT_ONCE", MEGA)
    lists = pa.ListArray.from_arrays(pa.array([0, 500_000], pa.int32()), pa.nulls(500_000, pa.int8()))
    pq.write_table(pa.table({"a": lists}), tmp_path / "x.parquet")
    refused(tmp_path, r"x\.parquet: the lists of row group 0 may take 5 MiB at once")


def test_pages_that_hold_more_than_the_footer_says(tmp_path: Path) -> None:
    """A list's footer says two values, its page holds five: Arrow unfolds what the page says."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [[1, 2, 3, 4, 5]]}), sink, compression="none", write_statistics=False)
    data = sink.getvalue()
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in (place for place in range(end, len(data) - 8) if data[place : place + 2] == b"\x16\x0a"):
        (tmp_path / "x.parquet").write_bytes(data[: place + 1] + b"\x04" + data[place + 2 :])
        refused(tmp_path, r"x\.parquet")


def test_too_many_columns_over_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unify, "MOST_COLUMNS", 10)
    for number in range(4):
        pq.write_table(pa.table({f"c{number}-{index}": [1] for index in range(3)}), tmp_path / f"{number}.parquet")
    refused(tmp_path, r"3\.parquet: brings the dataset to 12 columns")


def test_too_many_fields_inside_a_struct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unify, "MOST_COLUMNS", 10)
    (tmp_path / "x.jsonl").write_text('{"a":[{' + ",".join(f'"k{number}":1' for number in range(11)) + "}]}\n")
    refused(tmp_path, r"x\.jsonl: brings the dataset to 12 columns")


def test_too_many_columns_in_one_parquet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_COLUMNS", 3)
    pq.write_table(pa.table({f"c{number}": [1] for number in range(4)}), tmp_path / "x.parquet")
    refused(tmp_path, r"x\.parquet: 4 columns")


def test_too_many_column_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footer, "MOST_CHUNKS", 5)
    pq.write_table(pa.table({"a": range(6), "b": range(6)}), tmp_path / "x.parquet", row_group_size=2)
    refused(tmp_path, r"x\.parquet: 3 row groups of 2 columns")


def test_too_large_a_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footer, "LARGEST_FOOTER", 100)
    pq.write_table(pa.table({"a": range(6)}), tmp_path / "x.parquet")
    refused(tmp_path, r"x\.parquet: a footer of 0 MiB")


def test_a_large_dictionary_is_not_unfolded_to_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_AT_ONCE", MEGA)
    for name, most in (("HARMLESS", 1000), ("LARGEST_DICTIONARY", MEGA), ("CODECS", None)):
        monkeypatch.setattr(pages, name, most)
    table = pa.table({"a": ["x" * MEGA, "y" * MEGA]})
    pq.write_table(table, tmp_path / "x.parquet", compression="zstd", dictionary_pagesize_limit=4 * MEGA)
    refused(tmp_path, r"x\.parquet: the pages of row group 0 may take 2 MiB at once")


# Arrow's encodings

WORD = "x" * 100_000
SHARED = {
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([WORD])),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([3000], pa.int32()), pa.array([WORD])),
    "view": pa.array([WORD] * 3000, pa.string_view()),
    "list of words": pa.ListArray.from_arrays(
        pa.array(range(3001), pa.int32()),
        pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([WORD])),
    ),
    "struct of words": pa.StructArray.from_arrays(
        [pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([WORD]))], names=["w"]
    ),
    "list view": pa.ListViewArray.from_arrays(
        pa.array([0] * 3000, pa.int32()), pa.array([20_000] * 3000, pa.int32()), pa.array(range(20_000), pa.int32())
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_shared_bytes_are_unfolded_a_few_rows_at_a_time(name: str) -> None:
    from poisonguard.dataset.arrowtypes import canonical_schema

    batch = pa.record_batch([SHARED[name]], names=["a"])
    schema = canonical_schema("x", batch.schema)
    rows = 0
    for piece in itertools.islice(unfolded("x", batch, schema), 3):
        assert piece.schema == schema
        assert piece.nbytes <= 65 * MEGA
        rows += piece.num_rows
    assert 0 < rows < 3000


def test_what_shares_nothing_stays_in_one_piece() -> None:
    batch = pa.record_batch({"a": range(9000), "s": ["y" * 5000] * 9000, "n": pa.nulls(9000)})
    assert [piece.num_rows for piece in unfolded("x", batch, batch.schema)] == [9000]


NOTHING = pa.array([[None] * 3, [None], None], pa.list_(pa.null()))
ENTRIES = pa.array([[(1, None)], [(2, None), (3, None)]], pa.map_(pa.int8(), pa.null()))


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.nulls(5), 0),
        (pa.array([{}, {}]), 0),
        (NOTHING, 4),
        (NOTHING.slice(1), 1),
        (NOTHING.slice(0, 0), 0),
        (ENTRIES, 3),
        (ENTRIES.slice(1), 2),
        (pa.array([[{}, {}]]), 2),
        (pa.array([{"a": [None] * 4, "b": [1]}]), 4),
        (pa.array([[[None], [None]]]), 2),
    ],
)
def test_values_in_lists_that_take_no_bytes_are_counted(array: pa.Array, values: int) -> None:
    assert hollow_values(array) == values


@pytest.mark.parametrize("name", ["nulls", "structs", "fixed", "words"])
def test_one_row_that_may_not_be_unfolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(unfolding, "LARGEST_ROW", MEGA)
    offsets, count = pa.array([0, 40_000], pa.int32()), 40_000
    lists = {
        "nulls": pa.ListArray.from_arrays(offsets, pa.nulls(count)),
        "structs": pa.ListArray.from_arrays(offsets, pa.array([{}] * count)),
        "fixed": pa.FixedSizeListArray.from_arrays(pa.nulls(count), count),
        "words": pa.ListArray.from_arrays(offsets, pa.array(["x" * 50] * count).dictionary_encode()),
    }
    write(tmp_path / "x.arrow", pa.table({"a": lists[name]}))
    refused(tmp_path, r"x\.arrow: a row may unfold to 1 MiB, a decompression bomb")


def test_lists_of_nothing_are_not_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FREE_ALLOWANCE", MEGA)
    write(tmp_path / "x.arrow", pa.table({"a": pa.FixedSizeListArray.from_arrays(pa.nulls(40_000), 10)}))
    refused(tmp_path, r"unfold to more than \d+ MiB, a decompression bomb")


def test_a_slice_of_lists_is_counted_by_what_it_holds() -> None:
    lists = pa.array([["ab", "c"], None, ["d"], ["efg"]])
    maps = pa.array([[("a", [1])], [("bb", [1, 2]), ("c", [])], []], pa.map_(pa.string(), pa.list_(pa.int16())))
    batch = pa.record_batch([lists.slice(0, 3), maps], names=["a", "b"])
    assert cumulative_bytes(batch).tolist() == [0, 6, 13, 14]
    assert cumulative_bytes(batch.slice(1)).tolist() == [0, 7, 8]
    assert len(cumulative_bytes(pa.record_batch([pa.array([[None] * 9, [None]]).slice(1)], names=["a"]))) == 2
