"""Parquet: page checksums verified, row groups streamed, footers compared and not believed.

Rules:

1. Bytes come through the chunk-checked file; a column chunk that names another file is refused.
2. Row groups are streamed in batches whose memory is known before (``budget``); a whole group is never asked for.
3. The footer's row counts must agree with its own column counts, with the pages, and with the rows that come out.
4. Small row groups are read together: what a reader costs does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from poisonguard.dataset.arrowtypes import canonical_schema
from poisonguard.dataset.formats.base import MOST_COLUMNS, Part, Source, readable_as, subset
from poisonguard.dataset.formats.budget import Budget, rows_at_once, unfolded_bytes
from poisonguard.dataset.formats.footer import COMPRESSED, DAMAGED, Footer, Group, read_footer
from poisonguard.dataset.formats.unfolding import unfolded
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData

THRIFT_LIMIT = 100 << 20
"""Bytes or items that a footer may claim; a forged one asks for gigabytes."""
MOST_GROUPS = 10_000
"""Row groups of one file: a reader holds the footer that lists them all."""
PART_ROWS = 65_536
PART_BYTES = 16 << 20
"""What row groups that are read together hold at most."""


class ParquetTable:
    """One Parquet file."""

    loose: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()

    def __init__(self, source: Source) -> None:
        self._source = source
        self._budget = Budget(source)
        with readable_as(source.path, "Parquet"), source.open() as file:
            footer = read_footer(source, file)
            _check_size(source, footer)
            reader = _reader(file)
            _check_counts(source, reader.metadata, footer)
            self._budget.claim(footer)
            self._footer = footer
            self.schema = canonical_schema(source.shown, reader.schema_arrow)
            self.parts = tuple(_parts(footer.groups))
        self._batch_rows: dict[int, int] = {}

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a few row groups."""
        wanted = subset(self.schema, frozenset(schema.names))
        plain, seen, spent = pa.schema([self.schema.field(name) for name in wanted]), 0, 0
        with readable_as(self._source.path, "Parquet"), self._source.open() as file:
            batch_rows = self._rows_at_once(part, file)
            batches = _reader(file).iter_batches(
                batch_size=batch_rows, row_groups=range(part.index, part.stop), columns=wanted, use_threads=False
            )
            for batch in batches:
                for piece in unfolded(self._source.shown, batch, plain):
                    seen, spent = seen + piece.num_rows, spent + unfolded_bytes(piece)
                    self._budget.spend(part.index, spent)
                    yield piece
        if seen != part.rows:
            raise UnreadableData(
                f"{self._source.shown}: row group {part.index} holds {seen} rows, its footer says {part.rows}",
                hint=DAMAGED,
            )

    def _rows_at_once(self, part: Part, file: VerifiedFile) -> int:
        """Rows of a batch; found out when the part is first read."""
        if part.index not in self._batch_rows:
            numbers = range(part.index, part.stop)
            self._batch_rows[part.index] = min(
                rows_at_once(self._source, file, self._footer, number) for number in numbers
            )
        return self._batch_rows[part.index]


def _reader(file: VerifiedFile) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.PythonFile(file, mode="r"),
        page_checksum_verification=True,
        pre_buffer=False,
        thrift_string_size_limit=THRIFT_LIMIT,
        thrift_container_size_limit=THRIFT_LIMIT,
    )


def _parts(groups: tuple[Group, ...]) -> Iterator[Part]:
    """Row groups, the small ones together with their neighbours."""
    first_row = rows = size = start = 0
    for number, group in enumerate(groups):
        stored = int(group.facts[:, COMPRESSED].sum())
        if number > start and (rows + group.rows > PART_ROWS or size + stored > PART_BYTES):
            yield Part(first_row, rows, start, number)
            first_row, rows, size, start = first_row + rows, 0, 0, number
        rows, size = rows + group.rows, size + stored
    if groups:
        yield Part(first_row, rows, start, len(groups))


def _check_size(source: Source, footer: Footer) -> None:
    groups, columns = len(footer.groups), len(footer.leaves)
    if groups > MOST_GROUPS:
        raise UnreadableData(
            f"{source.shown}: {groups} row groups", hint=f"At most {MOST_GROUPS} can be read: write larger ones."
        )
    if columns > MOST_COLUMNS:
        raise UnreadableData(
            f"{source.shown}: {columns} columns",
            hint=f"At most {MOST_COLUMNS} can be read: keep the rest in a list column, or in a dataset of its own.",
        )


def _check_counts(source: Source, metadata: pq.FileMetaData, footer: Footer) -> None:
    """Arrow and we read the same footer."""
    total = sum(group.rows for group in footer.groups)
    said = (metadata.num_rows, metadata.num_columns, metadata.num_row_groups)
    if said[0] != total:
        raise UnreadableData(
            f"{source.shown}: the footer counts {said[0]} rows, its row groups {total}",
            hint=DAMAGED,
        )
    if said[1:] != (len(footer.leaves), len(footer.groups)):
        raise UnreadableData(f"{source.shown}: its footer reads differently in different readers", hint=DAMAGED)
