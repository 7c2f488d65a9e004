"""Rows with their scores, as files: ``--flagged`` and ``--scores``. Parquet, CSV or JSON Lines by extension.

===========  ==============  =================================================
``path``     string          file, relative to the dataset root
``row``      int64           row in that file, from 0
``key``      string or null  value of the id column, if there is one
``score``    float64         in [0, 1]; higher is more suspicious
``flagged``  bool            whether a finding above a note names the row
``checks``   string          ids of the checks that flag it, comma-separated
===========  ==============  =================================================

Batches go straight to disk; the file appears under its name only when it is complete. Parquet and JSON Lines hold
``path`` and ``key`` exactly; CSV holds them as ``escape.csv_cell`` shows them, because spreadsheets run formulas.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from poisonguard.errors import UsageError
from poisonguard.reports.atomic import atomic_file, writing
from poisonguard.reports.escape import csv_cell

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("key", pa.string()),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("flagged", pa.bool_(), nullable=False),
        pa.field("checks", pa.string(), nullable=False),
    ]
)


class Encoder(Protocol):
    """Turns tables of ``SCHEMA`` into bytes of one format."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Write what comes last."""
        ...


class RowWriter:
    """Writes rows batch by batch; leave its ``with`` block by an error and no file is left."""

    def __init__(self, path: Path, encoder: Callable[[BinaryIO], Encoder]) -> None:
        self._path = path
        self._stack = contextlib.ExitStack()
        self._encoder = encoder(self._stack.enter_context(atomic_file(path)))

    def write(  # noqa: PLR0913, PLR0917 - one argument per column of the table
        self, paths: pa.Array, rows: pa.Array, keys: pa.Array, scores: pa.Array, flagged: pa.Array, checks: pa.Array
    ) -> None:
        """Append rows: six columns of one length, in the order of the module's table.

        Raises:
            ValueError: The columns do not fit the table, or a score is not in [0, 1].
        """
        columns = zip((paths, rows, keys, scores, flagged, checks), SCHEMA, strict=True)
        table = pa.table([column.cast(field.type) for column, field in columns], schema=SCHEMA)
        _check(table)
        with writing(self._path):
            self._encoder.write(table)

    def close(self) -> None:
        """Finish the file and give it its name."""
        with self._stack, writing(self._path):
            self._encoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        with contextlib.suppress(OSError, pa.ArrowException):
            self._encoder.close()
        self._stack.__exit__(kind, error, trace)


def check_extension(path: Path) -> Callable[[BinaryIO], Encoder]:
    """The encoder for the extension of ``path``; asked for early, before the work that fills the file.

    Raises:
        UsageError: The extension is unknown.
    """
    encoder = _ENCODERS.get(path.suffix.lower())
    if encoder is None:
        raise UsageError(f"cannot tell a row format from the name {path.name}", hint=f"Use {', '.join(_ENCODERS)}.")
    return encoder


def open_row_writer(path: Path) -> RowWriter:
    """A writer for ``path``, in the format of its extension.

    Raises:
        UsageError: The extension is unknown or the place cannot be written to.
    """
    encoder = check_extension(path)
    return RowWriter(path, encoder)


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(
            file, SCHEMA, compression="zstd", use_dictionary=["path", "checks"], write_page_checksum=True
        )

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            # A writer that could not close would try again when it is collected, and say so on the terminal.
            self._writer.is_open = False


class _Csv:
    def __init__(self, file: BinaryIO) -> None:
        self._writer = pyarrow.csv.CSVWriter(file, SCHEMA)

    def write(self, table: pa.Table) -> None:
        for name in ("path", "key"):
            place = SCHEMA.get_field_index(name)
            table = table.set_column(place, SCHEMA.field(name), _mapped(table[name], csv_cell, PLAIN_CELL))
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class _JsonLines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, table: pa.Table) -> None:
        pieces: list[object] = []
        for name, column in zip(table.column_names, table.columns, strict=True):
            pieces += [f'{", " if pieces else "{"}"{name}": ', _json(column)]
        lines = pc.binary_join_element_wise(*pieces, "}\n", "")
        self._file.write("".join(lines.to_pylist()).encode())

    def close(self) -> None:
        """Nothing comes last."""


_ENCODERS: dict[str, Callable[[BinaryIO], Encoder]] = {".parquet": _Parquet, ".csv": _Csv, ".jsonl": _JsonLines}

# Printable ASCII that needs no escaping; everything else takes the slow way, value by value.
PLAIN_CELL = r'^([A-Za-z0-9_./][ !"$-9;-\[\]-~]*)?$'
PLAIN_JSON = r"^[ !$-\[\]-~]*$"


def _json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Every value as JSON text."""
    if not pa.types.is_string(column.type):
        return column.cast(pa.string())
    quoted = _mapped(column, _json_body, PLAIN_JSON)
    return pc.fill_null(pc.binary_join_element_wise('"', quoted, '"', ""), "null")


def _json_body(text: str) -> str:
    # DEL and ``##`` are left alone by JSON but not by terminals and CI logs.
    return json.dumps(text)[1:-1].replace("\x7f", "\\u007f").replace("##", "#\\u0023")


def _mapped(column: pa.ChunkedArray, function: Callable[[str], str], plain: str) -> pa.Array:
    """``function`` of every value; those that match ``plain`` are known to stay as they are."""
    column = column.combine_chunks()
    special = pc.fill_null(pc.invert(pc.match_substring_regex(column, plain)), False)  # noqa: FBT003 - Arrow's signature
    if not pc.any(special).as_py():
        return column
    found = column.filter(special)
    known = {value: function(value) for value in found.unique().to_pylist()}
    changed = pa.array([known[value] for value in found.to_pylist()], pa.string())
    return pc.replace_with_mask(column, special, changed)


def _check(table: pa.Table) -> None:
    table.validate()
    for field, column in zip(SCHEMA, table.columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError(f"{field.name} has {column.null_count} nulls")
    scores = table["score"]
    if not pc.all(pc.and_(pc.greater_equal(scores, 0.0), pc.less_equal(scores, 1.0)), min_count=0).as_py():
        raise ValueError("a score is not in [0, 1]")
