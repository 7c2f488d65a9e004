"""Tables of a dataset's files, in order of the files: small ones are read together, and wait on disk until they are.

Rules:

1. Small files that follow each other, others that hold no table between them or not, make a *run*: one partition.
2. Where a run ends, the digest of its last file says (one in ``ENDS``), or a bound does. So a file that comes, goes or
   changes makes other runs of those around it only, and the states of all others are found again.
3. Tables of a full run go to a temporary file without a name and come back when they are asked for: memory follows the
   number of runs, not of files.
4. Of tables with equal columns the first speaks for all where a dataset's columns are settled.
"""

from __future__ import annotations

import bisect
import heapq
import os
import pickle
import re
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from poisonguard.dataset.formats.base import Part, Table
from poisonguard.dataset.partitions import Partition
from poisonguard.dataset.spill import unnamed_file, write_all
from poisonguard.errors import UsageError

SMALL = 64 << 10
"""Bytes of the largest file that is read together with others."""
RUN_FILES, RUN_BYTES = 1024, 1 << 20
"""What a run holds at most; a megabyte takes longer to fold than to begin with."""
ENDS = 256
"""Files of a run, on average."""
CODEC = "zstd"
FOLDER = re.compile(r"([^=]+)=.*")
"""A folder that says a column and its value, as Hive and Spark write them."""

Named = tuple[str, Table]
"""Path and table."""
Member = tuple[int, str, Table]
"""A file's place, path and table."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A run: its first file, files up to its last, what is read, and where its tables lie on disk."""

    first: int
    files: int
    part: Part
    offset: int = 0
    stored: int = 0
    size: int = 0


class Tables(Mapping[int, Named]):
    """Path and table of each file that holds one, by the file's place; filled by one thread, then read by any.

    Attributes:
        kinds: The first table of each kind of columns, in order.
        folders: Names of columns that folders' names say.
        any_rows: Whether any table holds a row, as far as they say.
    """

    def __init__(self) -> None:
        self.kinds: list[Named] = []
        self.folders: set[str] = set()
        self.any_rows = False
        self._seen: set[object] = set()
        self._large: dict[int, Named] = {}
        self._runs: list[_Run] = []
        self._open: list[Member] = []
        self._open_bytes = self._count = self._end = 0
        self._descriptor = -1
        self._last: tuple[int, dict[int, Named]] = (-1, {})

    def add(self, file: int, path: str, table: Table, *, size: int, sha256: str) -> None:
        """Add the next file's.

        Raises:
            UsageError: There is no room in the temporary folder.
        """
        self._count += 1
        self._note(path, table)
        if size > SMALL or len(table.parts) != 1:
            self._close_run()
            self._large[file] = (path, table)
            return
        if self._open and (file - self._open[0][0] >= RUN_FILES or self._open_bytes + size > RUN_BYTES):
            self._close_run()
        self._open.append((file, path, table))
        self._open_bytes += size
        if int(sha256[:8] or "0", 16) % ENDS == 0:
            self._close_run()

    def partitions(self) -> Iterator[Partition]:
        """Every run of rows, in order."""
        alone = (
            Partition(file, part.first_row, part.rows, part)
            for file, (_, table) in self._large.items()
            for part in table.parts
        )
        together = (Partition(run.first, 0, run.part.rows, run.part, run.files) for run in self._all_runs())
        return heapq.merge(alone, together, key=lambda partition: partition.file)

    def of_run(self, first: int) -> tuple[Member, ...]:
        """The files of the run that begins with file ``first``."""
        return tuple((file, *named) for file, named in self._held(first).items())

    def __getitem__(self, file: int) -> Named:
        return self._large[file] if file in self._large else self._held(file)[file]

    def __iter__(self) -> Iterator[int]:
        return heapq.merge(self._large, (file for run in self._all_runs() for file in self._held(run.first)))

    def __len__(self) -> int:
        return self._count

    def _note(self, path: str, table: Table) -> None:
        kind = (table.schema, table.loose, table.mixed)
        if kind not in self._seen:
            self._seen.add(kind)
            self.kinds.append((path, table))
        if "=" in path:
            self.folders |= {match[1] for part in path.split("/")[:-1] if (match := FOLDER.fullmatch(part))}
        self.any_rows = self.any_rows or any(part.rows != 0 for part in table.parts)

    def _held(self, file: int) -> dict[int, Named]:
        """The run that a file is in, by the files' places.

        Raises:
            KeyError: It is in none.
        """
        if self._open and file >= self._open[0][0]:
            return {place: (path, table) for place, path, table in self._open}
        number = bisect.bisect_right(self._runs, file, key=lambda run: run.first) - 1
        if number < 0:
            raise KeyError(file)
        held, found = self._last
        if held != number:
            found = self._read(self._runs[number])
            self._last = (number, found)
        return found

    def _read(self, run: _Run) -> dict[int, Named]:
        stored = os.pread(self._descriptor, run.stored, run.offset)
        data = pa.decompress(stored, run.size, CODEC, asbytes=True)
        members: list[Member] = pickle.loads(data)  # noqa: S301 - our own bytes, out of a file that nobody can name
        return {file: (path, table) for file, path, table in members}

    def _close_run(self) -> None:
        if not self._open:
            return
        data = pickle.dumps(self._open)
        stored = pa.compress(data, CODEC, asbytes=True)
        try:
            if self._descriptor < 0:
                self._descriptor = unnamed_file()
                weakref.finalize(self, os.close, self._descriptor)
            write_all(self._descriptor, stored)
        except OSError as error:
            hint = "Point TMPDIR to a disk with room."
            raise UsageError(f"the list of tables cannot be kept: {error.strerror}", hint=hint) from error
        self._runs.append(replace(self._open_run(), offset=self._end, stored=len(stored), size=len(data)))
        self._end += len(stored)
        self._open, self._open_bytes = [], 0

    def _all_runs(self) -> list[_Run]:
        return [*self._runs, self._open_run()] if self._open else self._runs

    def _open_run(self) -> _Run:
        (first, _, table), (last, _, _) = self._open[0], self._open[-1]
        if first == last:
            return _Run(first, 1, table.parts[0])
        rows = [table.parts[0].rows for _, _, table in self._open]
        known = [count for count in rows if count is not None]
        return _Run(first, last - first + 1, Part(0, sum(known) if len(known) == len(rows) else None))
