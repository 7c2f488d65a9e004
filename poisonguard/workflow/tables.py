"""Anything that can hand over an Arrow table: pandas, polars, Arrow, Hugging Face datasets."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from poisonguard.errors import UnreadableData, UsageError


def as_data(data: Any) -> str | pa.Table:
    """A path as text, or the rows as an Arrow table.

    Args:
        data: A path; an Arrow table, batch or reader; a pandas frame; or any object with the Arrow PyCapsule
            stream interface (polars, DuckDB, Hugging Face ``datasets``).

    Raises:
        UsageError: It is none of these.
        UnreadableData: It holds values that no Arrow type can hold, or a column twice.
    """
    if isinstance(data, (str, os.PathLike)):
        return os.fsdecode(data)
    try:
        table = _table(data)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise UnreadableData(
            f"the table in memory cannot be read: {_gist(error)}",
            hint="Give every column one type; integers beyond 64 bits as text.",
        ) from error
    if table is None:
        kind = type(data).__name__
        raise UsageError(f"cannot scan a {kind}", hint="Give a path, an Arrow table, or a pandas or polars frame.")
    _refuse_twins(table)
    return table


def _table(data: Any) -> pa.Table | None:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if type(data).__module__.partition(".")[0] == "pandas" and type(data).__name__ == "DataFrame":
        return _from_pandas(data)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    # A Hugging Face dataset keeps its Arrow table one step inside.
    inner = getattr(getattr(data, "data", None), "table", None)
    return inner if isinstance(inner, pa.Table) else None


def _from_pandas(frame: Any) -> pa.Table:
    twins = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twins:
        raise ValueError(f"the column name {twins[0]!r} occurs twice")
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()  # a named index is a column that pandas keeps apart: a label may hide in it
    # Metadata would carry pandas' own description of the index into the version's bytes.
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _gist(error: Exception) -> str:
    """What happened, and in which column: pyarrow tells them apart."""
    parts = [str(part).strip().splitlines()[0] for part in error.args if str(part).strip()]
    return "; ".join(parts) or type(error).__name__


def _refuse_twins(table: pa.Table) -> None:
    names = table.column_names
    if len(set(names)) < len(names):
        twin = next(name for name in names if names.count(name) > 1)
        raise UnreadableData(f"the column name {twin!r} occurs twice", hint="Rename one of them.")
