"""Where blocks come from: a dataset on disk, or anything else that can be cut into batches in a fixed order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.dataset.opening import Dataset
from poisonguard.dataset.partitions import Partition
from poisonguard.dataset.reading import Reading
from poisonguard.dataset.rows import row_digests
from poisonguard.dataset.views import Views
from poisonguard.domain.dataset import Column
from poisonguard.kernels.mapped import let_go
from poisonguard.sketches.base import Block, DigestArray


class Batch(Protocol):
    """A run of consecutive rows of one file."""

    @property
    def file(self) -> int:
        """Index of the file in manifest order."""

    @property
    def first_row(self) -> int:
        """Row number in the file of the first row."""

    @property
    def table(self) -> pa.RecordBatch:
        """The rows, as detectors see them."""

    @property
    def signed(self) -> pa.RecordBatch:
        """The rows as they lie in the file: what row digests are made of."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Nothing, or how many rows each of the files from ``file`` on has."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewedBatch:
    """A run of rows with the columns that were made from others."""

    file: int
    first_row: int
    table: pa.RecordBatch
    signed: pa.RecordBatch
    counts: tuple[int, ...] = ()


class Piece(Protocol):
    """One partition, ready to be read; one of a dataset can be pickled and read anywhere."""

    @property
    def number(self) -> int:
        """Which partition of its source it is."""

    @property
    def file(self) -> int:
        """Index of its first file in manifest order."""

    @property
    def name(self) -> str:
        """What it is called by its content: equal names, equal rows; empty when that cannot be said."""

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """Its rows, in order; of all columns, or of some."""


@dataclass(frozen=True, slots=True)
class DatasetPiece:
    """One partition of an open dataset, with the columns that are made from others."""

    number: int
    file: int
    name: str
    reading: Reading
    views: Views

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """Its rows, in order; of all columns, or of some."""
        for batch in self.reading.batches(None if columns is None else self.views.needed(columns)):
            viewed = self.views.extended(batch.table, columns)
            yield ViewedBatch(batch.file, batch.first_row, viewed, batch.table, batch.counts)


@dataclass(frozen=True, slots=True)
class SourcePiece:
    """One partition of any other source."""

    number: int
    task: Any
    source: Source
    name: str = ""

    @property
    def file(self) -> int:
        """Index of its first file."""
        return int(self.task.file)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """Its rows, in order; of all columns, or of some."""
        return self.source.batches(self.task, columns)


class Source(Protocol):
    """Rows in a fixed order, cut the same way every time."""

    @property
    def name(self) -> str:
        """How to call it in a sentence."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns."""

    def tasks(self) -> Sequence[Any]:
        """Partitions in manifest order."""

    def batches(self, task: Any, columns: Sequence[str] | None) -> Iterator[Batch]:
        """The rows of one partition, in order."""


class DatasetSource:
    """The rows of an open dataset, with the columns that ``views`` make from others."""

    def __init__(self, dataset: Dataset, name: str, views: Views | None = None) -> None:
        self.name = name
        self.views = views or Views()
        self.columns = (*dataset.columns, *self.views.columns)
        self.dataset = dataset

    def peek(self) -> pa.Table:
        """The first rows."""
        held = [self.views.extended(batch) for batch in self.dataset.peek().to_batches()]
        return pa.Table.from_batches(held) if held else self.dataset.peek()

    def tasks(self) -> Sequence[Any]:
        """The dataset's partitions."""
        return self.dataset.partitions()

    def pieces(self) -> Sequence[Piece]:
        """The same, each ready to be read anywhere; made when it is asked for."""
        return _Pieces(self)

    def piece(self, number: int, task: Partition) -> DatasetPiece:
        """One partition, ready to be read anywhere."""
        made = hashlib.sha256("\n".join(view.name for view in self.views.views).encode()).hexdigest()
        name = f"{self.dataset.name_of(task)}-{made[:8]}" if self.views.views else self.dataset.name_of(task)
        return DatasetPiece(number, task.file, name, self.dataset.reading(task), self.views)

    def expected_rows(self) -> int:
        """Rows as the files declare them; 0 when one does not say. For progress only: a file may lie."""
        declared = [task.rows for task in self.dataset.partitions()]
        return sum(rows for rows in declared if rows is not None) if None not in declared else 0

    def batches(self, task: Any, columns: Sequence[str] | None) -> Iterator[Batch]:
        """The rows of one partition."""
        needed = None if columns is None else self.views.needed(columns)
        for batch in self.dataset.read(task, needed):
            viewed = self.views.extended(batch.table, columns)
            yield ViewedBatch(batch.file, batch.first_row, viewed, batch.table, batch.counts)


