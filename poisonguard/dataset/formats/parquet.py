"""Parquet: page checksums verified, row groups streamed, footers compared and not believed.

Rules:

1. Bytes come through the chunk-checked file; a column chunk that names another file is refused.
2. Row groups are streamed in bounded batches; a whole group is never asked for.
3. The footer's row counts must agree with its own column counts, and with the rows that come out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from poisonguard.dataset.arrowtypes import canonical_schema
from poisonguard.dataset.formats.base import Part, Source, readable_as, subset
from poisonguard.errors import UnreadableData

THRIFT_LIMIT = 100 << 20
"""Bytes or items that a footer may claim; a forged one asks for gigabytes."""
MOST_GROUPS = 10_000
"""Row groups of one file: each is read on its own, with the footer that lists them all."""
BATCH_BYTES = 16 << 20
LARGEST_BATCH, SMALLEST_BATCH = 65_536, 16


class ParquetTable:
    """One Parquet file."""

    loose: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()

    def __init__(self, source: Source) -> None:
        self._source = source
        with readable_as(source.path, "Parquet"), source.open() as file:
            reader = _reader(file)
            _check_footer(source, reader.metadata)
            self.schema = canonical_schema(source.shown, reader.schema_arrow)
            self.parts = tuple(_parts(reader.metadata))
            self._batch_rows = [_batch_rows(reader.metadata.row_group(part.index)) for part in self.parts]

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of one row group."""
        wanted = subset(self.schema, frozenset(schema.names))
        seen = 0
        with readable_as(self._source.path, "Parquet"), self._source.open() as file:
            reader = _reader(file)
            batches = reader.iter_batches(
                batch_size=self._batch_rows[part.index], row_groups=[part.index], columns=wanted, use_threads=False
            )
            for batch in batches:
                # Only now: pyarrow's view of a column's metadata aborts the process when they are damaged, while
                # decoding a first batch of that column raises.
                if seen == 0 and len(wanted) == len(self.schema):
                    _check_columns(self._source, reader.metadata, part.index)
                seen += batch.num_rows
                yield batch
        if seen != part.rows:
            raise UnreadableData(
                f"{self._source.shown}: row group {part.index} holds {seen} rows, its footer says {part.rows}",
                hint="The file was forged or damaged: fetch it again.",
            )


def _reader(file: pa.NativeFile) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.PythonFile(file, mode="r"),
        page_checksum_verification=True,
        pre_buffer=False,
        thrift_string_size_limit=THRIFT_LIMIT,
        thrift_container_size_limit=THRIFT_LIMIT,
    )


def _parts(metadata: pq.FileMetaData) -> Iterator[Part]:
    first_row = 0
    for index in range(metadata.num_row_groups):
        rows = metadata.row_group(index).num_rows
        yield Part(first_row, rows, index)
        first_row += rows


def _batch_rows(group: pq.RowGroupMetaData) -> int:
    """Rows to decode at a time: about 16 MiB by the footer's word; only memory depends on it."""
    if group.num_rows <= 0 or group.total_byte_size <= 0:
        return LARGEST_BATCH
    return int(max(SMALLEST_BATCH, min(LARGEST_BATCH, BATCH_BYTES * group.num_rows // group.total_byte_size)))


def _check_footer(source: Source, metadata: pq.FileMetaData) -> None:
    if metadata.num_row_groups > MOST_GROUPS:
        raise UnreadableData(
            f"{source.shown}: {metadata.num_row_groups} row groups",
            hint=f"At most {MOST_GROUPS} can be read: write larger ones.",
        )
    total = sum(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    if total != metadata.num_rows:
        raise UnreadableData(
            f"{source.shown}: the footer counts {metadata.num_rows} rows, its row groups {total}",
            hint="The file was forged or damaged: fetch it again.",
        )


def _check_columns(source: Source, metadata: pq.FileMetaData, number: int) -> None:
    group = metadata.row_group(number)
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.file_path:
            raise UnreadableData(
                f"{source.shown}: keeps column data in another file", hint="Write it as one self-contained file."
            )
        if metadata.schema.column(index).max_repetition_level == 0 and chunk.num_values != group.num_rows:
            raise _forged(source, number, chunk.num_values, group.num_rows)


def _forged(source: Source, group: int, values: int, rows: int) -> UnreadableData:
    return UnreadableData(
        f"{source.shown}: row group {group} claims {rows} rows but a column of {values} values",
        hint="The file was forged or damaged: fetch it again.",
    )
