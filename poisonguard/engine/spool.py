"""Bulky states (one entry per row) live on disk and are handed out memory-mapped.

Each partition writes its own segment; segments are appended to one Arrow file per sketch in manifest order, so
the result does not depend on which worker was first.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.ipc

from poisonguard.kernels.mapped import map_file


class Segment:
    """The bulky state of one partition, written batch by batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def append(self, state: pa.Table) -> None:
        """Add the state of the next block."""
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self.path), state.schema)
        self._writer.write_table(state)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()


class Collector:
    """Joins the segments of one sketch in manifest order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def append(self, segment: Path) -> None:
        """Take over the next segment."""
        with pa.memory_map(str(segment)) as source:
            reader = pa.ipc.open_file(source)
            if self._writer is None:
                self._writer = pa.ipc.new_file(str(self._path), reader.schema)
            for index in range(reader.num_record_batches):
                self._writer.write_batch(reader.get_batch(index))
        segment.unlink()

    def table(self) -> pa.Table:
        """Everything, memory-mapped; readers let go of the pages they have read (``kernels.mapped``)."""
        if self._writer is None:
            raise RuntimeError("no segment was appended")
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

    def segment(self, partition: int, sketch: int) -> Segment:
        """Where partition ``partition`` keeps its state of bulky sketch number ``sketch``."""
        return Segment(self.folder / f"part-{partition}-{sketch}.arrow")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
