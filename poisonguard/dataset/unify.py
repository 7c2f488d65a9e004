"""One schema over several files.

Rules:

1. Columns of the same name are one column; its type holds every file's values (``arrowtypes.promote``).
2. Where no type does, and all but strings were read from text, the column is a string in every file.
3. Otherwise the two files are named. A column that a file lacks is null there.
4. There are at most ``MOST_COLUMNS``, over all files and with the fields of structs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import promote
from poisonguard.dataset.formats.base import MOST_COLUMNS, Table
from poisonguard.dataset.names import shown
from poisonguard.errors import UnreadableData


@dataclass(slots=True)
class _Known:
    """A column as seen so far: type, the file that settled it, whether it may still become a string."""

    type: pa.DataType
    path: str
    loose: bool


def unified_schema(tables: Iterable[tuple[str, Table]]) -> pa.Schema:
    """The schema that holds every table's rows; columns in the order of first sight.

    Raises:
        UnreadableData: Two files give a column types that do not go together, or there are too many columns.
    """
    known: dict[str, _Known] = {}
    for path, table in tables:
        for field in table.schema:
            loose = field.name in table.loose
            if field.name in known:
                _reconcile(known[field.name], field, path, loose=loose)
            else:
                known[field.name] = _Known(field.type, path, loose)
        _refuse_crowd(path, len(known))
    schema = pa.schema([(name, column.type) for name, column in known.items()])
    if known:
        _refuse_crowd(path, sum(_width(kind) for kind in schema.types))
    return schema


def _refuse_crowd(path: str, columns: int) -> None:
    """Refuse more columns than a scan can hold the state of; ``path`` is the file that brought the last of them."""
    if columns > MOST_COLUMNS:
        raise UnreadableData(
            f"{shown(path)}: brings the dataset to {columns} columns",
            hint=f"At most {MOST_COLUMNS} can be read: keep the rest in a list column, or in a dataset of its own.",
        )


def _width(kind: pa.DataType) -> int:
    """Columns of a type: the fields of structs count, wherever they are."""
    if pt.is_struct(kind):
        return 1 + sum(_width(field.type) for field in kind)
    if pt.is_map(kind):
        return 1 + _width(kind.item_type)
    return _width(kind.value_type) if pt.is_list(kind) else 1


def _reconcile(column: _Known, field: pa.Field, path: str, *, loose: bool) -> None:
    kind = promote(column.type, field.type)
    if kind is None and _may_be_text(column.type, loose=column.loose) and _may_be_text(field.type, loose=loose):
        kind = pa.string()
    if kind is None:
        raise UnreadableData(
            f"column {field.name!a} is {column.type} in {shown(column.path)} and {field.type} in {shown(path)}",
            hint="Give both files one type, or scan them as two datasets.",
        )
    if kind != column.type:
        column.path = path
    column.loose = (column.loose or pt.is_null(column.type)) and (loose or pt.is_null(field.type))
    column.type = kind


def _may_be_text(kind: pa.DataType, *, loose: bool) -> bool:
    return bool(loose or pt.is_string(kind) or pt.is_null(kind))
