"""What files beside pictures say of them: ``metadata.csv`` and the like, as Hugging Face's ``imagefolder`` has them.

Rules:

1. Such a file is called metadata, is a table, and names pictures in its column ``file_name``, relative to its folder.
2. It describes pictures when it names at least one that is there. Tables that describe none are the dataset's rows.
3. Two lines about one picture are an error: readers differ in which they take.
4. Lines about pictures that are not there are counted, and read by nobody. A picture without a line has null.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import conform_batch
from poisonguard.dataset.formats.base import Table, readable_as
from poisonguard.dataset.names import shown
from poisonguard.dataset.tables import Tables
from poisonguard.dataset.unify import unified_schema
from poisonguard.errors import UnreadableData

STEM = "metadata"
FILE_NAME = "file_name"
MOST_LINES = 20_000_000
"""Lines about pictures that are held in memory."""


@dataclass(slots=True)
class PictureFacts:
    """Columns that describe pictures.

    Attributes:
        schema: The columns.
        seen: How many pictures have a line.
    """

    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    seen: int = 0
    _table: pa.Table | None = field(default=None, repr=False)
    _lines: dict[str, int] = field(default_factory=dict, repr=False)
    _twice: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, tables: Tables) -> PictureFacts | None:
        """What all tables of a dataset say; nothing when one of them is no metadata.

        Raises:
            UnreadableData: The tables do not go together, or hold too much.
        """
        if not all(_may_describe(path, table) for path, table in tables.values()):
            return None
        schema = unified_schema(tables.kinds)
        facts = cls(pa.schema([item for item in schema if item.name != FILE_NAME]))
        parts = [batch for path, table in tables.values() for batch in facts._read(path, table, schema)]
        facts._table = pa.Table.from_batches(parts, schema).select(facts.schema.names) if tables else None
        return facts

    def see(self, path: str) -> None:
        """There is a picture of that path.

        Raises:
            UnreadableData: Two lines are about it.
        """
        if path in self._twice:
            raise UnreadableData(
                f"{shown(self._twice[path])}: more than one line is about {shown(path)}",
                hint="Keep one: readers differ in which they take.",
            )
        self.seen += path in self._lines

    @property
    def describes(self) -> bool:
        """Whether it is about the pictures that were seen: tables that name none of them are about something else."""
        return self._table is None or self.seen > 0

    def notes(self) -> Iterator[str]:
        """What a reader of the report should know."""
        stray = len(self._lines) - self.seen
        if stray:
            names = "line of metadata names" if stray == 1 else "lines of metadata name"
            yield f"{stray:,} {names} no picture that is here: not scanned"

    def values(self, paths: Sequence[str], columns: Sequence[str]) -> dict[str, pa.Array]:
        """Values of ``columns`` for the pictures at ``paths``."""
        if self._table is None or not columns:
            return {}
        lines = pa.array([self._lines.get(path) for path in paths], pa.int64())
        return {name: _taken(self._table[name], lines) for name in columns}

    def _read(self, path: str, table: Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        folder, place = posixpath.dirname(path), schema.get_field_index(FILE_NAME)
        with readable_as(path, "the dataset's columns"):
            for part in table.parts:
                for found in table.read(part, schema):
                    batch = conform_batch(found, schema)
                    named = [
                        posixpath.normpath(posixpath.join(folder, name)) if name else ""
                        for name in batch.column(place).to_pylist()
                    ]
                    yield batch.filter(pa.array([self._knows(path, picture) for picture in named], pa.bool_()))

    def _knows(self, path: str, picture: str) -> bool:
        """Whether a line is the first about its picture."""
        if not picture or picture in self._lines:
            self._twice |= {picture: path} if picture else {}
            return False
        if len(self._lines) == MOST_LINES:
            raise UnreadableData(f"{shown(path)}: more than {MOST_LINES:,} lines", hint="Split the dataset.")
        self._lines[picture] = len(self._lines)
        return True


def _may_describe(path: str, table: Table) -> bool:
    index = table.schema.get_field_index(FILE_NAME)
    named = posixpath.basename(path).partition(".")[0] == STEM
    return named and index >= 0 and bool(pt.is_string(table.schema.field(index).type))


def _taken(column: pa.ChunkedArray, lines: pa.Array) -> pa.Array:
    taken = column.take(lines)
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
