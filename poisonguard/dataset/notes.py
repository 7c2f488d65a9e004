"""What a reader of the report should know of how the files were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import pyarrow as pa
import pyarrow.types as pt

from poisonguard.dataset.formats.base import Table
from poisonguard.dataset.names import shown
from poisonguard.dataset.tables import Tables

FEW = 5
"""Names told in full; the others are counted."""

Read = Sequence[tuple[str, Table]]
"""Paths and their tables, in order; of tables with equal columns the first."""


def notes_on(others: Mapping[str, int], tables: Tables, schema: pa.Schema) -> Iterator[str]:
    """Notes, the broadest first.

    Args:
        others: How many files that hold no table there are of each format.
        tables: The files that hold one.
        schema: The schema over all tables.
    """
    if others:
        yield _not_scanned(others)
    yield from _partitions(tables.folders, schema)
    yield from _mixed(tables.kinds)
    yield from _fallen_back(tables.kinds, schema)
    yield from _missing(tables.kinds, schema)


def _not_scanned(others: Mapping[str, int]) -> str:
    total = sum(others.values())
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
    verb = "file holds" if total == 1 else "files hold"
    return f"{total} {verb} no table ({counted}): hashed, not scanned"


def _partitions(folders: AbstractSet[str], schema: pa.Schema) -> Iterator[str]:
    names = folders - set(schema.names)
    if names:
        yield f"values in folder names are no columns and were not checked: {_listed(sorted(names))}"


def _mixed(tables: Read) -> Iterator[str]:
    places = sorted({place for _, table in tables for place in table.mixed})
    if places:
        yield f"read as text, for they mix kinds of values or hold integers beyond 64 bits: {_listed(places)}"


def _fallen_back(tables: Read, schema: pa.Schema) -> Iterator[str]:
    """Columns that are numbers or times in one file and text in another."""
    fallen = {
        field.name
        for _, table in tables
        for field in table.schema
        if pt.is_string(schema.field(field.name).type) and not (pt.is_string(field.type) or pt.is_null(field.type))
    }
    if fallen:
        yield f"read as text, for they are text in some files and not in others: {_listed(sorted(fallen))}"


def _missing(tables: Read, schema: pa.Schema) -> Iterator[str]:
    held = Counter(name for _, table in tables for name in table.schema.names)
    lacking = [name for name in schema.names if held[name] < len(tables)]
    if lacking:
        yield f"columns that some files lack, null there: {_listed(lacking)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(shown(name) for name in names[:FEW]) + more
