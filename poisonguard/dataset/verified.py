"""A file object that hands out exactly the bytes that were checked.

Each 4 MiB chunk is read into memory that is this process's own and compared with its recorded leaf; the very buffer
that was compared is handed out, so there is no moment between check and use. Rules:

1. A chunk that differs from its leaf, is short or cannot be read stops the reading, and is named.
2. A file that was deleted, replaced, cut or grown since it was opened stops the reading, even where the bytes that
   were asked for are still the right ones.
3. Long reads are slices of one buffer, and nothing is copied; short ones come from the chunks that were read last.
4. Only bytes that are handed out are reported to the observer, and every one of them is.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from typing import Any, NoReturn, Protocol

import pyarrow as pa

from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.lent import LENDING
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Handle, Storage
from poisonguard.domain.dataset import CHUNK, LEAF
from poisonguard.errors import DataChanged, NothingToScan

CHUNKS_KEPT = 4
"""Checked chunks kept in memory by each open file: readers jump between a few places."""
PEEK_BYTES = 8192
"""What is looked at in one go in search of a line's end; as Python's own buffered reader does."""


class Observer(Protocol):
    """Is told what becomes of reads, from any thread."""

    def handed_out(self, start: int, stop: int) -> None:
        """Bytes ``start`` to ``stop`` are about to be handed out; raising keeps them back."""

    def refused(self) -> None:
        """Bytes were asked for that are not the recorded ones."""


class Nobody:
    """Does not care what is read."""

    def handed_out(self, start: int, stop: int) -> None:
        """Nothing."""

    def refused(self) -> None:
        """Nothing."""


class VerifiedFile(io.RawIOBase):
    """Reads one file, checking every chunk; safe for readers that use threads of their own.

    Args:
        storage: Opens the file.
        path: Its path below the storage's root.
        size: Its bytes, as recorded.
        leaves: The recorded leaf of each chunk; may be left out, for ``root``, when there is one chunk at most.
        tree: How the leaves were made.
        root: The recorded root of the chunk tree; only looked at when there are no leaves.
        observer: Told what is handed out.

    Raises:
        DataError: The file cannot be opened.
    """

    mode = "rb"

    def __init__(  # noqa: PLR0913 - what is recorded of one file, and who asks
        self,
        storage: Storage,
        path: str,
        size: int,
        leaves: bytes,
        tree: ChunkTree = BLAKE3_TREE,
        *,
        root: str = "",
        observer: Observer | None = None,
    ) -> None:
        super().__init__()
        self._path = path
        self._size = size
        self._leaves = leaves
        self._tree = tree
        self._root = root
        self._observer = observer or Nobody()
        self._position = 0
        self._chunks: OrderedDict[int, pa.Buffer] = OrderedDict()
        self._lock = threading.RLock()
        self._handle: Handle = storage.open(path)
        LENDING.lend(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    @property
    def size(self) -> int:
        """Bytes of the file, as hashed."""
        return self._size

    @property
    def found_size(self) -> int:
        """Bytes that there were when it was opened."""
        return self._handle.size

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
        data: bytes = self.read_buffer(size).to_pybytes()
        return data

    def read_buffer(self, size: int | None = -1, /) -> pa.Buffer:
        """The same without a copy: Arrow's readers ask for this."""
        with LENDING, self._lock:
            start, stop = self._range(size)
            buffer = self.read_range(start, stop)
            self._position = max(start, stop)
            LENDING.lend(buffer)
            return buffer

    def read_range(self, start: int, stop: int) -> pa.Buffer:
        """Bytes ``start`` to ``stop``, not beyond the end, wherever the position is; from any thread at once."""
        stop = min(stop, self._size)
        if start >= stop:
            self._require_open()
            return pa.py_buffer(b"")
        buffer = self._checked(start, stop)
        self._observer.handed_out(start, stop)
        return buffer

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; how many bytes there were."""
        view = memoryview(buffer).cast("B")
        data = self.read_buffer(len(view))
        view[: len(data)] = memoryview(data).cast("B")
        return len(data)

    def peek(self, size: int = 0, /) -> bytes:
        """Some of the next bytes, which stay to be read; they count as handed out all the same."""
        with self._lock:
            start = self._position
            stop = min(self._size, start + max(1, min(size, PEEK_BYTES)), (start // CHUNK + 1) * CHUNK)
            data: bytes = self.read_range(start, stop).to_pybytes()
            return data

    def readline(self, size: int | None = -1, /) -> bytes:
        """The rest of the line, with its end, and not more than ``size`` bytes of it."""
        with self._lock:
            start, most = self._range(size)
            stop = start
            while stop < most:
                ahead = min(most, stop + PEEK_BYTES, (stop // CHUNK + 1) * CHUNK)
                found = self._checked(stop, ahead).to_pybytes().find(b"\n")
                stop = ahead if found < 0 else stop + found + 1
                if found >= 0:
                    break
            return self.read(stop - start)

    def close(self) -> None:
        """Close the file; later reads fail."""
        with self._lock:
            if not self.closed:
                self._handle.close()
                self._chunks.clear()
        super().close()

    def _range(self, size: int | None) -> tuple[int, int]:
        start = self._position
        return start, self._size if size is None or size < 0 else min(self._size, start + size)

    def _checked(self, start: int, stop: int) -> pa.Buffer:
        self._require_open()
        first, last = start // CHUNK, (stop - 1) // CHUNK
        if stop - start >= CHUNK:
            return self._load(first, last + 1).slice(start - first * CHUNK, stop - start)
        if first == last:
            return self._kept(first).slice(start - first * CHUNK, stop - start)
        head, tail = self._kept(first).slice(start - first * CHUNK), self._kept(last).slice(0, stop - last * CHUNK)
        return pa.py_buffer(b"".join((head, tail)))

    def _kept(self, index: int) -> pa.Buffer:
        with self._lock:
            if index not in self._chunks:
                self._chunks[index] = self._load(index, index + 1)
            self._chunks.move_to_end(index)
            if len(self._chunks) > CHUNKS_KEPT:
                self._chunks.popitem(last=False)
            return self._chunks[index]

    def _load(self, first: int, stop: int) -> pa.Buffer:
        """Chunks ``first`` to ``stop``, each checked right after it was read, while the processor still has it."""
        start, step = first * CHUNK, max(CHUNK, self._handle.piece)
        buffer = pa.allocate_buffer(min(self._size, stop * CHUNK) - start)
        with memoryview(buffer).cast("B") as view:
            for offset in range(0, len(view), step):
                self._fill(start + offset, view[offset : offset + step])
        if self._handle.moved():
            self._refuse(start, start + buffer.size, "the file was deleted, replaced, cut or grown")
        return buffer

    def _fill(self, start: int, chunks: memoryview) -> None:
        at_once = self._handle.piece > CHUNK
        if at_once:
            self._read(start, chunks)
        for offset in range(0, len(chunks), CHUNK):
            place, chunk = start + offset, chunks[offset : offset + CHUNK]
            leaf = self._tree.leaf(chunk) if at_once else self._read_and_hash(place, chunk)
            if not self._is_recorded(place // CHUNK, leaf):
                self._refuse(place, place + len(chunk), "they differ")

    def _read_and_hash(self, start: int, chunk: memoryview) -> bytes:
        hasher, step = self._tree.hasher(), self._handle.piece
        for offset in range(0, len(chunk), step):
            piece = chunk[offset : offset + step]
            self._read(start + offset, piece)
            hasher.update(piece)
        return hasher.digest()

    def _read(self, start: int, buffer: memoryview) -> None:
        try:
            complete = self._handle.read_into(start, buffer) == len(buffer)
        except NothingToScan:
            complete = False
        if not complete:
            first, stop = start // CHUNK * CHUNK, -(-(start + len(buffer)) // CHUNK) * CHUNK
            self._refuse(first, min(stop, self._size), "some are missing")

    def _is_recorded(self, index: int, leaf: bytes) -> bool:
        if self._leaves or not self._root:
            return leaf == self._leaves[index * LEAF : (index + 1) * LEAF]
        return self._tree.root(self._size, leaf) == self._root

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("read from a closed file")

    def _refuse(self, start: int, stop: int, problem: str) -> NoReturn:
        self._observer.refused()
        raise DataChanged(
            f"{shown(self._path)}: changed after it was hashed (the {stop - start} bytes from byte {start}): {problem}",
            hint="Stop the writer and run again.",
        )
