"""One read of the bytes gives the whole-file SHA-256 and the BLAKE3 chunk tree.

The tree, exactly (``HASH_PROFILE`` names every parameter):

- leaf ``i`` is the BLAKE3 hash of bytes ``[i * 4 MiB, (i + 1) * 4 MiB)``; an empty file has no leaf;
- the root is BLAKE3 in key-derivation mode, context ``TREE_CONTEXT``, over the size as 8 little-endian bytes
  followed by the leaves: no leaf can pass for a root, no size for another.

A file whose stamp differs before and after reading is an error. Tree-only hashing reads a big file in pieces on
several threads; the result does not depend on how many.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from blake3 import blake3

from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Handle, Stamp, Storage
from poisonguard.errors import DataChanged, DataError

CHUNK = 4 << 20
LEAF = 32
PIECE_CHUNKS = 16
"""Chunks that one thread hashes in one go (64 MiB): measured best on 2 cores, PERFORMANCE.md."""
JOBS_AHEAD = 4
"""Jobs in flight for each worker: enough to keep it busy, few enough to stay small."""
TREE_CONTEXT = "poisonguard 2026-11 chunk tree v1, 4 MiB leaves"
HASH_PROFILE = (
    "file=sha256; tree=blake3-chunks-4MiB-v1; row=blake2b-256-canonical-v1; "
    "unit=sha256; rows=sha256-sorted; files=rfc6962-sha256"
)
"""Names every digest in a manifest and its parameters; any change of a rule gets another name."""

Progress = Callable[[int], None]
"""Told how many more bytes have been hashed, from any thread."""


@dataclass(frozen=True, slots=True)
class FileDigests:
    """Digests of one file.

    Attributes:
        size: Bytes read.
        sha256: Hex SHA-256; empty when only the tree was asked for.
        tree_root: Hex root of the chunk tree.
        leaves: 32 bytes for each chunk.
    """

    size: int
    sha256: str
    tree_root: str
    leaves: bytes


@dataclass(frozen=True, slots=True)
class _Job:
    """A run of chunks of one file, to be hashed in one go."""

    path: str
    first: int
    chunks: int
    sha256: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    leaves: bytes
    sha256: str
    size: int
    stamp: Stamp


def tree_root(size: int, leaves: bytes) -> str:
    """Hex root of the chunk tree of a file of ``size`` bytes."""
    tree = blake3(size.to_bytes(8, "little"), derive_key_context=TREE_CONTEXT)
    return tree.update(leaves).hexdigest()


def leaf_count(size: int) -> int:
    """Chunks of a file of ``size`` bytes."""
    return -(-size // CHUNK)


def hash_file(storage: Storage, path: str, *, sha256: bool = True, progress: Progress | None = None) -> FileDigests:
    """Open one file, read it once, and hash it.

    Raises:
        DataChanged: The file changed while it was read.
        UnreadableData: It cannot be read.
    """
    handle = storage.open(path)
    try:
        piece = _hash_piece(handle, _Job(path, 0, leaf_count(handle.size), sha256), progress)
    finally:
        handle.close()
    return FileDigests(piece.size, piece.sha256, tree_root(piece.size, piece.leaves), piece.leaves)


def hash_files(
    storage: Storage, files: Sequence[tuple[str, int]], *, workers: int, sha256: bool, progress: Progress | None = None
) -> Iterator[FileDigests | DataError]:
    """Hash files of the given (path, size) on ``workers`` threads; results in the same order.

    A file that changed or could not be read comes back as its error, so that a gate can name every one.
    """
    running: deque[list[Future[_Piece]]] = deque()
    waiting = iter(files)
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            for path, _ in files:
                while sum(map(len, running)) < JOBS_AHEAD * workers and (item := next(waiting, None)) is not None:
                    jobs = _jobs(*item, sha256=sha256)
                    running.append([pool.submit(_open_and_hash, storage, job, progress) for job in jobs])
                yield _join(path, running.popleft())
        finally:
            for future in (item for items in running for item in items):
                future.cancel()


def _jobs(path: str, size: int, *, sha256: bool) -> Iterator[_Job]:
    """A SHA-256 must see the whole file in order; a tree need not."""
    count = max(1, leaf_count(size))
    step = count if sha256 else PIECE_CHUNKS
    for first in range(0, count, step):
        yield _Job(path, first, min(step, leaf_count(size) - first), sha256)


def _open_and_hash(storage: Storage, job: _Job, progress: Progress | None) -> _Piece:
    handle = storage.open(job.path)
    try:
        return _hash_piece(handle, job, progress)
    finally:
        handle.close()


def _hash_piece(handle: Handle, job: _Job, progress: Progress | None) -> _Piece:
    before = handle.stamp()
    whole = hashlib.sha256() if job.sha256 else None
    buffer = _buffer()
    leaves = bytearray()
    for index in range(job.first, job.first + job.chunks):
        chunk = buffer[: max(0, min(CHUNK, handle.size - index * CHUNK))]
        if not chunk or handle.read_into(index * CHUNK, chunk) != len(chunk):
            raise _changed(job.path)
        leaves += blake3(chunk).digest()
        if whole is not None:
            whole.update(chunk)
        if progress is not None:
            progress(len(chunk))
    if handle.stamp() != before:
        raise _changed(job.path)
    return _Piece(bytes(leaves), whole.hexdigest() if whole else "", handle.size, before)


_LOCAL = threading.local()


def _buffer() -> memoryview:
    """This thread's reading buffer: allocated once, so that its pages stay warm."""
    if not hasattr(_LOCAL, "buffer"):
        _LOCAL.buffer = memoryview(bytearray(CHUNK))
    buffer: memoryview = _LOCAL.buffer
    return buffer


def _join(path: str, futures: Sequence[Future[_Piece]]) -> FileDigests | DataError:
    try:
        pieces = [future.result() for future in futures]
    except DataError as error:
        return error
    size, stamp = pieces[0].size, pieces[0].stamp
    leaves = b"".join(piece.leaves for piece in pieces)
    if any(piece.stamp != stamp for piece in pieces) or len(leaves) != LEAF * leaf_count(size):
        return _changed(path)
    return FileDigests(size, pieces[0].sha256, tree_root(size, leaves), leaves)


def _changed(path: str) -> DataChanged:
    return DataChanged(f"{shown(path)}: changed while it was read", hint="Stop the writer and run again.")
