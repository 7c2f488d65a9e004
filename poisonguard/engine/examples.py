"""Fetch the rows that findings show as evidence: a handful each, read by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from poisonguard.domain.finding import Example, Finding
from poisonguard.domain.roles import Role, Roles
from poisonguard.engine.source import RowIndex, Source

EXAMPLES_PER_FINDING = 5
LONGEST_VALUE = 2_000
"""Characters of a value that are carried as evidence; renderers cut further."""


def with_examples(
    findings: Sequence[Finding], source: Source, index: RowIndex, roles: Roles, limit: int = EXAMPLES_PER_FINDING
) -> tuple[Finding, ...]:
    """The findings, each with up to ``limit`` of its rows as evidence."""
    wanted = {id(finding): [int(row) for row in finding.rows[:limit]] for finding in findings}
    numbers = sorted({row for rows in wanted.values() for row in rows})
    values = _fetch(numbers, source, index)
    key = roles.first(Role.ID)
    return tuple(
        replace(finding, examples=tuple(_example(values[row], finding, key) for row in wanted[id(finding)]))
        for finding in findings
    )


Fetched = tuple[str, int, dict[str, str]]


def _fetch(numbers: Sequence[int], source: Source, index: RowIndex) -> dict[int, Fetched]:
    """Path, row and values of global rows; only partitions of files that hold one are read."""
    if not numbers:
        return {}
    rows = np.asarray(numbers, dtype=np.int64)
    files = set(index.locate(rows)[0].tolist())
    found: dict[int, Fetched] = {}
    for task in source.tasks():
        if task.file not in files:
            continue
        for batch in source.batches(task, None):
            start = index.globally(batch.file, batch.first_row)
            inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + batch.table.num_rows)]
            for row in inside.tolist():
                place = batch.first_row + row - start
                found[row] = (index.paths[batch.file], place, _values(batch.table, row - start))
    return found


def _values(table: pa.RecordBatch, row: int) -> dict[str, str]:
    return {name: _text(table.column(index)[row]) for index, name in enumerate(table.schema.names)}


def _text(value: pa.Scalar) -> str:
    plain = value.as_py()
    return "" if plain is None else str(plain)[:LONGEST_VALUE]


def _example(fetched: Fetched, finding: Finding, key: str | None) -> Example:
    path, row, values = fetched
    if finding.private:
        return Example(path, row, values.get(key) if key else None, ())
    highlight = (finding.column, finding.highlight) if finding.column and finding.highlight else None
    first = [finding.column] if finding.column in values else []
    order = [*first, *(name for name in values if name not in first)]
    return Example(
        path, row, values.get(key) if key else None, tuple((name, values[name]) for name in order), highlight
    )
