"""Compressed buffers of Arrow IPC: what they unpack to is known, and refused, before Arrow unpacks them."""

import io
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset.formats import budget
from poisonguard.dataset.formats.ipcguard import GuardedStream
from poisonguard.dataset.formats.ipcmessage import HEAD, file_blocks, metadata_size, parse_message, unpacked_size
from poisonguard.dataset.opening import open_dataset
from poisonguard.errors import UnreadableData

MEGA = 1 << 20
ROWS = 4000
TABLE = pa.table(
    {
        "number": range(ROWS),
        "text": [f"row {number % 97}" for number in range(ROWS)],
        "gap": [None if number % 3 else number / 7 for number in range(ROWS)],
        "list": [[number] * (number % 5) for number in range(ROWS)],
        "word": pa.array([f"word {number % 7}" for number in range(ROWS)]).dictionary_encode(),
        "view": pa.array([f"long enough to stand elsewhere {number % 11}" for number in range(ROWS)], pa.string_view()),
        "nothing": pa.nulls(ROWS),
    }
)


def written(form: str, codec: str | None, table: pa.Table = TABLE, rows: int = 1000) -> bytes:
    sink = io.BytesIO()
    if form == "feather":
        pyarrow.feather.write_feather(table, sink, compression=codec or "uncompressed", chunksize=rows)
        return sink.getvalue()
    new = pa.ipc.new_stream if form == "arrows" else pa.ipc.new_file
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def read(folder: Path, form: str, data: bytes) -> pa.Table:
    (folder / f"x.{form}").write_bytes(data)
    with open_dataset(str(folder)) as dataset:
        parts = [batch.table for part in dataset.partitions() for batch in dataset.read(part)]
        return pa.Table.from_batches(parts, schema=dataset.schema)


FORMS = pytest.mark.parametrize("form", ["arrow", "arrows", "feather"])
CODECS = pytest.mark.parametrize("codec", ["lz4", "zstd"])


@FORMS
@CODECS
def test_compressed_files_are_read_as_plain_ones(tmp_path: Path, form: str, codec: str) -> None:
    expected = read(tmp_path, form, written(form, None))
    assert read(tmp_path, form, written(form, codec)).equals(expected)
    assert expected.num_rows == ROWS
    assert expected["word"].to_pylist() == TABLE["word"].to_pylist()


def test_dictionaries_that_grow_and_change_in_a_stream(tmp_path: Path) -> None:
    sink, kind = io.BytesIO(), pa.dictionary(pa.int32(), pa.string())
    options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=True)
    words = [["a"], ["a", "b"], ["a", "b", "c" * 500], ["z"]]
    with pa.ipc.new_stream(sink, pa.schema([("w", kind)]), options=options) as writer:
        for known in words:
            column = pa.DictionaryArray.from_arrays(pa.array([len(known) - 1], pa.int32()), pa.array(known))
            writer.write_batch(pa.record_batch([column], names=["w"]))
    assert read(tmp_path, "arrows", sink.getvalue())["w"].to_pylist() == [known[-1] for known in words]


ZEROS = pa.table({"a": pa.array([0] * MEGA, pa.int8())})


@FORMS
@CODECS
@pytest.mark.parametrize("place", ["batch", "dictionary"])
def test_what_unpacks_to_too_much_at_once_never_reaches_arrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, codec: str, place: str
) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), ZEROS["a"].chunk(0))
    table = ZEROS if place == "batch" else pa.table({"a": words})
    data = written(form, codec, table, MEGA)
    monkeypatch.setattr(budget, "MOST_AT_ONCE", MEGA - 1)
    before = pa.default_memory_pool().total_bytes_allocated()
    with pytest.raises(UnreadableData, match=rf"x\.{form}: a batch unpacks to 1 MiB at once, over 16 times") as caught:
        read(tmp_path, form, data)
    assert "Write batches of fewer rows" in caught.value.hint
    assert pa.default_memory_pool().total_bytes_allocated() - before < MEGA
    monkeypatch.setattr(budget, "MOST_AT_ONCE", MEGA + 64)
    assert read(tmp_path, form, data).num_rows == table.num_rows


@FORMS
def test_what_unpacks_to_too_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(budget, "FREE_ALLOWANCE", MEGA // 2)
    monkeypatch.setattr(budget, "LARGEST_RATIO", 1)
    monkeypatch.setattr("poisonguard.dataset.formats.arrowipc.unfolded_bytes", lambda _: 0)
    with pytest.raises(UnreadableData, match="unfold to more than 0 MiB, a decompression bomb"):
        read(tmp_path, form, written(form, "zstd", ZEROS, 1000))


@FORMS
@pytest.mark.parametrize("lie", [-(2**63), -2, 0, MEGA - 1, MEGA + 1, 2**40, 2**63 - 1])
def test_a_buffer_that_lies_of_its_length_is_refused(tmp_path: Path, form: str, lie: int) -> None:
    honest, false = struct.pack("<q", MEGA), struct.pack("<q", lie)
    data = written(form, "zstd", ZEROS, MEGA)
    places = [at for at in range(len(data)) if data.startswith(honest + b"\x28\xb5\x2f\xfd", at)]
    assert len(places) == 1  # before zstd's own magic number
    with pytest.raises(UnreadableData, match=rf"x\.{form}: "):
        read(tmp_path, form, data[: places[0]] + false + data[places[0] + 8 :])


COLUMNS = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=60).map(
        lambda v: pa.array(v, pa.int64())
    ),
    st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=60).map(lambda v: pa.array(v, pa.string())),
    st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=60).map(lambda v: pa.array(v, pa.list_(pa.int16()))),
    st.integers(0, 5000).map(lambda count: pa.array([True] * count)),
)


