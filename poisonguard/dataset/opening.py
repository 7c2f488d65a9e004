"""Open a dataset: find its files, hash every byte, say what each file is, and read the tables as one.

What is parsed is what was hashed: readers get their bytes through ``poisonguard.dataset.verified``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

import pyarrow as pa

from poisonguard.dataset.arrowtypes import columns_of, conform_batch, refuse_duplicates
from poisonguard.dataset.blocks import BLOCK_ROWS, blocks
from poisonguard.dataset.discover import Found, Tree, discover, local_path
from poisonguard.dataset.formats.base import Part, Source, Table, readable_as
from poisonguard.dataset.hashing import FileDigests, hash_files
from poisonguard.dataset.identify import Identity, identify
from poisonguard.dataset.names import shown
from poisonguard.dataset.notes import notes_on
from poisonguard.dataset.sniff import COMPRESSED, DECLARED, EMPTY, unreadable_hint
from poisonguard.dataset.unify import unified_schema
from poisonguard.dataset.unpack import Scratch
from poisonguard.domain.dataset import Column
from poisonguard.errors import DataChanged, NothingToScan

ProgressSoFar = Callable[[int, int], None]
"""Told bytes hashed so far and bytes in all, one call at a time."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One hashed file, with its table when it holds one."""

    path: str
    size: int
    sha256: str
    tree_root: str
    format: str
    leaves: bytes = field(repr=False)
    table: Table | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Partition:
    """A run of rows that is read on its own: a Parquet row group, or a whole file of another format.

    ``rows`` is nothing where only reading tells.
    """

    file: int
    first_row: int
    rows: int | None
    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A block of consecutive rows of one file."""

    file: int
    first_row: int
    table: pa.RecordBatch


class Dataset:
    """Hashed files, read as one table. A context manager; ``read`` may be called from many threads.

    Attributes:
        location: What was opened.
        name: Default dataset name, from the location's last part.
        files: Every file, sorted by path.
        schema: Canonical types over all tables; empty when no file holds one.
        columns: The same in the domain's words.
        notes: What a reader of the report should know.
        total_bytes: Bytes in all files.
    """

    def __init__(
        self, location: str, name: str, files: tuple[DataFile, ...], notes: tuple[str, ...], scratch: Scratch
    ) -> None:
        self.location = location
        self.name = name
        self.files = files
        self._tables = {index: item.table for index, item in enumerate(files) if item.table is not None}
        tables = [(files[index].path, table) for index, table in self._tables.items()]
        self.schema: pa.Schema = unified_schema(tables)
        self.columns: tuple[Column, ...] = columns_of(self.schema)
        others = [item.format for item in files if item.table is None]
        self.notes = (*notes, *notes_on(others, tables, self.schema))
        self.total_bytes = sum(item.size for item in files)
        self._scratch = scratch

    def partitions(self) -> tuple[Partition, ...]:
        """Every run of rows, in manifest order."""
        return tuple(
            Partition(index, part.first_row, part.rows, part)
            for index, table in self._tables.items()
            for part in table.parts
        )

    def read(self, partition: Partition, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows of one partition in blocks whose borders depend on the rows alone.

        Args:
            partition: One of ``partitions()``.
            columns: Columns to read, in this order; nothing means all.

        Raises:
            UnreadableData: A file cannot be read as what it is.
            DataChanged: The bytes are no longer those that were hashed.
        """
        table = self._tables[partition.file]
        wanted = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        path = self.files[partition.file].path
        first_row = partition.first_row
        with readable_as(path, "the dataset's columns", hint="A value does not fit the type of the other files."):
            for block in blocks(conform_batch(batch, wanted) for batch in table.read(partition.part, wanted)):
                yield Batch(partition.file, first_row, block)
                first_row += block.num_rows
        self._check_count(partition, first_row - partition.first_row)

    def _check_count(self, partition: Partition, rows: int) -> None:
        if partition.rows not in {None, rows}:
            raise DataChanged(
                f"{shown(self.files[partition.file].path)}: {rows} rows where {partition.rows} were counted",
                hint="The file contradicts itself: fetch it again.",
            )

    def peek(self, rows: int = 1000) -> pa.Table:
        """The first rows of the dataset.

        Raises:
            NothingToScan: No file holds a table.
        """
        if not self._tables:
            raise _tableless(self.location, self.files)
        held: list[pa.RecordBatch] = []
        missing = rows
        for partition in self.partitions():
            if missing <= 0:
                break
            for batch in self.read(partition):
                held.append(batch.table.slice(0, missing))
                missing -= held[-1].num_rows
                if missing <= 0:
                    break
        return pa.Table.from_batches(held, schema=self.schema)

    def close(self) -> None:
        """Delete what was written to a temporary folder."""
        self._scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_dataset(location: str, *, workers: int = 2, progress: ProgressSoFar | None = None) -> Dataset:
    """Find, hash and identify every file at ``location``.

    Args:
        location: File, directory, glob or fsspec URL.
        workers: Threads; no result depends on it.
        progress: Told how many bytes are hashed.

    Raises:
        NothingToScan: No files, only empty files, or tables without a row.
        UnreadableData: A file is not what it declares to be, or not allowed.
        DataChanged: A file changed, appeared or vanished meanwhile.
    """
    tree = discover(location)
    digests = _hashed(tree, workers, progress)
    if discover(location).files != tree.files:
        raise DataChanged(
            f"{shown(location)}: files came, went or changed while they were hashed", hint="Stop the writer, run again."
        )
    scratch = Scratch()
    try:
        return _opened(shown(location), dataset_name(location, tree), tree, digests, workers, scratch)
    except BaseException:
        scratch.close()
        raise


