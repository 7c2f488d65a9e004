"""Arrow IPC: files (Feather version 2) and streams; every batch is validated in full before use.

A batch is the smallest piece that Arrow can read, so memory is bounded by the largest batch in the file. What its
encodings unfold to is bounded by ``budget`` in all, and by ``unfolding`` at a time; what its compressed buffers unpack
to, by ``ipcguard``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from poisonguard.dataset.arrowtypes import canonical_schema
from poisonguard.dataset.formats.base import Part, Source, readable_as, subset
from poisonguard.dataset.formats.budget import Budget, unfolded_bytes
from poisonguard.dataset.formats.ipcguard import GuardedFile, GuardedStream, Unpacking
from poisonguard.dataset.formats.unfolding import unfolded


class ArrowTable:
    """One Arrow IPC file or stream."""

    loose: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    parts = (Part(0, None),)

    def __init__(self, source: Source, *, stream: bool) -> None:
        self._source = source
        self._stream = stream
        self._budget = Budget(source)
        self._unpacked = Budget(source)
        with readable_as(source.path, "Arrow IPC"):
            reader, file = self._open()
            with file:
                self.schema = canonical_schema(source.shown, reader.schema)

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """All rows, batch by batch."""
        wanted = subset(self.schema, frozenset(schema.names))
        plain, spent = pa.schema([self.schema.field(name) for name in wanted]), 0
        with readable_as(self._source.path, "Arrow IPC"):
            reader, file = self._open()
            with file:
                for batch in self._batches(reader, file):
                    batch.validate(full=True)
                    for piece in unfolded(self._source.shown, batch.select(wanted), plain):
                        spent += unfolded_bytes(piece)
                        self._budget.spend(part.index, spent)
                        yield piece

    def _open(self) -> tuple[Any, Any]:
        if self._stream:
            file = GuardedStream(self._source.stream(), Unpacking(self._source, self._unpacked))
            return pa.ipc.open_stream(pa.PythonFile(file, mode="r")), file
        checked = self._source.open()
        return pa.ipc.open_file(pa.PythonFile(checked, mode="r")), checked

    def _batches(self, reader: Any, file: Any) -> Iterator[pa.RecordBatch]:
        if self._stream:
            yield from reader
            return
        guarded = GuardedFile(file, Unpacking(self._source, self._unpacked))
        for index in range(reader.num_record_batches):
            guarded.allow(index)
            yield reader.get_batch(index)
