"""Make findings fit to be shown: fetch the rows that are their evidence, a handful each; mask credentials.

A credential is masked wherever it stands, also in the rows and sentences of checks that look for something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from poisonguard.domain.finding import Example, Finding
from poisonguard.domain.roles import Role, Roles
from poisonguard.engine.source import RowIndex, Source
from poisonguard.sketches.secret_masking import without_secrets

EXAMPLES_PER_FINDING = 5
LONGEST_VALUE = 2_000
"""Characters of a value that are carried as evidence; renderers cut further."""
LOOKED_AT = 16_384
"""Characters that are searched for credentials: one that begins in what is carried must be seen whole."""


def with_examples(
    findings: Sequence[Finding], source: Source, index: RowIndex, roles: Roles, limit: int = EXAMPLES_PER_FINDING
) -> tuple[Finding, ...]:
    """The findings, each with up to ``limit`` of its rows as evidence."""
    wanted = {id(finding): [int(row) for row in finding.rows[:limit]] for finding in findings}
    numbers = sorted({row for rows in wanted.values() for row in rows})
    values = _fetch(numbers, source, index)
    key = roles.first(Role.ID)
    return tuple(
        _masked(replace(finding, examples=tuple(_example(values[row], finding, key) for row in wanted[id(finding)])))
        for finding in findings
    )


Fetched = tuple[str, int, dict[str, str]]


def _fetch(numbers: Sequence[int], source: Source, index: RowIndex) -> dict[int, Fetched]:
    """Path, row and values of global rows; only partitions of files that hold one are read."""
    if not numbers:
        return {}
    rows = np.asarray(numbers, dtype=np.int64)
    files, places = index.locate(rows)
    found: dict[int, Fetched] = {}
    for task in index.holding(rows, source.tasks()):
        for batch in source.batches(task, None):
            start = index.globally(batch.file, batch.first_row)
            first, stop = np.searchsorted(rows, [start, start + batch.table.num_rows])
            for number in range(first, stop):
                values = _values(batch.table, int(rows[number]) - start)
                found[int(rows[number])] = (index.paths[files[number]], int(places[number]), values)
    return found


def _values(table: pa.RecordBatch, row: int) -> dict[str, str]:
    return {name: _text(table.column(index)[row]) for index, name in enumerate(table.schema.names)}


def _text(value: pa.Scalar) -> str:
    plain = _without_bytes(value.as_py())
    return "" if plain is None else without_secrets(str(plain)[:LOOKED_AT])[:LONGEST_VALUE]


def _without_bytes(value: Any) -> Any:
    """A value in which pictures and the like are only counted."""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, dict):
        return {name: _without_bytes(item) for name, item in value.items()}
    return [_without_bytes(item) for item in value] if isinstance(value, list) else value


def _masked(finding: Finding) -> Finding:
    """The finding without credentials in its sentence, its name and its fragment."""
    return replace(
        finding,
        subject=without_secrets(finding.subject, told_apart=True),
        message=without_secrets(finding.message),
        highlight=finding.highlight and without_secrets(finding.highlight),
        numbers={
            name: without_secrets(value) if isinstance(value, str) else value for name, value in finding.numbers.items()
        },
    )


def _example(fetched: Fetched, finding: Finding, key: str | None) -> Example:
    path, row, values = fetched
    if finding.private:
        return Example(path, row, values.get(key) if key else None, ())
    first = [finding.column] if finding.column in values else []
    order = [*first, *(name for name in values if name not in first)]
    shown = tuple((name, values[name]) for name in order)
    return Example(path, row, values.get(key) if key else None, shown, _highlight(finding, values))


def _highlight(finding: Finding, values: Mapping[str, str]) -> tuple[str, str] | None:
    """Column and suspicious text, where that text is still to be seen."""
    column, text = finding.column, finding.highlight and without_secrets(finding.highlight)
    if not column or not text or (text != finding.highlight and text not in values.get(column, "")):
        return None
    return column, text
