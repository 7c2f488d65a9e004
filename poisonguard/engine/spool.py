"""Bulky states (one entry per row) live on disk and are handed out memory-mapped.

Each partition puts its own unit into a work store; they are appended to one Arrow file per sketch in manifest order,
so the result does not depend on which worker was first.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.ipc

from poisonguard.kernels.mapped import let_go, map_file


class Collector:
    """Joins the states of one bulky sketch in manifest order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def append(self, state: pa.Table) -> None:
        """Take over the next partition's; its pages are let go."""
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path), state.schema)
        for batch in state.to_batches():
            self._writer.write_batch(batch)
            for column in batch.columns:
                let_go(column)

    def table(self) -> pa.Table:
        """Everything, memory-mapped; readers let go of the pages they have read (``kernels.mapped``)."""
        if self._writer is None:
            raise RuntimeError("no state was appended")
        self._writer.close()
        return pa.ipc.open_file(pa.py_buffer(map_file(self._path))).read_all()


class Spool:
    """A private folder that vanishes with the scan."""

    def __init__(self, parent: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="poisonguard-", dir=parent))
        self._count = 0

    def path(self, stem: str) -> Path:
        """A new file name in the folder; call from one thread only."""
        self._count += 1
        return self.folder / f"{self._count:06d}-{stem}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
