"""Opening files for reading: below one local directory, or in an object store through fsspec.

Rules for local files:

1. Every step from the root to the file is opened without following links, relative to the step before:
   a link that appears between the listing and the opening is refused, not followed.
2. Only regular files are opened, and opening never waits (a FIFO would block for ever).
3. A handle knows the file's stamp; a stamp that differs later means that the file changed.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Protocol

from poisonguard.dataset.names import shown
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import DataChanged, NothingToScan, UnreadableData

LOCAL_PIECE = 1 << 17
"""Small enough that what was read is still in the processor's own cache when it is hashed."""
REMOTE_CHUNKS = 16
"""Chunks asked for in one request (64 MiB): a request costs more than its bytes."""

Stamp = tuple[object, ...]
"""What changes when a file changes: device, inode, size and times, or an object's version."""


class Handle(Protocol):
    """One file, open for reading.

    Attributes:
        size: Bytes when it was opened.
        piece: Bytes that are best read in one go: a part of a chunk, or several chunks.
    """

    size: int
    piece: int

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; how many bytes there were."""

    def stamp(self) -> Stamp:
        """What the file looks like now."""

    def moved(self) -> bool:
        """Whether its name no longer leads to it, or it has another size than when it was opened."""

    def close(self) -> None:
        """Let go of it."""


class Storage(Protocol):
    """Where a dataset's files are."""

    def open(self, path: str) -> Handle:
        """Open one file by its path relative to the root.

        Raises:
            DataChanged: It vanished since it was listed.
            UnreadableData: It is no regular file, or may not be read.
        """


class LocalStorage:
    """Files below one directory."""

    def __init__(self, root: str) -> None:
        self.root = root

    def __reduce__(self) -> tuple[object, ...]:
        """The same files from another process, whatever its working directory is."""
        return LocalStorage, (os.path.abspath(self.root),)  # noqa: PTH100 - str paths keep names that are not UTF-8

    def open(self, path: str) -> LocalHandle:
        """Open one regular file without following any link."""
        *folders, name = path.split("/")
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for part in folders:
                    folder = _step(folder, part)
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _refusal(path, error) from error
        return LocalHandle(path, descriptor)


def _step(folder: int, part: str) -> int:
    """Descriptor of the directory ``part`` of ``folder``, which is closed when that worked."""
    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    os.close(folder)
    return below


def _refusal(path: str, error: OSError) -> DataChanged | UnreadableData:
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return UnreadableData(f"{shown(path)}: a symbolic link is on the way", hint="Links are not followed.")
    if error.errno == errno.ENOENT:
        return DataChanged(f"{shown(path)}: vanished while it was read", hint="Stop the writer and run again.")
    return UnreadableData(f"{shown(path)}: {error.strerror}", hint="Check the file's permissions.")


class LocalHandle:
    """One local file, open for reading."""

    piece = LOCAL_PIECE

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise UnreadableData(f"{shown(path)}: not a regular file", hint="Only regular files can be training data.")
        self.size = facts.st_size

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; fewer bytes only at the end of the file."""
        done = 0
        try:
            while done < len(buffer):
                count = os.preadv(self._descriptor, [buffer[done:]], offset + done)
                if count == 0:
                    break
                done += count
        except OSError as error:
            raise UnreadableData(f"{shown(self._path)}: {error.strerror}", hint="Check the disk.") from error
        return done

    def stamp(self) -> Stamp:
        """Device, inode, size, modification and change time."""
        facts = os.fstat(self._descriptor)
        return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    def moved(self) -> bool:
        """Whether it was resized, or its last name was taken away or given to another file."""
        facts = os.fstat(self._descriptor)
        return facts.st_nlink == 0 or facts.st_size != self.size

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RemoteStorage:
    """Objects below one prefix of an fsspec file system."""

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        self._root = root

    def open(self, path: str) -> RemoteHandle:
        """Open one object."""
        return RemoteHandle(self._files, f"{self._root}/{path}" if self._root else path, path)


class RemoteHandle:
    """One object; every read is one range request."""

    piece = REMOTE_CHUNKS * CHUNK

    def __init__(self, files: Any, key: str, path: str) -> None:
        self._files = files
        self._key = key
        self._path = path
        self.size = int(self._facts().get("size") or 0)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``."""
        try:
            data = self._files.cat_file(self._key, start=offset, end=min(offset + len(buffer), self.size))
        except Exception as error:  # each store's client has errors of its own: they become ours
            raise store_refusal(self._path, error) from error
        if len(data) > len(buffer):
            hint = "The server, or its client, ignores byte ranges: copy the data to where they can be asked for."
            raise UnreadableData(f"{shown(self._path)}: the store answers with more than was asked for", hint=hint)
        buffer[: len(data)] = data
        return len(data)

    def stamp(self) -> Stamp:
        """Size and every version mark that the store gives."""
        facts = self._facts()
        return (facts.get("size"), *version_marks(facts))

    def moved(self) -> bool:
        """Whether there is no such object any more, or one of another size."""
        try:
            return int(self._facts().get("size") or 0) != self.size
        except NothingToScan:
            return True

    def close(self) -> None:
        """Nothing is held open."""

    def _facts(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = self._files.info(self._key, refresh=True)
        except Exception as error:  # each store's client has errors of its own: they become ours
            raise store_refusal(self._path, error) from error
        return facts


def version_marks(facts: dict[str, Any]) -> tuple[str, ...]:
    """What changes, besides its size, when an object changes: every mark of its version that the store gives."""
    marks = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created", "version_id")
    return tuple(str(facts.get(mark)) for mark in marks)


def store_refusal(path: str, error: Exception) -> NothingToScan | UnreadableData:
    """Our error for whatever a store's client raised; there is no common base class to catch."""
    if isinstance(error, FileNotFoundError):
        return NothingToScan(f"{shown(path)}: no such object", hint="Check the URL.")
    reason = shown(str(error).strip().split("\n")[0]) or type(error).__name__
    return UnreadableData(f"{shown(path)}: {reason}", hint="Check the URL, the network and the credentials.")
