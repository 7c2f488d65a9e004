"""Sequential bytes of a file, decompressed within a budget, checked to be UTF-8.

Rules:

1. A stream that decompresses to more than ``LARGEST_RATIO`` times its size (beyond a free allowance), or to more
   than ``LARGEST_OUTPUT``, is refused as a decompression bomb.
2. A truncated or damaged stream is an error, never a shorter file.
3. Text is UTF-8, strictly: the first bad byte is named by its offset.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol

import pyarrow as pa

from poisonguard.dataset.names import shown
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData

LARGEST_RATIO = 250
"""Real tables compress up to about 100 times; bombs start at about 1 000."""
FREE_ALLOWANCE = 64 << 20
"""Output that is never refused for its ratio: it fits into memory."""
LARGEST_OUTPUT = 64 << 30
LARGEST_DICTIONARY = 256 << 20
READ_BYTES = 1 << 20


class Readable(Protocol):
    """What the decompressors read from and are."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes."""


class Stream(io.RawIOBase):
    """Decompressed bytes within the budget; closes the file below."""

    def __init__(self, path: str, file: VerifiedFile, compression: str | None) -> None:
        super().__init__()
        self._path = path
        self._file = file
        self._source = decompressor(file, compression)
        self._compression = compression
        self._given = 0
        self._budget = min(LARGEST_OUTPUT, max(FREE_ALLOWANCE, LARGEST_RATIO * file.size))

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes; fewer than asked for only at the end."""
        if self._compression is None:
            return self._file.read(size)
        with self._damage_named():
            data = self._source.read(READ_BYTES if size is None or size < 0 else size)
        self._given += len(data)
        if self._given > self._budget:
            raise UnreadableData(
                f"{shown(self._path)}: expands to more than {self._budget >> 20} MiB, a decompression bomb",
                hint="Store it uncompressed if it is real.",
            )
        return data

    def close(self) -> None:
        """Close the file below."""
        self._file.close()
        super().close()

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise UnreadableData(
                f"{shown(self._path)}: the {self._compression} stream is truncated or damaged",
                hint="Fetch the file again.",
            ) from error


def decompressor(file: VerifiedFile | IO[bytes], compression: str | None) -> Readable:
    """The decompressed bytes of ``file``, without a bound on how many they are."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "bzip2":
        return bz2.BZ2File(file)
    if compression == "zstd":
        stream: Readable = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
        return stream
    return _Xz(file) if compression == "xz" else file


class _Xz:
    """Decompresses xz with a bound on the memory that its dictionary may claim."""

    def __init__(self, file: VerifiedFile | IO[bytes]) -> None:
        self._file = file
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; empty only at the end of the last stream."""
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._file.read(READ_BYTES)
                if not rest:
                    return b""
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)
            else:
                rest = self._file.read(READ_BYTES) if self._decoder.needs_input else b""
                if not rest and self._decoder.needs_input:
                    raise EOFError("truncated")
            data = self._decoder.decompress(rest, size)
            if data:
                return data


class Stoppable(io.RawIOBase):
    """Passes bytes on until it is stopped; then no thread is in the middle of a read, and none begins another.

    Arrow reads ahead on a thread of its own. When the caller gives up on an error, that thread would still be in our
    code while Python ends, which aborts the process.
    """

    def __init__(self, source: Any) -> None:
        super().__init__()
        self._source = source
        self._lock = threading.Lock()
        self._stopped = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes; none once it was stopped."""
        with self._lock:
            data: bytes = b"" if self._stopped else self._source.read(size)
            return data

    def stop(self) -> None:
        """Wait for the read that is under way, and let no other begin."""
        with self._lock:
            self._stopped = True


class Utf8Check(io.RawIOBase):
    """Passes bytes on and refuses the first that is not UTF-8."""

    def __init__(self, path: str, source: Any) -> None:
        super().__init__()
        self._path = path
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes of valid UTF-8."""
        data: bytes = self._source.read(size)
        held = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            place = self._offset - held + error.start
            raise UnreadableData(
                f"{shown(self._path)}: byte {place} is not valid UTF-8", hint="Convert the file to UTF-8."
            ) from error
        self._offset += len(data)
        return data

    def close(self) -> None:
        """Close the stream below."""
        self._source.close()
        super().close()
