"""Records in order, written once and read as often as needed, in bounded memory.

They are tuples of plain values (text, bytes, integers). A block of them stays in memory while it is filled; full
blocks go to a temporary file without a name, which nobody else can open and which vanishes with the object.
"""

from __future__ import annotations

import marshal
import os
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

from poisonguard.errors import UsageError

BLOCK = 4096
"""Records that are kept, written and read together."""

Record = tuple[Any, ...]


class Spill:
    """Records, in the order in which they were appended; appended by one thread, read by any, once it is done."""

    def __init__(self) -> None:
        self._block: list[Record] = []
        self._places: list[tuple[int, int]] = []
        self._end = 0
        self._descriptor = -1
        self._last: tuple[int, list[Record]] = (-1, [])

    def append(self, record: Record) -> None:
        """Add a record.

        Raises:
            UsageError: There is no room in the temporary folder.
        """
        self._block.append(record)
        if len(self._block) == BLOCK:
            self._write()

    def __len__(self) -> int:
        return len(self._places) * BLOCK + len(self._block)

    def __iter__(self) -> Iterator[Record]:
        for number in range(len(self._places)):
            yield from self._read(number)
        yield from self._block

    def between(self, first: int, stop: int) -> Iterator[Record]:
        """Records ``first`` to ``stop``; each block of them is read once."""
        for number in range(first // BLOCK, -(-stop // BLOCK)):
            start = number * BLOCK
            yield from self._held(number)[max(0, first - start) : stop - start]

    def __getitem__(self, index: int) -> Record:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        number, inner = divmod(place, BLOCK)
        return self._held(number)[inner]

    def _held(self, number: int) -> list[Record]:
        """A block; the last one that was read is not read again."""
        if number == len(self._places):
            return self._block
        held, block = self._last
        if held != number:
            block = self._read(number)
            self._last = (number, block)
        return block

    def _write(self) -> None:
        data = marshal.dumps(self._block)
        try:
            if self._descriptor < 0:
                self._descriptor = unnamed_file()
                weakref.finalize(self, os.close, self._descriptor)
            write_all(self._descriptor, data)
        except OSError as error:
            hint = "Point TMPDIR to a disk with room."
            raise UsageError(f"the list of files cannot be kept: {error.strerror}", hint=hint) from error
        self._places.append((self._end, len(data)))
        self._end += len(data)
        self._block = []

    def _read(self, number: int) -> list[Record]:
        offset, size = self._places[number]
        data = os.pread(self._descriptor, size, offset)
        block: list[Record] = marshal.loads(data)  # noqa: S302 - our own bytes, out of a file that nobody can name
        return block


def unnamed_file() -> int:
    """Descriptor of a new temporary file that has no name any more."""
    descriptor, path = tempfile.mkstemp(prefix="poisonguard-")
    os.unlink(path)  # noqa: PTH108 - the name as mkstemp gave it
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however often the system takes only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
