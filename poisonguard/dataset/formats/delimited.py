"""CSV and its kin: a header row, a delimiter among ``, ; tab |``, double quotes, UTF-8 with or without a mark.

Rules:

1. The first pass reads the whole file and finds each column's narrowest type; the second reads it with those.
2. Every row has as many cells as the header; every quote is closed.
3. Column names are there, and differ; a column without a name is called ``Unnamed: <position>``, as pandas does.
4. A first row of numbers is no header, unless it counts 0, 1, 2 ... or 1, 2, 3 ...
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv

from poisonguard.dataset.arrowtypes import refuse_duplicates
from poisonguard.dataset.formats.base import MOST_COLUMNS, Part, Source, readable_as
from poisonguard.dataset.formats.textvalues import Narrowest, convert
from poisonguard.dataset.names import shown
from poisonguard.dataset.sniff import HEAD_BYTES
from poisonguard.dataset.streams import Stoppable, Utf8Check
from poisonguard.domain.wording import count
from poisonguard.errors import UnreadableData

DELIMITERS = ",;\t|"
BLOCK_BYTES = 4 << 20
AT_ONCE = 64 << 10
"""Bytes of a file that is read as a whole."""
LONGEST_ROW = 32 << 20
"""Bytes of one row: a file whose rows do not fit into small blocks is read in blocks of this size."""
SAMPLE_ROWS = 50
LARGEST_HEADER = 4 << 20
CLEAR_ROWS = 3
"""Rows below a header, all of its width, that make text a table: prose has commas too."""
LONGEST_NAME = 64
SENTINEL = "poisonguard-end-of-file"
RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class _LongRowError(ValueError):
    """A row does not fit into a block."""


class DelimitedTable:
    """One CSV file."""

    mixed: frozenset[str] = frozenset()

    def __init__(self, source: Source) -> None:
        self._source = source
        with readable_as(source.path, "CSV"):
            head = _head(source)
            self.delimiter = sniff_delimiter(head)
            self._header = _header(source, head, self.delimiter)
            self.schema, rows = self._narrow_in_blocks()
        self.loose = frozenset(self.schema.names)
        self.parts = (Part(0, rows),)

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """All rows, converted from their text to the wanted types."""
        del part  # there is one
        asked = frozenset(schema.names)
        wanted = [(index, name) for index, name in enumerate(self.schema.names) if name in asked]
        fields = [schema.field(name) for _, name in wanted]
        with readable_as(self._source.path, "CSV"):
            for batch in self._text(checked=False):
                columns = [convert(batch.column(index), schema.field(name).type) for index, name in wanted]
                yield _batch(columns, fields, batch.num_rows)

    def _narrow_in_blocks(self) -> tuple[pa.Schema, int]:
        """``_narrow`` with the smallest blocks that hold every row."""
        for block in (BLOCK_BYTES, LONGEST_ROW):
            self._block = block
            with suppress(_LongRowError):
                return self._narrow()
        raise UnreadableData(
            f"{self._source.shown}: a row is longer than {LONGEST_ROW >> 20} MiB, or a quote is never closed",
            hint="Close the quote, or store texts this long as Parquet.",
        )

    def _narrow(self) -> tuple[pa.Schema, int]:
        """Types over the whole file, and how many rows it has."""
        columns = [Narrowest() for _ in self._header]
        rows = 0
        for batch in self._text(checked=True):
            rows += batch.num_rows
            for column, values in zip(columns, batch.columns, strict=True):
                column.watch(values)
        names = [name or f"Unnamed: {index}" for index, name in enumerate(self._header)]
        refuse_duplicates(self._source.shown, names)
        return pa.schema([(name, column.type) for name, column in zip(names, columns, strict=True)]), rows

    def _text(self, *, checked: bool) -> Iterator[pa.RecordBatch]:
        """Batches of strings; empty is null. ``checked`` also proves UTF-8 and that the last quote is closed."""
        with self._source.stream() as stream:
            content: Any = stream
            if checked:
                content = _Ended(Utf8Check(self._source.path, stream), self.delimiter, len(self._header))
            content = Stoppable(content)
            try:
                reader = self._reader(self._given(content))
                batches = _without_sentinel(self._source, reader) if checked else reader
                yield from batches
            except pa.ArrowInvalid as error:
                if "straddling" in str(error):
                    raise _LongRowError(str(error)) from error
                raise self._complaint(str(error)) from error
            finally:
                content.stop()

    def _given(self, content: Any) -> Any:
        """The content as Arrow reads it: a small one at once, for being asked bit by bit takes longer than reading."""
        if self._source.compression is not None or self._source.size > AT_ONCE:
            return pa.PythonFile(content, mode="r")
        parts = list[bytes]()
        while more := content.read(AT_ONCE):
            parts.append(more)
        return pa.BufferReader(b"".join(parts))

    def _reader(self, content: Any) -> Any:
        reader = pc_csv.open_csv(
            content,
            read_options=pc_csv.ReadOptions(use_threads=False, block_size=self._block),
            parse_options=pc_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=pc_csv.ConvertOptions(
                column_types=dict.fromkeys(self._header, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=True,
            ),
        )
        if reader.schema.names != self._header or any(kind != pa.string() for kind in reader.schema.types):
            raise UnreadableData(
                f"{self._source.shown}: the header row reads differently in different readers",
                hint="Quote the column names that hold quotes, delimiters or line breaks.",
            )
        return reader

    def _complaint(self, message: str) -> UnreadableData:
        ragged = RAGGED.search(message)
        if ragged:
            row, expected, cells = ragged.groups()
            return UnreadableData(
                f"{self._source.shown}: row {row} has {count(int(cells), 'cell')}, the header has {expected}",
                hint="Rows count from 1, the header included; quote cells that hold the delimiter.",
            )
        return UnreadableData(f"{self._source.shown}: not readable as CSV: {shown(message.splitlines()[0])}")


class _Ended(io.RawIOBase):
    """The content followed by one sentinel row: if a quote is left open, the sentinel is swallowed."""

    def __init__(self, source: Utf8Check, delimiter: str, columns: int) -> None:
        super().__init__()
        self._source = source
        self._tail = f"\n{SENTINEL}{delimiter * (columns - 1)}\n".encode()

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The content, then the sentinel row once."""
        data = self._source.read(size)
        if data or not self._tail:
            return data
        tail, self._tail = self._tail, b""
        return tail


