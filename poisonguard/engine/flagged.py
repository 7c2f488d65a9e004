"""Read some columns of the rows in which checks found signs of poisoning: a third, narrow look at few rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.engine.source import RowIndex, Source
from poisonguard.plugin.check import Flagged

Rows = npt.NDArray[np.int64]


def is_sign(finding: Finding) -> bool:
    """Whether a finding is a sign of poisoning that names rows."""
    grave = finding.signal is Signal.POISONING and finding.level is not Level.NOTE
    return grave and len(finding.rows) > 0


def flagged_rows(findings: Sequence[Finding], columns: tuple[str, ...], source: Source, index: RowIndex) -> Flagged:
    """The rows that ``findings`` name as signs of poisoning, with ``columns`` of them.

    Args:
        findings: What all checks found.
        columns: Columns to read.
        source: Where to read them.
        index: Where the rows are.
    """
    named: dict[str, list[Rows]] = {}
    for finding in filter(is_sign, findings):
        named.setdefault(finding.check, []).append(np.asarray(finding.rows, dtype=np.int64))
    by_check = {check: np.unique(np.concatenate(parts)) for check, parts in sorted(named.items())}
    rows = np.unique(np.concatenate(list(by_check.values())))
    files, _ = index.locate(rows)
    return Flagged(
        rows=rows,
        table=_read(rows, columns, source, index) if columns else pa.table({}),
        files=files,
        by_check={check: np.searchsorted(rows, mine) for check, mine in by_check.items()},
        paths=index.paths,
        file_rows=np.diff(index.starts),
    )


def _read(rows: Rows, columns: tuple[str, ...], source: Source, index: RowIndex) -> pa.Table:
    parts: list[pa.RecordBatch] = []
    for task in index.holding(rows, source.tasks()):
        for batch in source.batches(task, columns):
            start = index.globally(batch.file, batch.first_row)
            inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + batch.table.num_rows)]
            parts.append(batch.table.take(pa.array(inside - start)))
    return pa.Table.from_batches(parts)
