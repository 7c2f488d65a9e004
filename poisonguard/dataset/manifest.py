"""What a manifest says of a dataset's files and rows, from the digests of its rows, in bounded memory.

``rows_digest`` is the SHA-256 of all row digests in ascending order: the same for the same multiset of rows,
whatever their order, file or format. Digests are taken apart by their first byte, beyond ``MEMORY_LIMIT`` in a
temporary file, and each heap is sorted on its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from poisonguard.dataset.datafiles import DataFile
from poisonguard.dataset.opening import Dataset
from poisonguard.domain.dataset import FileEntry, Unit
from poisonguard.errors import InternalError
from poisonguard.kernels.heaps import MEMORY_LIMIT, Heaps

Digests = npt.NDArray[np.uint8]
Runs = Iterable[tuple[int, int, Digests]]
"""(file index, first row in the file, digests of shape (rows, 32)), in manifest order."""

DIGEST = 32


def file_entries(dataset: Dataset, runs: Runs, rows: SortedDigests) -> Iterator[tuple[FileEntry, bytes]]:
    """Every file of ``dataset`` with its chunk leaves, in order; ``rows`` takes in the digests that pass by.

    Args:
        dataset: Hashed files.
        runs: Digests of their rows.
        rows: Multiset of all rows; complete when the last file was handed out.
    """
    waiting = iter(runs)
    run = next(waiting, None)
    for index, item in enumerate(dataset.files):
        units: list[Unit] = []
        while run is not None and run[0] == index:
            _, first_row, digests = run
            _check_order(units, index, first_row)
            units.append(Unit(first_row, len(digests), hashlib.sha256(np.ascontiguousarray(digests).data).hexdigest()))
            rows.add(digests)
            run = next(waiting, None)
        yield _entry(item, tuple(units)), item.leaves
    if run is not None:
        raise InternalError(f"rows of file {run[0]} arrive out of order")


def _entry(item: DataFile, units: tuple[Unit, ...]) -> FileEntry:
    rows = sum(unit.rows for unit in units)
    return FileEntry(item.path, item.size, item.sha256, item.tree_root, item.format, rows, units)


def _check_order(units: Sequence[Unit], file: int, first_row: int) -> None:
    expected = units[-1].first_row + units[-1].rows if units else 0
    if first_row != expected:
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
