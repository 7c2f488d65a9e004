"""One read of the bytes gives the whole-file SHA-256 and the chunk tree.

The trees are described in ``poisonguard.dataset.chunktree``. Rules:

1. A file whose stamp differs before and after reading is an error.
2. Small files are hashed many at a time; a big one whose SHA-256 is not wanted, in pieces on several threads. Where it
   is wanted, one thread must see the whole file; the others go on with what comes behind. The result depends on none.
3. A SHA-256 that is known from a trusted listing is taken over when size and tree root are those of the listing:
   the tree binds the same bytes.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.names import shown
from poisonguard.dataset.parallel import GROUPS_AHEAD, groups
from poisonguard.dataset.storage import Handle, Stamp, Storage
from poisonguard.domain.dataset import CHUNK, LEAF, chunk_count
from poisonguard.errors import DataChanged, DataError

PIECE_CHUNKS = 16
"""Chunks that one thread hashes in one go (64 MiB): measured best on 2 cores."""

GROUPS_HELD = 1_024
"""Groups that may be under way or wait behind a big file: while one thread hashes 10 GB, the others do a GB more."""

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
        head: The first of the bytes that were hashed, as many as were asked for.
    """

    size: int
    sha256: str
    tree_root: str
    leaves: bytes
    head: bytes = field(default=b"", compare=False, repr=False)


class KnownFiles(Protocol):
    """Files whose SHA-256 somebody who is trusted has said."""

    def has_size(self, size: int) -> bool:
        """Whether one of them has that many bytes."""

    def sha256_of(self, size: int, tree_root: str) -> str | None:
        """Hex SHA-256 of the file with that size and tree root; nothing when it is none of them."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """What to find out of each file.

    Attributes:
        sha256: Whether its SHA-256 is wanted.
        tree: How to hash its chunks.
        head: How many of its first bytes to hand out.
        known: Files whose SHA-256 need not be computed.
    """

    sha256: bool
    tree: ChunkTree = BLAKE3_TREE
    head: int = 0
    known: KnownFiles | None = None


Listed = tuple[str, int]
"""A file's path, and its bytes when it was listed."""
Outcome = FileDigests | DataError


def hash_file(
    storage: Storage,
    path: str,
    *,
    sha256: bool = True,
    tree: ChunkTree = BLAKE3_TREE,
    progress: Progress | None = None,
) -> FileDigests:
    """Open one file, read it once, and hash it.

    Raises:
        DataChanged: The file changed while it was read.
        UnreadableData: It cannot be read.
    """
    return _hash_whole(_Reading(storage, Hashing(sha256, tree), progress), path)


