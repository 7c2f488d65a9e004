"""Build the manifest of a dataset from the digests of its rows, in bounded memory.

``rows_digest`` is the SHA-256 of all row digests in ascending order: the same for the same multiset of rows,
whatever their order, file or format. Digests are taken apart by their first byte, beyond ``MEMORY_LIMIT`` in a
temporary file, and each heap is sorted on its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from poisonguard.dataset.hashing import HASH_PROFILE
from poisonguard.dataset.opening import DataFile, Dataset
from poisonguard.domain import merkle
from poisonguard.domain.dataset import FileEntry, Manifest, Unit
from poisonguard.errors import InternalError
from poisonguard.kernels.heaps import MEMORY_LIMIT, Heaps

Digests = npt.NDArray[np.uint8]
Runs = Iterable[tuple[int, int, Digests]]
"""(file index, first row in the file, digests of shape (rows, 32)), in manifest order."""

DIGEST = 32


def build_manifest(dataset: Dataset, runs: Runs) -> Manifest:
    """The manifest of ``dataset``, whose rows have the digests ``runs``."""
    units: dict[int, list[Unit]] = {}
    with SortedDigests() as rows:
        for file, first_row, digests in runs:
            _check_order(units, file, first_row)
            digest = hashlib.sha256(np.ascontiguousarray(digests).data).hexdigest()
            units.setdefault(file, []).append(Unit(first_row, len(digests), digest))
            rows.add(digests)
        rows_digest, count = rows.digest(), rows.count
    files = tuple(_entry(item, tuple(units.get(index, ()))) for index, item in enumerate(dataset.files))
    return Manifest(HASH_PROFILE, files, dataset.columns, count, rows_digest, files_root(files))


def files_root(files: Iterable[FileEntry]) -> str:
    """Hex RFC 6962 root over the files in order; path, size and both digests are bound in each leaf."""
    return merkle.root(merkle.leaf_hash(file_leaf(item)) for item in files).hex()


def file_leaf(entry: FileEntry) -> bytes:
    """Canonical bytes of one file: a JSON array of path, size, SHA-256 and tree root (RFC 8785)."""
    # Paths hold no control characters (poisonguard.dataset.names), so json escapes as RFC 8785 does.
    values = [entry.path, entry.size, entry.sha256, entry.tree_root]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _entry(item: DataFile, units: tuple[Unit, ...]) -> FileEntry:
    rows = sum(unit.rows for unit in units)
    return FileEntry(item.path, item.size, item.sha256, item.tree_root, item.format, rows, units)


def _check_order(units: dict[int, list[Unit]], file: int, first_row: int) -> None:
    before = units.get(file)
    expected = before[-1].first_row + before[-1].rows if before else 0
    if first_row != expected or (before is None and any(known > file for known in units)):
        raise InternalError(f"rows of file {file} arrive at row {first_row}, expected {expected}")


class SortedDigests:
    """A multiset of 32-byte digests that hashes to the same value in any order; spills when it grows large."""

    def __init__(self, memory_limit: int = MEMORY_LIMIT) -> None:
        self.count = 0
        self._heaps = Heaps(f"V{DIGEST}", memory_limit)

    def add(self, digests: Digests) -> None:
        """Add digests, shape (rows, 32)."""
        self._heaps.add(np.ascontiguousarray(digests).view(f"V{DIGEST}").ravel())
        self.count += len(digests)

    def digest(self) -> str:
        """Hex SHA-256 of all digests in ascending order."""
        total = hashlib.sha256()
        for heap in self._heaps:
            total.update(_ascending(heap.view(np.uint8).reshape(-1, DIGEST)).data)
        return total.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._heaps.__exit__(*error)


def _ascending(digests: Digests) -> Digests:
    """Rows in ascending byte order."""
    words = digests.view(">u8").astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    first = words[order, 0]
    # Equal first words are equal rows, or a collision that somebody searched for: only then sort by the rest.
    if bool(np.any((first[1:] == first[:-1]) & np.any(words[order][1:] != words[order][:-1], axis=1))):
        order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    return np.ascontiguousarray(digests[order])
