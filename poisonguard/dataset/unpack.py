"""Whole-file compressed tables that are read at any place: unpacked once into a private folder.

Parquet and Arrow files are read from their end. Rules:

1. The bytes that are unpacked are the hashed ones (``VerifiedFile``), within the budget of ``streams``.
2. What was unpacked is hashed while it is written, and every later reading is checked against that.
3. The folder is readable by its owner only, and vanishes with the dataset.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from blake3 import blake3

from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.storage import LocalHandle
from poisonguard.dataset.streams import Stream
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import UnreadableData
from poisonguard.kernels.private_folder import PrivateFolder


class Scratch:
    """A private folder that is made when it is first needed."""

    def __init__(self) -> None:
        self._private: PrivateFolder | None = None
        self._count = 0
        self._lock = threading.Lock()

    def new_file(self) -> Path:
        """A path in the folder that no other call gets."""
        with self._lock:
            self._private = self._private or PrivateFolder()
            self._count += 1
            return self._private.path / str(self._count)

    @property
    def folder(self) -> Path | None:
        """Where it is; nothing before and after."""
        return None if self._private is None else self._private.path

    def close(self) -> None:
        """Delete the folder and all that is in it."""
        with self._lock:
            if self._private is not None:
                self._private.close()
                self._private = None


class _Unpacked:
    """The storage of one unpacked file; its messages name the file it came from.

    On another machine, where the folder is not, the file is unpacked once more; what is read is checked there, too.
    """

    def __init__(self, file: Path, packed: Source) -> None:
        self._file = file
        self._packed = packed

    def open(self, path: str) -> LocalHandle:
        """Open it, whatever it is called in the dataset."""
        try:
            return _opened(path, self._file)
        except FileNotFoundError:
            return _opened(path, _again(self._packed))


def _opened(path: str, file: Path) -> LocalHandle:
    return LocalHandle(path, os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))


_elsewhere = Scratch()
"""What a worker on another machine unpacks, for as long as it lives."""
_here: dict[tuple[str, bytes], Path] = {}
_unpacking = threading.Lock()


def _again(packed: Source) -> Path:
    """The file, unpacked on this machine; once for all partitions in it."""
    with _unpacking:
        key = (packed.path, packed.leaves)
        if key not in _here:
            if not _here:
                atexit.register(_elsewhere.close)
            file = _elsewhere.new_file()
            _write(packed, file)
            _here[key] = file
        return _here[key]


def unpacked(source: Source, scratch: Scratch) -> Source:
    """``source`` decompressed into ``scratch``: the same path, bytes that can be read at any place.

    Raises:
        UnreadableData: The stream is damaged or a bomb, or there is no room for what is in it.
    """
    try:
        file = scratch.new_file()
        size, leaves = _write(source, file)
    except OSError as error:
        raise UnreadableData(
            f"{source.shown}: cannot be unpacked to the temporary folder: {error.strerror}",
            hint="Point TMPDIR to a disk with room, or decompress the file yourself.",
        ) from error
    return Source(_Unpacked(file, source), source.path, size, leaves)


def _write(source: Source, file: Path) -> tuple[int, bytes]:
    """Unpack into a new file; its size and leaves."""
    with file.open("xb") as sink, source.stream() as stream:
        size, leaves = 0, []
        while chunk := _chunk(stream):
            sink.write(chunk)
            leaves.append(blake3(chunk).digest())
            size += len(chunk)
    return size, b"".join(leaves)


def _chunk(stream: Stream) -> bytes:
    """The next ``CHUNK`` bytes, fewer only at the end."""
    parts: list[bytes] = []
    missing = CHUNK
    while missing and (data := stream.read(missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