def open_table(table: pa.Table, name: str) -> Dataset:
    """An Arrow table in memory as a dataset of one file, by the same code path as files.

    Raises:
        UnreadableData: Two columns share a name, or a type is not supported.
        NothingToScan: The table has no rows.
    """
    refuse_duplicates(name, table.column_names)
    if table.num_rows == 0:
        raise NothingToScan(f"{shown(name)}: no rows", hint="An empty dataset is never a pass.")
    scratch = Scratch()
    try:
        path = scratch.new_file().with_name("table.arrow")
        plain = table.replace_schema_metadata(None).combine_chunks()
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, plain.schema) as writer:
            writer.write_table(plain, max_chunksize=BLOCK_ROWS)
        tree = discover(str(path))
        return _opened(shown(name), name, tree, _hashed(tree, 1, None), 1, scratch)
    except BaseException:
        scratch.close()
        raise


def dataset_name(location: str, tree: Tree) -> str:
    """Default name: the last part of the location, without a table's or a compression's suffix."""
    last = (local_path(location) or location).rstrip("/").rsplit("/", 1)[-1]
    if not tree.single and tree.root.rstrip("/").rsplit("/", 1)[-1] != last:
        last = tree.root.rstrip("/").rsplit("/", 1)[-1]  # a glob: its directory
    if last in {"", ".", ".."}:
        last = os.path.realpath(tree.root).rsplit("/", 1)[-1]
    name = PurePosixPath(last)
    while tree.single and name.suffix.lower() in COMPRESSED.keys() | DECLARED.keys():
        name = name.with_suffix("")
    return shown(str(name)) if str(name) not in {"", "."} else "dataset"


def _hashed(tree: Tree, workers: int, progress: ProgressSoFar | None) -> list[FileDigests]:
    counter = _Counter(tree.total_bytes, progress)
    wanted = [(item.path, item.size) for item in tree.files]
    digests = []
    for result in hash_files(tree.storage, wanted, workers=workers, sha256=True, progress=counter.add):
        if not isinstance(result, FileDigests):
            raise result
        digests.append(result)
    return digests


class _Counter:
    """Adds up progress from several threads."""

    def __init__(self, total: int, progress: ProgressSoFar | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress(self._done, self._total)


def _opened(  # noqa: PLR0913, PLR0917 - the parts of a dataset
    location: str, name: str, tree: Tree, digests: Sequence[FileDigests], workers: int, scratch: Scratch
) -> Dataset:
    sources = [
        Source(tree.storage, found.path, hashed.size, hashed.leaves)
        for found, hashed in zip(tree.files, digests, strict=True)
    ]
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        identities = list(pool.map(partial(identify, scratch=scratch, single=tree.single), sources))
    files = tuple(map(_data_file, tree.files, digests, identities))
    _refuse_nothing(location, files)
    notes = (note for identity in identities for note in identity.notes)
    return Dataset(location, name, files, (*tree.notes, *notes), scratch)


def _data_file(found: Found, hashed: FileDigests, identity: Identity) -> DataFile:
    digests = (hashed.sha256, hashed.tree_root)
    return DataFile(found.path, hashed.size, *digests, identity.format, hashed.leaves, identity.table)


def _refuse_nothing(location: str, files: Sequence[DataFile]) -> None:
    if all(item.format == EMPTY for item in files):
        what = f"{shown(files[0].path)}: an empty file" if len(files) == 1 else f"{location}: only empty files"
        raise NothingToScan(what, hint="An empty dataset is never a pass; check the path.")
    counts = [part.rows for item in files if item.table is not None for part in item.table.parts]
    tables = any(item.table is not None for item in files)
    if tables and all(count == 0 for count in counts):
        raise NothingToScan(f"{location}: no rows", hint="An empty dataset is never a pass; check the path.")


def _tableless(location: str, files: Sequence[DataFile]) -> NothingToScan:
    kinds = sorted({item.format for item in files} - {EMPTY})
    listed = ", ".join(kinds[:3]) + (" ..." if len(kinds) > 3 else "")  # noqa: PLR2004 - fits on a line
    if len(files) == 1:
        return NothingToScan(f"{shown(files[0].path)}: no table to scan ({listed})", hint=unreadable_hint(kinds))
    return NothingToScan(f"{location}: no table to scan in {len(files)} files ({listed})", hint=unreadable_hint(kinds))
