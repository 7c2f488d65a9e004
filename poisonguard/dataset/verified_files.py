"""The files of one approved version, to be read through checks, and nothing else.

Rules:

1. What there is, and how large, is what the listing says: the disk is never asked.
2. A file is opened only when its chunk leaves lead to the root that its entry binds.
3. What cannot be opened as the recorded file (it is gone, or has another size) has changed since it was approved.
4. Whoever wants to know is told once that bytes were found to be the recorded ones, before any are handed out.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Storage
from poisonguard.dataset.verified import Nobody, Observer, VerifiedFile
from poisonguard.domain.dataset import LEAF, FileEntry, chunk_count
from poisonguard.domain.wording import count
from poisonguard.errors import DataChanged, DataError, IntegrityError, NothingToScan


class Listed(Protocol):
    """The files of a version in order of their paths, each with its chunk leaves if it has more than one chunk."""

    def __iter__(self) -> Iterator[FileEntry]: ...

    def at(self, index: int) -> tuple[FileEntry, bytes]:
        """The file at a place in the listing, from 0."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file or a folder that the listing speaks of.

    Attributes:
        path: POSIX path relative to the dataset's root; empty for the root itself.
        size: Bytes of a file; nothing for a folder.
        tree_root: Hex root of a file's chunk tree, which names its content; empty for a folder.
    """

    path: str
    size: int | None = None
    tree_root: str = ""


ObserverOf = Callable[[FileEntry], Observer]


class _Once:
    """Calls something the first time that it is called itself; whoever calls meanwhile waits until that is done."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._done = False

    def __call__(self) -> None:
        with self._lock:
            if not self._done:
                self._action()
            self._done = True


@dataclass(frozen=True, slots=True)
class _Found:
    """Says that bytes were found to be the recorded ones, and passes on to another observer."""

    say: Callable[[], None]
    observer: Observer

    def handed_out(self, start: int, stop: int) -> None:
        self.say()
        self.observer.handed_out(start, stop)

    def refused(self) -> None:
        self.observer.refused()


class VerifiedFiles:
    """Looks up and opens the files of a version.

    Args:
        storage: Opens the files.
        listing: The files.
        tree: How their chunks were hashed.
        found: Called once, when the first bytes were found to be the recorded ones; raising keeps them back.
    """

    def __init__(
        self, storage: Storage, listing: Listed, tree: ChunkTree, found: Callable[[], None] | None = None
    ) -> None:
        self.listing = listing
        self._found = None if found is None else _Once(found)
        self._storage = storage
        self._tree = tree
        self._paths: list[str] = []
        self._sizes = array("Q")
        self._roots = bytearray()
        for entry in listing:
            self._paths.append(entry.path)
            self._sizes.append(entry.size)
            self._roots += bytes.fromhex(entry.tree_root)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file, sorted."""
        return tuple(self._paths)

    @property
    def chunk_count(self) -> int:
        """Chunks of all files."""
        return sum(map(chunk_count, self._sizes))

    def find(self, path: str) -> Item | None:
        """The file or folder at ``path``, if the listing has one."""
        index = bisect_left(self._paths, path)
        if index < len(self._paths) and self._paths[index] == path:
            return self._item(index)
        return Item(path) if not path or self._is_folder(path) else None

    def children(self, folder: str) -> Iterator[Item]:
        """What lies in a folder itself, in order; nothing when there is no such folder."""
        prefix = f"{folder}/" if folder else ""
        index = bisect_left(self._paths, prefix)
        while index < len(self._paths) and self._paths[index].startswith(prefix):
            name, slash, _ = self._paths[index][len(prefix) :].partition("/")
            if slash:
                yield Item(prefix + name)
                # "0" comes right after "/": the first path that is not in the folder any more.
                index = bisect_left(self._paths, f"{prefix}{name}0", index)
            else:
                yield self._item(index)
                index += 1

    def open(self, path: str, observer_of: ObserverOf | None = None) -> VerifiedFile:
        """Open one file.

        Args:
            path: Its path.
            observer_of: Who is told what becomes of reads of a file.

        Raises:
            FileNotFoundError: The version has no such file.
            DataChanged: It is gone or has another size.
            IntegrityError: The listing's chunk leaves are not those that the entry binds.
        """
        entry, leaves = self._entry(path)
        observer: Observer = Nobody() if observer_of is None else observer_of(entry)
        if self._found is not None:
            observer = _Found(self._found, observer)
        if (leaves or not entry.size) and self._tree.root(entry.size, leaves) != entry.tree_root:
            raise IntegrityError(f"{shown(path)}: the listing holds other chunk leaves than it binds")
        try:
            return self._open(entry, leaves, observer)
        except DataError:
            observer.refused()
            raise

    def _open(self, entry: FileEntry, leaves: bytes, observer: Observer) -> VerifiedFile:
        name = shown(entry.path)
        try:
            file = VerifiedFile(
                self._storage, entry.path, entry.size, leaves, self._tree, root=entry.tree_root, observer=observer
            )
        except NothingToScan as error:
            raise DataChanged(f"{name}: vanished since it was approved", hint="Restore it.") from error
        size = file.found_size
        if size != entry.size:
            file.close()
            raise DataChanged(
                f"{name}: changed: {count(size, 'byte')}, approved were {entry.size:,}", hint="Restore it."
            )
        return file

    def _entry(self, path: str) -> tuple[FileEntry, bytes]:
        index = bisect_left(self._paths, path)
        if index == len(self._paths) or self._paths[index] != path:
            raise FileNotFoundError(f"{shown(path)}: no such file in the approved version")
        return self.listing.at(index)

    def _item(self, index: int) -> Item:
        root = self._roots[index * LEAF : (index + 1) * LEAF].hex()
        return Item(self._paths[index], self._sizes[index], root)

    def _is_folder(self, path: str) -> bool:
        index = bisect_left(self._paths, f"{path}/")
        return index < len(self._paths) and self._paths[index].startswith(f"{path}/")