@given(COLUMNS, st.sampled_from(["lz4", "zstd"]))
@settings(max_examples=60, deadline=None)
def test_the_sum_is_what_arrow_unpacks(column: pa.Array, codec: str) -> None:
    data = written("arrows", codec, pa.table({"a": column}), 6000)
    batches = list(pa.ipc.open_stream(data))
    sums = [sum(buffer.size for buffer in batch.column(0).buffers() if buffer) for batch in batches]
    messages = list(pa.ipc.MessageReader.open_stream(data))[1:]
    assert [size_of(message) for message in messages] == sums


def size_of(message: pa.ipc.Message) -> int:
    parsed, body = parse_message(message.metadata.to_pybytes()), message.body.to_pybytes()
    assert parsed.body == len(body)
    return unpacked_size(parsed, lambda offset: body[offset : offset + HEAD])


def first_batch(codec: str | None) -> bytes:
    data = written("arrows", codec, ZEROS, MEGA)
    metadata: bytes = list(pa.ipc.MessageReader.open_stream(data))[1].metadata.to_pybytes()
    return metadata


def test_buffers_are_within_the_body_and_share_nothing() -> None:
    metadata = first_batch("zstd")
    message = parse_message(metadata)
    (_, (offset, length)) = message.buffers.tolist()
    pair, body = struct.pack("<qq", offset, length), message.body
    for false in ((offset, body + 1), (body + 8, 1), (-8, length), (offset, -1), (2**62, 2**62)):
        with pytest.raises(ValueError, match="beyond its body"):
            parse_message(metadata.replace(pair, struct.pack("<qq", *false)))
    twice = metadata.replace(struct.pack("<qqqq", *message.buffers.ravel()), struct.pack("<qq", 0, body) * 2)
    assert twice != metadata
    with pytest.raises(ValueError, match="share the same bytes"):
        parse_message(twice)


def test_the_words_of_arrow_0_17_for_compression_are_understood() -> None:
    metadata = first_batch(None)
    assert not parse_message(metadata).compressed
    assert parse_message(metadata + b"ARROW:experimental_compression").compressed


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_metadata_are_a_value_error(data: st.DataObject) -> None:
    metadata = bytearray(first_batch("zstd"))
    for _ in range(data.draw(st.integers(1, 4))):
        metadata[data.draw(st.integers(0, len(metadata) - 1))] = data.draw(st.integers(0, 255))
    stop = data.draw(st.integers(0, len(metadata)))
    try:
        assert parse_message(bytes(metadata[:stop])).body >= 0
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either is right


def test_messages_of_a_file_share_nothing() -> None:
    data = written("arrow", "zstd")
    dictionaries, batches = file_blocks(len(data), lambda start, stop: data[start:stop])
    assert (len(dictionaries), len(batches)) == (1, 4)
    block = batches[0]
    assert metadata_size(data[block.offset :])[1] + 8 == block.metadata
    false = data.replace(struct.pack("<qi", block.offset, block.metadata), struct.pack("<qi", block.offset, len(data)))
    with pytest.raises(ValueError, match="messages share the same bytes"):
        file_blocks(len(false), lambda start, stop: false[start:stop])
    false = data.replace(struct.pack("<qi", block.offset, block.metadata), struct.pack("<qi", -8, block.metadata))
    with pytest.raises(ValueError, match="before the file's start"):
        file_blocks(len(false), lambda start, stop: false[start:stop])
    with pytest.raises(ValueError, match="longer than the file"):
        file_blocks(10, lambda *_: b"\xff\xff\xff\x7fARROW1")


def test_a_footer_and_a_message_that_differ_in_size(tmp_path: Path) -> None:
    data = written("arrow", "zstd")
    block = file_blocks(len(data), lambda start, stop: data[start:stop])[1][0]
    honest, false = (struct.pack("<qi", block.offset, size) for size in (block.metadata, block.metadata - 8))
    with pytest.raises(UnreadableData, match="the footer and a message differ in its size"):
        read(tmp_path, "arrow", data.replace(honest, false))


@pytest.mark.parametrize("size", [1, 3, 8, 1000, -1])
def test_a_stream_is_passed_on_byte_by_byte(size: int) -> None:
    class Free:
        def allow(self, *_: object) -> None:
            """Everything."""

    data = written("arrows", "lz4")
    for stop in (len(data), len(data) - 2, len(data) // 2, 300, 6, 0):
        stream, pieces = GuardedStream(io.BytesIO(data[:stop]), Free()), list[bytes]()  # type: ignore[arg-type] # allows
        while piece := stream.read(size):
            pieces.append(piece)
        assert b"".join(pieces) == data[:stop]