class _Pieces(Sequence[Piece]):
    """The pieces of a dataset, each made when it is its turn: thousands of files' facts are not held at once."""

    def __init__(self, source: DatasetSource, numbered: Sequence[tuple[int, Any]] | None = None) -> None:
        self._source = source
        self._tasks = list(enumerate(source.tasks())) if numbered is None else numbered

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        if isinstance(index, slice):
            return _Pieces(self._source, self._tasks[index])
        return self._source.piece(*self._tasks[index])


def pieces_of(source: Source) -> Sequence[Piece]:
    """Every partition of a source, ready to be read."""
    if isinstance(source, DatasetSource):
        return source.pieces()
    return [SourcePiece(number, task, source) for number, task in enumerate(source.tasks())]


def fresh_block(batch: Batch, first_file: int = 0) -> Block:
    """A block of whole rows, digests computed; files are counted from ``first_file``."""
    digests = row_digests(batch.signed)
    return Block(batch.file - first_file, batch.first_row, batch.table, digests, counts=batch.counts)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows that were folded together: file, first row in it, rows; of several files, how many each has."""

    file: int
    first_row: int
    rows: int
    counts: tuple[int, ...] = ()

    def pieces(self) -> Iterator[tuple[int, int, int, int]]:
        """(file, first row in it, rows, first row in the run) of every file of the run that holds some."""
        if not self.counts:
            yield self.file, self.first_row, self.rows, 0
            return
        start = 0
        for file, rows in enumerate(self.counts, start=self.file):
            if rows:
                yield file, 0, rows, start
            start += rows


class RowIndex:
    """Translates global row numbers (manifest order) into (file, row) and back."""

    def __init__(self, runs: Sequence[Run], paths: Sequence[str]) -> None:
        rows = np.zeros(len(paths), dtype=np.int64)
        for run in runs:
            if run.counts:
                rows[run.file : run.file + len(run.counts)] += run.counts
            else:
                rows[run.file] += run.rows
        self.paths = tuple(paths)
        self.starts: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(rows)])
        self.total = int(self.starts[-1])

    def globally(self, file: int, first_row: int) -> int:
        """Global number of a row of a file."""
        return int(self.starts[file]) + first_row

    def locate(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(file indices, rows within the files) of global row numbers, shapes (n,)."""
        files = np.searchsorted(self.starts, rows, side="right") - 1
        return files, rows - self.starts[files]

    def holding(self, rows: npt.NDArray[np.int64], tasks: Sequence[Any]) -> Iterator[Any]:
        """Those of ``tasks`` whose files hold any of ``rows``."""
        files = np.unique(self.locate(rows)[0])
        for task in tasks:
            place = int(np.searchsorted(files, task.file))
            if place < len(files) and files[place] < task.file + task.files:
                yield task


class DigestColumn:
    """All row digests of a folded source, for blocks that are read again with fewer columns."""

    def __init__(self, state: pa.Table) -> None:
        self._column = state["digest"]

    def of(self, start: int, rows: int) -> DigestArray:
        """Digests of ``rows`` rows from global row ``start``, shape (rows, 32); a copy, the mapped pages are let go."""
        parts = [_digests(chunk) for chunk in self._column.slice(start, rows).chunks]
        copied = np.concatenate([np.empty((0, self._column.type.byte_width), np.uint8), *parts])
        for part in parts:
            let_go(part)
        return copied


def _digests(chunk: pa.FixedSizeBinaryArray) -> DigestArray:
    width = chunk.type.byte_width
    data = np.frombuffer(chunk.buffers()[1], dtype=np.uint8)
    return data[chunk.offset * width : (chunk.offset + len(chunk)) * width].reshape(len(chunk), width)