def hash_files(
    storage: Storage, files: Iterable[Listed], hashing: Hashing, *, workers: int, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Hash files on ``workers`` threads; results in the same order. Of ``files``, only the next few are taken.

    A file that changed or could not be read comes back as its error, so that a gate can name every one.
    """
    reading = _Reading(storage, hashing, progress)
    running: deque[_Running] = deque()
    waiting = groups(files, lambda item: item[1])
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            while True:
                while _has_room(running, workers) and (group := next(waiting, None)):
                    running.append(_start(pool, reading, group))
                if not running:
                    return
                if running[0].is_done or len(running) >= GROUPS_HELD:
                    yield from running.popleft().finish()
                else:
                    wait([future for item in running for future in item.open], return_when=FIRST_COMPLETED)
        finally:
            for future in (future for item in running for future in item.futures):
                future.cancel()


@dataclass(frozen=True, slots=True)
class _Reading:
    """What every job of one run shares."""

    storage: Storage
    hashing: Hashing
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Consecutive chunks of one file, hashed."""

    leaves: bytes
    sha256: str
    size: int
    stamp: Stamp
    head: bytes


@dataclass(frozen=True, slots=True)
class _Running:
    """Files that are being hashed, and how their digests come from the futures' results."""

    futures: Sequence[Future[Any]]
    finish: Callable[[], Sequence[Outcome]]

    @property
    def open(self) -> list[Future[Any]]:
        """What is still being hashed, or waits for a thread."""
        return [future for future in self.futures if not future.done()]

    @property
    def is_done(self) -> bool:
        """Whether nothing is."""
        return all(future.done() for future in self.futures)


def _has_room(running: Sequence[_Running], workers: int) -> bool:
    """Whether more may be started: what is done and only waits for its turn behind a big file keeps no thread busy."""
    return len(running) < GROUPS_HELD and sum(len(item.open) for item in running) < GROUPS_AHEAD * workers


def _start(pool: ThreadPoolExecutor, reading: _Reading, group: Sequence[Listed]) -> _Running:
    path, size = group[0]
    known = reading.hashing.known
    if len(group) == 1 and reading.hashing.sha256 and known is not None and known.has_size(size):
        return _start_recognising(pool, reading, path, size, known)
    if len(group) == 1 and not reading.hashing.sha256:
        return _start_pieces(pool, reading, path, size)
    whole = pool.submit(_hash_each, reading, [path for path, _ in group], [size for _, size in group])
    return _Running([whole], whole.result)


def _start_pieces(pool: ThreadPoolExecutor, reading: _Reading, path: str, size: int) -> _Running:
    """A tree may be hashed piece by piece; a SHA-256 must see the whole file in order."""
    count = chunk_count(size)
    futures = [
        pool.submit(_open_and_hash, reading, path, range(first, min(first + PIECE_CHUNKS, count)))
        for first in range(0, max(1, count), PIECE_CHUNKS)
    ]
    return _Running(futures, lambda: [_join(path, futures, reading.hashing.tree)])


def _start_recognising(
    pool: ThreadPoolExecutor, reading: _Reading, path: str, size: int, known: KnownFiles
) -> _Running:
    """The tree first, which is fast; the SHA-256 only when nobody has said it."""
    tree = _start_pieces(pool, replace(reading, hashing=replace(reading.hashing, sha256=False)), path, size)

    def finish() -> Sequence[Outcome]:
        (found,) = tree.finish()
        if not isinstance(found, FileDigests):
            return [found]
        sha256 = known.sha256_of(found.size, found.tree_root)
        if sha256 is not None:
            return [replace(found, sha256=sha256)]
        return pool.submit(_hash_each, replace(reading, progress=None), [path], [size]).result()

    return _Running(tree.futures, finish)


def _hash_each(reading: _Reading, paths: Sequence[str], sizes: Sequence[int]) -> Sequence[Outcome]:
    outcomes: list[Outcome] = []
    for path, size in zip(paths, sizes, strict=True):
        try:
            digests = _hash_whole(reading, path)
        except DataError as error:
            outcomes.append(error)
        else:
            outcomes.append(digests if digests.size == size else _changed(path))
    return outcomes


def _hash_whole(reading: _Reading, path: str) -> FileDigests:
    piece = _open_and_hash(reading, path, None)
    root = reading.hashing.tree.root(piece.size, piece.leaves)
    return FileDigests(piece.size, piece.sha256, root, piece.leaves, piece.head)


def _open_and_hash(reading: _Reading, path: str, chunks: range | None) -> _Piece:
    """Hash these chunks of a file, or all of them."""
    handle = reading.storage.open(path)
    try:
        return _hash_piece(reading, handle, path, range(chunk_count(handle.size)) if chunks is None else chunks)
    finally:
        handle.close()


def _hash_piece(reading: _Reading, handle: Handle, path: str, chunks: range) -> _Piece:
    hashing = reading.hashing
    before = handle.stamp()
    whole = hashlib.sha256() if hashing.sha256 else None
    buffer = _buffer()
    leaves, head = bytearray(), b""
    for index in chunks:
        chunk = buffer[: max(0, min(CHUNK, handle.size - index * CHUNK))]
        if not chunk or handle.read_into(index * CHUNK, chunk) != len(chunk):
            raise _changed(path)
        leaves += hashing.tree.leaf(chunk)
        if whole is not None:
            whole.update(chunk)
        if index == 0 and hashing.head:
            head = bytes(chunk[: hashing.head])
        if reading.progress is not None:
            reading.progress(len(chunk))
    if handle.stamp() != before:
        raise _changed(path)
    return _Piece(bytes(leaves), whole.hexdigest() if whole else "", handle.size, before, head)


_LOCAL = threading.local()


def _buffer() -> memoryview:
    """This thread's reading buffer: allocated once, so that its pages stay warm."""
    if not hasattr(_LOCAL, "buffer"):
        _LOCAL.buffer = memoryview(bytearray(CHUNK))
    buffer: memoryview = _LOCAL.buffer
    return buffer


def _join(path: str, futures: Sequence[Future[_Piece]], tree: ChunkTree) -> Outcome:
    try:
        pieces = [future.result() for future in futures]
    except DataError as error:
        return error
    size, stamp = pieces[0].size, pieces[0].stamp
    leaves = b"".join(piece.leaves for piece in pieces)
    if any(piece.stamp != stamp for piece in pieces) or len(leaves) != LEAF * chunk_count(size):
        return _changed(path)
    return FileDigests(size, pieces[0].sha256, tree.root(size, leaves), leaves, pieces[0].head)


def _changed(path: str) -> DataChanged:
    return DataChanged(f"{shown(path)}: changed while it was read", hint="Stop the writer and run again.")
