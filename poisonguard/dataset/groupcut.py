"""Parquet and Arrow files cut in two at their rows, and put together again, group by group.

Rules:

1. The schema with its metadata, the borders of row groups (record batches) and the codec of every column stay. Pages
   are written anew: the bytes differ from the original's, the values do not.
2. A group of which every row goes leaves no group behind; the numbers of the rows say where it was.
3. Values are compared as the manifest compares them, by row digests in order.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from poisonguard.dataset.arrowtypes import canonical_schema
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.unfolding import unfolded
from poisonguard.dataset.rows import row_digests
from poisonguard.dataset.sniff import ARROW_STREAM, PARQUET

Rows = npt.NDArray[np.int64]
Write = Callable[[pa.Table], None]

_MAGIC = b"ARROW1\0\0"
_HEADER, _COMPRESSION, _CODEC = 2, 3, 0
"""Fields of the FlatBuffers tables Message, RecordBatch and BodyCompression (Arrow's format/Message.fbs)."""
_CODECS = ("lz4", "zstd")


class Groups:
    """The row groups or record batches of one file, in its own types.

    Args:
        source: The file; when it is compressed as a whole, only a stream can be read.
        kind: ``parquet``, ``arrow`` or ``arrow-stream``.
    """

    def __init__(self, source: Source, kind: str) -> None:
        self._source = source
        self._kind = kind
        with source.stream() if kind == ARROW_STREAM else source.open() as file:
            reader = self._reader(file)
            self.schema: pa.Schema = reader.schema_arrow if kind == PARQUET else reader.schema
            self._layout = reader.metadata if kind == PARQUET else None
        self._codec = None if kind == PARQUET else _codec(source, stream=kind == ARROW_STREAM)

    def __iter__(self) -> Iterator[pa.Table]:
        with self._source.stream() if self._kind == ARROW_STREAM else self._source.open() as file:
            reader = self._reader(file)
            if self._kind == PARQUET:
                yield from (reader.read_row_group(number, use_threads=False) for number in range(reader.num_row_groups))
            elif self._kind == ARROW_STREAM:
                yield from (pa.Table.from_batches([batch]) for batch in reader)
            else:
                numbers = range(reader.num_record_batches)
                yield from (pa.Table.from_batches([reader.get_batch(number)]) for number in numbers)

    @contextmanager
    def writer(self, sink: Any) -> Iterator[Write]:
        """Writes groups into a new file of the same kind; a group without rows is left out."""
        if self._kind == PARQUET:
            with pq.ParquetWriter(sink, self.schema, **_layout(self._layout)) as parquet:
                yield lambda table: parquet.write_table(table, row_group_size=len(table)) if len(table) else None
            return
        new = pa.ipc.new_stream if self._kind == ARROW_STREAM else pa.ipc.new_file
        options = pa.ipc.IpcWriteOptions(compression=self._codec)
        with new(sink, self.schema, options=options) as writer:
            yield lambda table: writer.write_table(table.combine_chunks()) if len(table) else None

    def _reader(self, file: Any) -> Any:
        content = pa.PythonFile(file, mode="r")
        if self._kind == PARQUET:
            return pq.ParquetFile(content, page_checksum_verification=True, pre_buffer=False)
        return pa.ipc.open_stream(content) if self._kind == ARROW_STREAM else pa.ipc.open_file(content)


def cut_groups(groups: Groups, going: Rows, stays: Write, goes: Write) -> tuple[int, ...]:
    """Cut a file in two; gives the rows of its groups."""
    sizes = list[int]()
    for table in groups:
        first = sum(sizes)
        away = np.isin(np.arange(first, first + len(table)), going)
        stays(table.filter(pa.array(~away)))
        goes(table.filter(pa.array(away)))
        sizes.append(len(table))
    return tuple(sizes)


def joined_groups(
    stays: Iterable[pa.Table], goes: Iterable[pa.Table], gone: Rows, sizes: Sequence[int]
) -> Iterator[pa.Table]:
    """The groups that ``cut_groups`` cut, ``sizes`` rows each."""
    kept, away = _Rows(stays), _Rows(goes)
    first = 0
    for size in sizes:
        mine = gone[np.searchsorted(gone, first) : np.searchsorted(gone, first + size)] - first
        parts, row = list[pa.Table](), 0
        for number in mine.tolist():
            parts += [*kept.take(number - row), *away.take(1)]
            row = number + 1
        parts += kept.take(size - row)
        if parts:
            yield pa.concat_tables(parts).unify_dictionaries()
        first += size


def digest_of_rows(groups: Iterable[pa.Table], schema: pa.Schema, name: str) -> str:
    """Hex SHA-256 over the digests of all rows in order."""
    canonical, total = canonical_schema(name, schema), hashlib.sha256()
    for table in groups:
        for batch in table.to_batches():
            for piece in unfolded(name, batch, canonical):
                total.update(np.ascontiguousarray(row_digests(piece)).data)
    return total.hexdigest()


class _Rows:
    """Tables, handed out a number of rows at a time."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = iter(tables)
        self._held: pa.Table | None = None
        self._place = 0

    def take(self, rows: int) -> list[pa.Table]:
        """The next rows; fewer when there are no more."""
        parts = list[pa.Table]()
        while rows > 0:
            if self._held is None or self._place == len(self._held):
                self._held, self._place = next(self._tables, None), 0
                if self._held is None:
                    return parts
            part = self._held.slice(self._place, rows)
            self._place, rows = self._place + len(part), rows - len(part)
            parts.append(part)
        return parts


def _layout(metadata: Any) -> dict[str, Any]:
    """What the first row group says of how the file was written."""
    if not metadata.num_row_groups:
        return {}
    group = metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    coded = [item.path_in_schema for item in columns if {"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(item.encodings)]
    codecs = {item.path_in_schema: _parquet_codec(item.compression) for item in columns}
    return {
        "compression": codecs,
        "use_dictionary": coded or False,
        "version": metadata.format_version if metadata.format_version in {"1.0", "2.4", "2.6"} else "2.6",
        "sorting_columns": group.sorting_columns or None,
        "write_page_index": any(item.has_column_index for item in columns),
    }


def _parquet_codec(name: str) -> str:
    return "none" if name == "UNCOMPRESSED" else "snappy" if name == "UNKNOWN" else name.lower()


def _codec(source: Source, *, stream: bool) -> str | None:
    """Codec of the first record batch's buffers, which Arrow does not tell."""
    with source.stream() if stream else source.open() as file:
        if not stream:
            file.read(len(_MAGIC))
        reader = pa.ipc.MessageReader.open_stream(pa.PythonFile(file, mode="r"))
        for message in iter(reader.read_next_message, None):
            if message.type == "record batch":
                return _codec_of(message.metadata.to_pybytes())
            if message.type not in {"schema", "dictionary"}:
                break
    return None


def _codec_of(metadata: bytes) -> str | None:
    message = struct.unpack_from("<I", metadata)[0]
    batch = _table(metadata, message, _HEADER)
    compression = _table(metadata, batch, _COMPRESSION) if batch is not None else None
    if compression is None:
        return None
    place = _field(metadata, compression, _CODEC)
    return _CODECS[metadata[place] if place is not None else 0]


def _field(data: bytes, table: int, number: int) -> int | None:
    """Where field ``number`` of a FlatBuffers table lies, if it is there."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    entry = 4 + 2 * number
    if entry >= struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset: int = struct.unpack_from("<H", data, vtable + entry)[0]
    return table + offset if offset else None


def _table(data: bytes, table: int, number: int) -> int | None:
    """Where the table that field ``number`` refers to lies, if it is there."""
    place = _field(data, table, number)
    return None if place is None else place + int(struct.unpack_from("<I", data, place)[0])
