"""Open a dataset: find its files, hash every byte, say what each file is, and read the tables as one.

What is parsed is what was hashed: readers get their bytes through ``poisonguard.dataset.verified``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

import pyarrow as pa

from poisonguard.dataset.arrowtypes import columns_of, conform_batch, refuse_duplicates
from poisonguard.dataset.blocks import BLOCK_ROWS, blocks
from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.datafiles import DataFile, DataFiles
from poisonguard.dataset.discover import Tree, changed_paths, discover, local_path
from poisonguard.dataset.filelook import look
from poisonguard.dataset.formats.base import Part, Source, readable_as
from poisonguard.dataset.hashing import FileDigests, Hashing, KnownFiles, hash_files
from poisonguard.dataset.identify import identify
from poisonguard.dataset.names import shown
from poisonguard.dataset.notes import notes_on
from poisonguard.dataset.parallel import in_order
from poisonguard.dataset.sniff import COMPRESSED, DECLARED, EMPTY, HEAD_BYTES, unreadable_hint
from poisonguard.dataset.unify import unified_schema
from poisonguard.dataset.unpack import Scratch
from poisonguard.domain.dataset import Column
from poisonguard.domain.filefact import FileFact, FileFacts
from poisonguard.domain.wording import count
from poisonguard.errors import DataChanged, NothingToScan

_Hashed = tuple[str, FileDigests]
ProgressSoFar = Callable[[int, int], None]
"""Told bytes hashed so far and bytes in all, one call at a time."""


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
        files: Every file, in order of the paths.
        schema: Canonical types over all tables; empty when no file holds one.
        columns: The same in the domain's words.
        notes: What a reader of the report should know.
        total_bytes: Bytes in all files.
        facts: What stands out about the files by their content, tables or not.
        tree: How the chunks were hashed.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a dataset
        self,
        location: str,
        name: str,
        files: DataFiles,
        notes: tuple[str, ...],
        scratch: Scratch,
        tree: ChunkTree,
    ) -> None:
        self.location = location
        self.tree = tree
        self.name = name
        self.files = files
        tables = tuple(files.tables.values())
        self.schema: pa.Schema = unified_schema(tables)
        self.columns: tuple[Column, ...] = columns_of(self.schema)
        self.notes = (*notes, *notes_on(files.others, tables, self.schema))
        self.total_bytes = files.total_bytes
        self.facts: FileFacts = files.facts.facts()
        self._scratch = scratch

    def partitions(self) -> tuple[Partition, ...]:
        """Every run of rows, in manifest order."""
        return tuple(
            Partition(index, part.first_row, part.rows, part)
            for index, (_, table) in self.files.tables.items()
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
        path, table = self.files.tables[partition.file]
        wanted = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        first_row = partition.first_row
        with readable_as(path, "the dataset's columns", hint="A value does not fit the type of the other files."):
            for block in blocks(conform_batch(batch, wanted) for batch in table.read(partition.part, wanted)):
                yield Batch(partition.file, first_row, block)
                first_row += block.num_rows
        self._check_count(partition, first_row - partition.first_row)

    def _check_count(self, partition: Partition, rows: int) -> None:
        if partition.rows not in {None, rows}:
            raise DataChanged(
                f"{shown(self.files.tables[partition.file][0])}: "
                f"{count(rows, 'row')} where {partition.rows:,} were counted",
                hint="The file contradicts itself: fetch it again.",
            )

    def peek(self, rows: int = 1000) -> pa.Table:
        """The first rows of the dataset.

        Raises:
            NothingToScan: No file holds a table.
        """
        if not self.files.tables:
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


def open_dataset(  # noqa: PLR0913 - each is one thing the caller alone knows
    location: str,
    *,
    workers: int = 2,
    tree: ChunkTree = BLAKE3_TREE,
    progress: ProgressSoFar | None = None,
    listed: Tree | None = None,
    known: KnownFiles | None = None,
) -> Dataset:
    """Find, hash and identify every file at ``location``.

    Args:
        location: File, directory, glob or fsspec URL.
        workers: Threads; no result depends on it.
        tree: How to hash the chunks of the files.
        progress: Told how many bytes are hashed.
        listed: What ``discover`` found there a moment ago, to save listing it again.
        known: Files whose SHA-256 is trusted, so that it need not be computed.

    Raises:
        NothingToScan: No files, only empty files, or tables without a row.
        UnreadableData: A file is not what it declares to be, or not allowed.
        DataChanged: A file changed, appeared or vanished meanwhile.
    """
    listed = discover(location) if listed is None else listed
    opening = _Opening(listed, Hashing(sha256=True, tree=tree, head=HEAD_BYTES, known=known), workers)
    return opening.dataset(shown(location), dataset_name(location, listed), progress)


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
        hashing = Hashing(sha256=True, head=HEAD_BYTES)
        return _Opening(discover(str(path)), hashing, 1, scratch).dataset(shown(name), name, None)
    except BaseException:  # an interrupt too: nothing unpacked is left behind
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


@dataclass(frozen=True, slots=True)
class _Opening:
    """How to open what was listed."""

    listed: Tree
    hashing: Hashing
    workers: int
    scratch: Scratch = field(default_factory=Scratch)

    def dataset(self, location: str, name: str, progress: ProgressSoFar | None) -> Dataset:
        """Every file hashed and identified, and the tables as one."""
        try:
            files, notes = self._files(progress)
            _refuse_changes(location, self.listed)
            _refuse_nothing(location, files)
            return Dataset(location, name, files, (*self.listed.notes, *notes), self.scratch, self.hashing.tree)
        except BaseException:  # as above
            self.scratch.close()
            raise

    def _files(self, progress: ProgressSoFar | None) -> tuple[DataFiles, Sequence[str]]:
        files, notes = DataFiles(), list[str]()
        hashed = self._hashed(_Counter(self.listed.total_bytes, progress))
        for item, more, facts in in_order(self._identified, hashed, lambda found: found[1].size, self.workers):
            files.append(item, facts)
            notes += more
        return files, notes

    def _hashed(self, counter: _Counter) -> Iterator[_Hashed]:
        wanted = ((item.path, item.size) for item in self.listed.files)
        results = hash_files(self.listed.storage, wanted, self.hashing, workers=self.workers, progress=counter.add)
        for item, digests in zip(self.listed.files, results, strict=True):
            if not isinstance(digests, FileDigests):
                raise digests
            yield item.path, digests

    def _identified(self, hashed: _Hashed) -> tuple[DataFile, tuple[str, ...], tuple[FileFact, ...]]:
        path, digests = hashed
        source = Source(self.listed.storage, path, digests.size, digests.leaves, tree=self.hashing.tree)
        found = identify(source, self.scratch, single=self.listed.single, head=digests.head)
        known = (path, digests.size, digests.sha256, digests.tree_root)
        facts = look(source, digests.head or b"", table=found.table is not None)
        return DataFile(*known, found.format, digests.leaves, found.table), found.notes, facts


def _refuse_changes(location: str, listed: Tree) -> None:
    if next(changed_paths(listed), None) is not None:
        raise DataChanged(
            f"{location}: files came, went or changed while they were hashed", hint="Stop the writer, run again."
        )


def _refuse_nothing(location: str, files: DataFiles) -> None:
    if files.others[EMPTY] == len(files):
        what = f"{shown(files[0].path)}: an empty file" if len(files) == 1 else f"{location}: only empty files"
        raise NothingToScan(what, hint="An empty dataset is never a pass; check the path.")
    counts = [part.rows for _, table in files.tables.values() for part in table.parts]
    if files.tables and all(count == 0 for count in counts):
        raise NothingToScan(f"{location}: no rows", hint="An empty dataset is never a pass; check the path.")


def _tableless(location: str, files: DataFiles) -> NothingToScan:
    kinds = sorted(files.others.keys() - {EMPTY})
    listed = ", ".join(kinds[:3]) + (" ..." if len(kinds) > 3 else "")  # noqa: PLR2004 - fits on a line
    if len(files) == 1:
        return NothingToScan(f"{shown(files[0].path)}: no table to scan ({listed})", hint=unreadable_hint(kinds))
    return NothingToScan(
        f"{location}: no table to scan in {count(len(files), 'file')} ({listed})", hint=unreadable_hint(kinds)
    )
