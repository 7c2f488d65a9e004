"""One partition with everything that it takes to read it: here, in another process, or on another machine.

Rules:

1. A reading is a plain value that can be pickled; it holds no open file. Bytes are checked against the leaves that
   were hashed when the dataset was opened, wherever they are read.
2. A reading is named by all that decides what rows it gives: the bytes of the files, which of them are meant, their
   format, and the columns that the dataset has as a whole. Equal names give equal rows, in equal blocks; where the
   files lie among others is not part of it, so files that come and go elsewhere rename nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from poisonguard.dataset.arrowtypes import conform_batch
from poisonguard.dataset.blocks import blocks
from poisonguard.dataset.datafiles import DataFile
from poisonguard.dataset.formats.base import Table, readable_as
from poisonguard.dataset.names import shown
from poisonguard.dataset.partitions import Batch, Partition
from poisonguard.dataset.pictures import PictureRun
from poisonguard.domain.wording import count
from poisonguard.errors import DataChanged


class Reading(Protocol):
    """One partition, ready to be read."""

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows in blocks whose borders depend on the rows alone.

        Args:
            columns: Columns to read, in this order; nothing means all.

        Raises:
            UnreadableData: A file cannot be read as what it is.
            DataChanged: The bytes are no longer those that were hashed.
        """


@dataclass(frozen=True, slots=True)
class TableReading:
    """A run of rows of one table."""

    path: str
    table: Table
    partition: Partition
    schema: pa.Schema

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows, in blocks."""
        wanted = chosen(self.schema, columns)
        first_row = self.partition.first_row
        with readable_as(self.path, "the dataset's columns", hint="A value does not fit the type of the other files."):
            found = self.table.read(self.partition.part, wanted)
            for block in blocks(conform_batch(batch, wanted) for batch in found):
                yield Batch(self.partition.file, first_row, block)
                first_row += block.num_rows
        self._check_count(first_row - self.partition.first_row)

    def _check_count(self, rows: int) -> None:
        if self.partition.rows not in {None, rows}:
            raise DataChanged(
                f"{shown(self.path)}: {count(rows, 'row')} where {self.partition.rows:,} were counted",
                hint="The file contradicts itself: fetch it again.",
            )


@dataclass(frozen=True, slots=True)
class PictureReading:
    """A run of pictures, each a row and a file."""

    first: int
    run: PictureRun
    schema: pa.Schema

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows, in blocks."""
        file = self.first
        for block in blocks(self.run.read(chosen(self.schema, columns))):
            yield Batch(file, 0, block, (1,) * block.num_rows)
            file += block.num_rows


def chosen(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    """The columns that are read."""
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def table_name(item: DataFile, partition: Partition, schema: pa.Schema) -> str:
    """Name of a run of rows of one table (rule 2)."""
    part = partition.part
    return _name("table", schema, [_of_file(item), part.first_row, part.index, part.stop])


def tables_name(members: Iterable[tuple[int, DataFile, Table]], schema: pa.Schema) -> str:
    """Name of small files that are read together, and how many files after the first each is."""
    return _name("tables", schema, [[after, _of_file(item), table.parts[0].stop] for after, item, table in members])


def picture_name(run: PictureRun, schema: pa.Schema) -> str:
    """Name of a run of pictures, whose paths are among their rows."""
    said = hashlib.sha256(run.said.serialize()).hexdigest()
    return _name("pictures", schema, [[_of_file(item) for item in run.items], said])


def _of_file(item: DataFile) -> list[Any]:
    return [item.sha256, item.size, item.format]


def _name(kind: str, schema: pa.Schema, facts: list[Any]) -> str:
    columns = hashlib.sha256(schema.serialize()).hexdigest()
    return hashlib.sha256(json.dumps([kind, columns, facts]).encode()).hexdigest()
