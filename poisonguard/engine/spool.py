"""Bulky states (one entry per row) live on disk and are handed out memory-mapped.

Each partition puts its own unit into a work store; they are joined in manifest order, where they lie or in one Arrow
file per sketch, so the result does not depend on which worker was first.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.ipc

from poisonguard.kernels.mapped import let_go, map_file
from poisonguard.kernels.private_folder import PrivateFolder


class Collector:
    """Joins the states of one bulky sketch in manifest order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mapped: list[pa.Table] = []
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def append(self, state: pa.Table, *, mapped: bool = False) -> None:
        """Take over the next partition's, whose pages are let go; a ``mapped`` one stays where it lies.

        Those that stay come before all others.
        """
        if mapped and self._writer is None:
            self._mapped.append(state)
        elif self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path), state.schema)
        for batch in state.to_batches():
            if self._writer is not None:
                self._writer.write_batch(batch)
            for column in batch.columns:
                let_go(column)

    def table(self) -> pa.Table:
        """Everything, memory-mapped; readers let go of the pages they have read (``kernels.mapped``)."""
        parts = list(self._mapped)
        if self._writer is not None:
            self._writer.close()
            parts.append(pa.ipc.open_file(pa.py_buffer(map_file(self._path))).read_all())
        if not parts:
            raise RuntimeError("no state was appended")
        return pa.concat_tables(parts)


class Spool:
    """A private folder that vanishes with the scan."""

    def __init__(self, parent: Path | None = None) -> None:
        self._private = PrivateFolder(parent)
        self.folder = self._private.path
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
        self._private.close()