def _without_sentinel(source: Source, reader: Any) -> Iterator[pa.RecordBatch]:
    held: pa.RecordBatch | None = None
    for batch in reader:
        if batch.num_rows:
            if held is not None:
                yield held
            held = batch
    if held is None or held.column(0)[-1].as_py() != SENTINEL:
        raise UnreadableData(f"{source.shown}: a quote is opened and never closed", hint="Close it, or double it.")
    yield held.slice(0, held.num_rows - 1)


def _batch(columns: list[pa.Array], fields: list[pa.Field], rows: int) -> pa.RecordBatch:
    if not fields:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _head(source: Source) -> str:
    """The beginning of the text, up to a whole number of lines if it can be."""
    with source.stream() as stream:
        content = Utf8Check(source.path, stream)
        data = b""
        while len(data) < HEAD_BYTES or (b"\n" not in data and len(data) < LARGEST_HEADER):
            more = content.read(HEAD_BYTES)
            data += more
            if not more:
                break
    text = data.decode("utf-8", errors="ignore").removeprefix("\ufeff")
    return text if len(data) < HEAD_BYTES else text[: text.rfind("\n") + 1] or text


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The first rows of ``text``; a last one that may be cut off is dropped."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                found.append(row)
            if len(found) == SAMPLE_ROWS:
                return found
    except csv.Error:
        return found
    return found if text.endswith(("\n", "\r")) or len(found) <= 1 else found[:-1]


def sniff_delimiter(head: str) -> str:
    """The delimiter that cuts most rows into as many cells as the header; a comma when none does."""

    def support(delimiter: str) -> tuple[float, int]:
        rows = _rows(head, delimiter)
        width = len(rows[0]) if rows else 0
        same = sum(len(row) == width for row in rows)
        return (same / len(rows), width) if width > 1 else (0.0, 0)

    best = max(DELIMITERS, key=support)
    return best if support(best)[1] > 1 else ","


def looks_delimited(source: Source) -> bool:
    """Whether text clearly is a table: named columns, and some rows that all have as many cells."""
    try:
        head = _head(source)
        rows = _rows(head, sniff_delimiter(head))
        names = _header(source, head, sniff_delimiter(head))
    except UnreadableData:
        return False
    plain = all(0 < len(name) <= LONGEST_NAME and not NUMBER.fullmatch(name.strip()) for name in names)
    return len(names) > 1 and len(rows) > CLEAR_ROWS and plain and all(len(row) == len(names) for row in rows)


def _header(source: Source, head: str, delimiter: str) -> list[str]:
    rows = _rows(head, delimiter)
    if not rows:
        raise UnreadableData(f"{source.shown}: no header row", hint="Name the columns in the first row.")
    names = rows[0]
    if len(names) > MOST_COLUMNS:
        raise UnreadableData(f"{source.shown}: {len(names)} columns", hint=f"At most {MOST_COLUMNS} can be read.")
    refuse_duplicates(source.shown, names)
    counted = names in ([str(k) for k in range(len(names))], [str(k + 1) for k in range(len(names))])
    if all(NUMBER.fullmatch(name.strip()) for name in names) and not counted:
        raise UnreadableData(
            f"{source.shown}: no header row: the first row is all numbers", hint="Name the columns in the first row."
        )
    return names
