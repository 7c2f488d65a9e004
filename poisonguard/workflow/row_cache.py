"""Row digests of files that were read before, in the workspace: one file of 32 bytes for each row.

Rules:

1. Nothing here is trusted: digests are used only when those of every unit hash to the digest that a signed listing
   says of that unit.
2. They are found by the tree root of the file's bytes, and by everything that decides how bytes become rows.
3. The cache may be deleted at any time. When it cannot be written, it is done without.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pyarrow as pa

from poisonguard.dataset.manifest import DIGEST, Digests, Runs
from poisonguard.domain.dataset import Unit
from poisonguard.errors import DataChanged
from poisonguard.version import VERSION

READER = f"rows-1-{VERSION}-{pa.__version__}"
"""How bytes become rows: readers of text and of Parquet, types, digests. Another release reads files again."""
TEMPORARY = ".new-"


@dataclass(frozen=True, slots=True)
class CachedRows:
    """The row digests of one file, which were found to be those that were signed."""

    path: Path
    units: tuple[Unit, ...]

    def runs(self, file: int) -> Runs:
        """The file's runs, each checked once more.

        Raises:
            DataChanged: The cache is no longer what it was a moment ago.
        """
        for unit in self.units:
            digests = _read(self.path, unit)
            if digests is None:
                raise DataChanged(f"{self.path.name}: changed in the cache of row digests", hint="Run it again.")
            yield file, unit.first_row, digests


class RowCache:
    """The row digests of one dataset's files."""

    def __init__(self, workspace: Path, dataset: str) -> None:
        self._all = workspace / "cache" / "rows"
        self._folder = self._all / READER / hashlib.sha256(dataset.encode()).hexdigest()[:32]

    def find(self, tree_root: str, units: Sequence[Unit]) -> CachedRows | None:
        """The rows of the file with that tree root, whose units were signed; nothing when they are not here."""
        path = self._folder / tree_root
        if not units or any(_read(path, unit) is None for unit in units):
            return None
        return CachedRows(path, tuple(units))

    def unit(self, tree_root: str, unit: Unit) -> Digests | None:
        """The rows of one signed unit, or nothing."""
        return _read(self._folder / tree_root, unit)

    def recorded(self, runs: Runs, root_of: Callable[[int], str]) -> Runs:
        """The runs as they are; on their way they are written down, file by file."""
        self._clear()
        for file, group in groupby(runs, key=lambda run: run[0]):
            with _Entry(self._folder, root_of(file)) as entry:
                for run in group:
                    entry.write(run[2])
                    yield run

    def keep_only(self, tree_roots: Collection[str]) -> None:
        """Forget every other file."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in tree_roots:
                    path.unlink()

    def _clear(self) -> None:
        """What other releases wrote is of no use any more."""
        with suppress(OSError):
            for folder in self._all.iterdir():
                if folder.name != READER:
                    shutil.rmtree(folder, ignore_errors=True)


class _Entry:
    """One file of the cache while it is written: whole, or not there."""

    def __init__(self, folder: Path, name: str) -> None:
        self._target = folder / name
        self._temporary = ""
        self._file: BinaryIO | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, self._temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
            self._file = os.fdopen(descriptor, "wb")

    def write(self, digests: Digests) -> None:
        """Add rows."""
        if self._file is not None:
            try:
                self._file.write(np.ascontiguousarray(digests).data)
            except OSError:
                self._give_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            self._give_up()
        elif self._file is not None:
            try:
                self._file.close()
                Path(self._temporary).replace(self._target)
            except OSError:
                self._give_up()

    def _give_up(self) -> None:
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._file = None
        with suppress(OSError):
            Path(self._temporary).unlink()


def _read(path: Path, unit: Unit) -> Digests | None:
    """The digests of a unit, if they are there and are those that were signed."""
    try:
        with path.open("rb") as file:
            file.seek(unit.first_row * DIGEST)
            data = file.read(unit.rows * DIGEST)
    except OSError:
        return None
    if len(data) != unit.rows * DIGEST or hashlib.sha256(data).hexdigest() != unit.digest:
        return None
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, DIGEST)


def merged(folded: Runs, cached: Iterator[tuple[int, CachedRows]]) -> Runs:
    """Runs that were read and runs that were found, in the order of their files; no file is in both."""
    found = next(cached, None)
    for run in folded:
        while found is not None and found[0] < run[0]:
            yield from found[1].runs(found[0])
            found = next(cached, None)
        yield run
    while found is not None:
        yield from found[1].runs(found[0])
        found = next(cached, None)
