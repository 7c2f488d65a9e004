"""A file object that hands out exactly the bytes that were hashed.

Each 4 MiB chunk is compared with its recorded BLAKE3 leaf when it is read, and the very buffer that was
compared is handed out: there is no moment between check and use. A chunk that differs stops the reading.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict

from blake3 import blake3

from poisonguard.dataset.hashing import CHUNK, LEAF
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Handle, Storage
from poisonguard.errors import DataChanged

CHUNKS_KEPT = 4
"""Checked chunks kept in memory by each open file: readers jump between a few places."""


class VerifiedFile(io.RawIOBase):
    """Reads one file, checking every chunk; safe for readers that use threads of their own."""

    def __init__(self, storage: Storage, path: str, size: int, leaves: bytes) -> None:
        super().__init__()
        self._path = path
        self._size = size
        self._leaves = leaves
        self._position = 0
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.RLock()
        self._handle: Handle = storage.open(path)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def size(self) -> int:
        """Bytes of the file, as hashed."""
        return self._size

    def tell(self) -> int:
        """Where the next read starts."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to ``offset`` from the start, the position or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """The next ``size`` bytes, fewer only at the end of the file."""
        with self._lock:
            start = self._position
            stop = self._size if size is None or size < 0 else min(self._size, start + size)
            if start >= stop:
                return b""
            self._position = stop
            return self._range(start, stop)

    def readinto(self, buffer: object, /) -> int:
        """Fill a buffer; how many bytes there were."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type] # typeshed's Buffer is newer than Python 3.11
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file; later reads fail."""
        with self._lock:
            if not self.closed:
                self._handle.close()
                self._chunks.clear()
        super().close()

    def _range(self, start: int, stop: int) -> bytes:
        first, last = start // CHUNK, (stop - 1) // CHUNK
        if first == last:
            return self._chunk(first)[start - first * CHUNK : stop - first * CHUNK]
        parts = [memoryview(self._chunk(index)) for index in range(first, last + 1)]
        parts[0] = parts[0][start - first * CHUNK :]
        parts[-1] = parts[-1][: stop - last * CHUNK]
        return b"".join(parts)

    def _chunk(self, index: int) -> bytes:
        if index in self._chunks:
            self._chunks.move_to_end(index)
            return self._chunks[index]
        chunk = bytearray(min(CHUNK, self._size - index * CHUNK))
        if self.closed:
            raise ValueError("read from a closed file")
        count = self._handle.read_into(index * CHUNK, memoryview(chunk))
        data = bytes(chunk)
        if count != len(data) or blake3(data).digest() != self._leaves[index * LEAF : (index + 1) * LEAF]:
            raise DataChanged(
                f"{shown(self._path)}: changed after it was hashed (in the 4 MiB from byte {index * CHUNK})",
                hint="Stop the writer and run again.",
            )
        self._chunks[index] = data
        if len(self._chunks) > CHUNKS_KEPT:
            self._chunks.popitem(last=False)
        return data
