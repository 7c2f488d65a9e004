"""Write one line per row: the flagged ones, or all of them with their scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.roles import Role
from poisonguard.engine.score import WRITE_ROWS
from poisonguard.reports.rowfile import open_row_writer
from poisonguard.workflow.scan import Scan


def write_rows(scan: Scan, path: Path, *, only_flagged: bool) -> int:
    """Write rows in manifest order to a Parquet, CSV or JSON Lines file; how many were written.

    Raises:
        UsageError: The file's extension is none of these.
    """
    written = 0
    with open_row_writer(path) as writer:
        for start, keys in _chunks(scan):
            score, flagged, checks = scan.book.fused(start, start + len(keys))
            kept = np.flatnonzero(flagged) if only_flagged else np.arange(len(keys))
            files, rows = scan.index.locate(kept + start)
            writer.write(
                paths=pa.array([scan.index.paths[file] for file in files], pa.string()),
                rows=pa.array(rows, pa.int64()),
                keys=keys.take(pa.array(kept)),
                scores=pa.array(score[kept]),
                flagged=pa.array(flagged[kept]),
                checks=pa.array([checks[row] for row in kept.tolist()], pa.string()),
            )
            written += len(kept)
    return written


def _chunks(scan: Scan) -> Iterator[tuple[int, pa.Array]]:
    """(first global row, keys of the rows) of all rows in order; keys are null without an id column."""
    column = scan.result.roles.first(Role.ID)
    if column is None:
        for start in range(0, scan.index.total, WRITE_ROWS):
            yield start, pa.nulls(min(WRITE_ROWS, scan.index.total - start), pa.string())
        return
    for task in scan.source.tasks():
        for batch in scan.source.batches(task, [column]):
            yield scan.index.globally(batch.file, batch.first_row), pc.cast(batch.table.column(0), pa.string())
