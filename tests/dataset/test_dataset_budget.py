"""What a file may unfold to: footers and pages read without Arrow, rows cut before they are unfolded."""

import io
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset import unify
from poisonguard.dataset.discover import discover
from poisonguard.dataset.formats import budget, parquet
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.footer import VALUES, read_footer
from poisonguard.dataset.formats.pages import read_pages
from poisonguard.dataset.formats.thrift import Reader
from poisonguard.dataset.formats.unfolding import unfolded
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


def test_a_struct_is_read_with_every_type() -> None:
    data = bytes([0x11, 0x12, 0x15, 0x07, 0x18, 2, 65, 66, 0x19, 0x25, 2, 4, 0x1C, 0x15, 1, 0, 0x17]) + bytes(8) + b"\0"
    found = Reader(data).struct()
    assert found == {1: True, 2: False, 3: -4, 4: b"AB", 5: [1, 2], 6: {1: -1}, 7: bytes(8)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x15" + b"\xff" * 20, "without end"),
        (b"\x15\x02\x05\x02\x02\x00", "twice"),
        (b"\x1d\x00", "unknown type"),
        (b"\x1c" * 40, "too deeply"),
    ],
)
def test_what_readers_differ_on_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reader(data).struct()


@pytest.mark.parametrize("size", range(8))
def test_a_struct_that_is_cut_off_is_an_index_error(size: int) -> None:
    data = b"\x15\x02\x18\x02ab\x15\x02\x00"
    with pytest.raises(IndexError):
        Reader(data[:size]).struct()


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
        footer = read_footer(source, file)
        assert [group.rows for group in footer.groups] == [
            arrow.row_group(number).num_rows for number in range(arrow.num_row_groups)
        ]
        assert [leaf.repeats for leaf in footer.leaves] == [
            arrow.schema.column(number).max_repetition_level > 0 for number in range(arrow.num_columns)
        ]
        for number, group in enumerate(footer.groups):
            for index, (leaf, facts) in enumerate(zip(footer.leaves, group.facts, strict=True)):
                pages = read_pages(source, file, leaf, facts, 1000)
                assert pages.values.sum() == facts[VALUES] == arrow.row_group(number).column(index).num_values
                assert pages.held <= arrow.row_group(number).column(index).total_uncompressed_size


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
        footer = read_footer(source, file)
        foretold = read_pages(source, file, footer.leaves[0], footer.groups[0].facts[0], rows).bytes_of(
            rows, footer.leaves[0]
        )
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
    for piece in itertools.islice(unfolded(batch, schema), 3):
        assert piece.schema == schema
        assert piece.nbytes <= 65 * MEGA
        rows += piece.num_rows
    assert 0 < rows < 3000


def test_what_shares_nothing_stays_in_one_piece() -> None:
    batch = pa.record_batch({"a": range(9000), "s": ["y" * 5000] * 9000, "n": pa.nulls(9000)})
    assert [piece.num_rows for piece in unfolded(batch, batch.schema)] == [9000]
