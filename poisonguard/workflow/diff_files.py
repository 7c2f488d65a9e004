"""Compare the files of two versions: same, added, removed, changed, renamed; memory does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.attest.listing import Listing
from poisonguard.dataset.matching import Matching, placed
from poisonguard.dataset.pairing import pairs
from poisonguard.domain.dataset import FileEntry
from poisonguard.domain.difference import Change, FileDifference, FileDifferences
from poisonguard.kernels.heaps import Heaps

MOST_NAMED = 1000
"""Files of each kind that are named."""
GROUP = 4096
"""Files that are handed over together."""


def compare_files(before: Listing, after: Listing) -> FileDifferences:
    """Files that differ; one that is gone and one that is new, of the same bytes, are one that was renamed."""
    same = len(before)
    changed, renamed, gone, new = _Counted(2), _Counted(2), _Counted(1), _Counted(1)
    with Matching() as moved:
        leaving, coming = _Collector(moved.before, b"gone"), _Collector(moved.after, b"new")
        for _, old, now in pairs(_numbered(before), _numbered(after)):
            if now is None and old is not None:
                leaving.add(old)
            elif old is None and now is not None:
                coming.add(now)
            elif old is not None and now is not None and _bytes_of(old.entry) != _bytes_of(now.entry):
                changed.add(np.array([now.index]), np.array([old.index]))
        same -= leaving.close() + changed.count
        coming.close()
        for found in moved:
            renamed.add(found.after["place"], found.before["place"])
            gone.add(found.only_before["place"])
            new.add(found.only_after["place"])
    named = [
        *(_difference(Change.CHANGED, before.at(old)[0], after.at(now)[0]) for now, old in changed.first()),
        *(_difference(Change.RENAMED, before.at(old)[0], after.at(now)[0]) for now, old in renamed.first()),
        *(_difference(Change.REMOVED, before.at(old)[0], None) for (old,) in gone.first()),
        *(_difference(Change.ADDED, None, after.at(now)[0]) for (now,) in new.first()),
    ]
    counts = {Change.ADDED: new.count, Change.REMOVED: gone.count}
    counts |= {Change.CHANGED: changed.count, Change.RENAMED: renamed.count}
    return FileDifferences(same, counts, tuple(sorted(named, key=lambda item: (item.path, item.change))))


@dataclass(frozen=True, slots=True)
class _Numbered:
    index: int
    entry: FileEntry

    @property
    def path(self) -> str:
        return self.entry.path


def _numbered(files: Iterable[FileEntry]) -> Iterator[_Numbered]:
    return (_Numbered(index, entry) for index, entry in enumerate(files))


def _bytes_of(entry: FileEntry) -> tuple[int, str]:
    return entry.size, entry.sha256


class _Collector:
    """Hands files over to one side of a matching, many at a time."""

    def __init__(self, heaps: Heaps, side: bytes) -> None:
        self._heaps = heaps
        self._side = side
        self._digests = bytearray()
        self._places: list[int] = []
        self._count = 0

    def add(self, file: _Numbered) -> None:
        """Add a file; one without bytes never matches, for nothing says that two of them are one."""
        alone = hashlib.sha256(self._side + file.path.encode()).digest()
        self._digests += bytes.fromhex(file.entry.sha256) if file.entry.size else alone
        self._places.append(file.index)
        if len(self._places) == GROUP:
            self._hand_over()

    def close(self) -> int:
        """Hand over the rest; how many files there were."""
        self._hand_over()
        return self._count

    def _hand_over(self) -> None:
        digests = np.frombuffer(bytes(self._digests), dtype=np.uint8).reshape(-1, 32)
        self._heaps.add(placed(digests, np.array(self._places, dtype=np.int64)))
        self._count += len(self._places)
        self._digests, self._places = bytearray(), []


class _Counted:
    """Counts places, and keeps the first of them, with what belongs to them."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._held = np.empty((0, width), dtype=np.int64)

    def add(self, *columns: npt.NDArray[np.int64]) -> None:
        """Add places, and what belongs to each."""
        self.count += len(columns[0])
        held = np.concatenate([self._held, np.stack(columns, axis=1)])
        self._held = held[np.argsort(held[:, 0], kind="stable")[:MOST_NAMED]]

    def first(self) -> Iterator[tuple[int, ...]]:
        """The first places, in order."""
        return (tuple(row) for row in self._held.tolist())


def _difference(change: Change, before: FileEntry | None, after: FileEntry | None) -> FileDifference:
    entry = after or before
    return FileDifference(
        change,
        path="" if entry is None else entry.path,
        before=before.path if before is not None and change is Change.RENAMED else None,
        size=(before.size if before else 0, after.size if after else 0),
        rows=(before.rows if before else 0, after.rows if after else 0),
    )
