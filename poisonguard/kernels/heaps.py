"""Very many small records, taken apart into 256 heaps by their first byte, in bounded memory.

Records that start with a hash make heaps of about the same size, each small enough to be worked on by itself; equal
records, and records with equal hashes, lie in one heap, in the order in which they came. Beyond ``memory_limit``
records go to a temporary file, heap by heap.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

HEAPS = 256
MEMORY_LIMIT = 16 << 20
"""Bytes held before they are written out."""

Records = npt.NDArray[Any]
Bounds = npt.NDArray[np.int64]


class Heaps:
    """Records of one type, heap by heap. A context manager, because of the temporary file."""

    def __init__(self, kind: npt.DTypeLike, memory_limit: int = MEMORY_LIMIT) -> None:
        self._kind = np.dtype(kind)
        self._limit = memory_limit
        self._held: list[Records] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._written: list[tuple[int, Bounds]] = []

    def add(self, records: Records) -> None:
        """Add records, shape (records,)."""
        self._held.append(np.array(records, dtype=self._kind))
        self._held_bytes += records.nbytes
        if self._held_bytes > self._limit:
            self._write()

    def __iter__(self) -> Iterator[Records]:
        """The records of each heap, by ascending first byte; none may be added any more."""
        rest, bounds = self._taken_apart()
        for heap in range(HEAPS):
            yield self._together([*self._read(heap), rest[bounds[heap] : bounds[heap + 1]]])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="poisonguard-")  # noqa: SIM115 - closed by __exit__
        records, bounds = self._taken_apart()
        self._written.append((self._file.seek(0, 2), bounds))
        self._file.write(records.view(np.uint8).data)

    def _taken_apart(self) -> tuple[Records, Bounds]:
        """The records held, heap after heap, and where each heap starts; nothing is held after that."""
        records = self._together(self._held)
        self._held, self._held_bytes = [], 0
        first = records.view(np.uint8).reshape(records.size, self._kind.itemsize)[:, 0]
        bounds = np.concatenate([[0], np.cumsum(np.bincount(first, minlength=HEAPS))])
        return records[np.argsort(first, kind="stable")], bounds

    def _together(self, parts: Sequence[Records]) -> Records:
        # The type is said, because NumPy would turn big-endian numbers round.
        return np.concatenate([np.empty(0, dtype=self._kind), *parts], dtype=self._kind)

    def _read(self, heap: int) -> Iterator[Records]:
        for place, bounds in self._written:
            if self._file is not None:
                self._file.seek(place + int(bounds[heap]) * self._kind.itemsize)
                size = int(bounds[heap + 1] - bounds[heap]) * self._kind.itemsize
                yield np.frombuffer(self._file.read(size), dtype=self._kind)
