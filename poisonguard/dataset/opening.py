"""Open a dataset: find its files, hash every byte, say what each file is, and read the tables as one.

What is parsed is what was hashed: readers get their bytes through ``poisonguard.dataset.verified``.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

import pyarrow as pa

from poisonguard.dataset.arrowtypes import columns_of, refuse_duplicates
from poisonguard.dataset.blocks import BLOCK_BYTES, BLOCK_ROWS
from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.datafiles import DataFile, DataFiles
from poisonguard.dataset.discover import Tree, changed_paths, discover, local_path
from poisonguard.dataset.emptiness import refuse_nothing, tableless
from poisonguard.dataset.filelook import look
from poisonguard.dataset.formats.base import Source, Table
from poisonguard.dataset.hashing import FileDigests, Hashing, KnownFiles, hash_files
from poisonguard.dataset.identify import identify
from poisonguard.dataset.names import shown
from poisonguard.dataset.notes import notes_on
from poisonguard.dataset.parallel import in_order
from poisonguard.dataset.partitions import Batch, Partition, of_pictures
from poisonguard.dataset.pictures import Pictures, pictures_of
from poisonguard.dataset.reading import PictureReading, Reading, TableReading, picture_name, table_name, tables_name
from poisonguard.dataset.runs import TablesReading
from poisonguard.dataset.sniff import COMPRESSED, DECLARED, HEAD_BYTES
from poisonguard.dataset.storage import Storage
from poisonguard.dataset.unify import unified_schema
from poisonguard.dataset.unpack import Scratch
from poisonguard.domain.dataset import Column
from poisonguard.domain.filefact import FileFact, FileFacts
from poisonguard.errors import DataChanged, NothingToScan

_Hashed = tuple[str, FileDigests]
_Identified = tuple[DataFile, tuple[str, ...], tuple[FileFact, ...], Table | None]
ProgressSoFar = Callable[[int, int], None]
"""Told bytes hashed so far and bytes in all, one call at a time."""


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
        pictures: The pictures, when they are the rows.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a dataset
        self,
        location: str,
        name: str,
        files: DataFiles,
        notes: tuple[str, ...],
        scratch: Scratch,
        tree: ChunkTree,
        pictures: Pictures | None = None,
    ) -> None:
        self.location = location
        self.tree = tree
        self.name = name
        self.files = files
        self.pictures = pictures
        self.schema: pa.Schema = unified_schema(files.tables.kinds) if pictures is None else pictures.schema
        self.columns: tuple[Column, ...] = columns_of(self.schema)
        read, told = (Counter[str](), ()) if pictures is None else (Counter(pictures.formats), pictures.notes)
        self.notes = (*notes, *told, *notes_on(files.others - read, files.tables, self.schema))
        self.total_bytes = files.total_bytes
        self.facts: FileFacts = files.facts.facts()
        self._scratch = scratch
        self._partitions = tuple(
            files.tables.partitions()
            if pictures is None
            else (of_pictures(run.first, run.files) for run in pictures.runs)
        )

    def partitions(self) -> tuple[Partition, ...]:
        """Every run of rows, in manifest order."""
        return self._partitions

    def partitions_of(self, file: int) -> tuple[Partition, ...]:
        """The runs of rows of one file that holds some."""
        if self.pictures is not None:
            return (of_pictures(file, 1),)
        _, table = self.files.tables[file]
        return tuple(Partition(file, part.first_row, part.rows, part) for part in table.parts)

    def read(self, partition: Partition, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows of one partition in blocks whose borders depend on the rows alone.

        Args:
            partition: One of ``partitions()``.
            columns: Columns to read, in this order; nothing means all.

        Raises:
            UnreadableData: A file cannot be read as what it is.
            DataChanged: The bytes are no longer those that were hashed.
        """
        return self.reading(partition).batches(columns)

    def reading(self, partition: Partition) -> Reading:
        """One of ``partitions()`` with all that it takes to read it, in this process or another."""
        if self.pictures is not None:
            return PictureReading(partition.file, self.pictures.run(partition.file, partition.files), self.schema)
        if partition.files > 1:
            return TablesReading(self.files.tables.of_run(partition.file), self.schema)
        path, table = self.files.tables[partition.file]
        return TableReading(path, table, partition, self.schema)

    def name_of(self, partition: Partition) -> str:
        """What one of ``partitions()`` is called by its content: equal names, equal rows."""
        if self.pictures is not None:
            return picture_name(self.pictures.run(partition.file, partition.files), self.schema)
        if partition.files > 1:
            return self._name_of_run(partition)
        return table_name(self.files[partition.file], partition, self.schema)

    def _name_of_run(self, partition: Partition) -> str:
        """Name of small files that are read together: who lies where between others, and what each is called."""
        files = list(self.files.between(partition.file, partition.file + partition.files))
        first = partition.file
        members = [(file - first, files[file - first], table) for file, _, table in self.files.tables.of_run(first)]
        return tables_name(members, self.schema)

    def peek(self, rows: int = 1000) -> pa.Table:
        """The first rows of the dataset; of pictures, as many as fill a block at most.

        Raises:
            NothingToScan: No file holds a table.
        """
        partitions = self.partitions()
        if not partitions:
            raise tableless(self.location, self.files)
        held: list[pa.RecordBatch] = []
        missing, size = rows, 0
        for batch in (batch for partition in partitions for batch in self.read(partition)):
            held.append(batch.table.slice(0, missing))
            missing -= held[-1].num_rows
            size += batch.table.nbytes
            # A thousand pictures may be gigabytes.
            if missing <= 0 or (self.pictures is not None and size >= BLOCK_BYTES):
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
class _SourceOf:
    """Opens a file that was hashed."""

    storage: Storage
    tree: ChunkTree

    def __call__(self, item: DataFile) -> Source:
        return Source(self.storage, item.path, item.size, item.leaves, tree=self.tree)


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
            pictures = pictures_of(files, _SourceOf(self.listed.storage, self.hashing.tree))
            if pictures is not None:
                files.set_tables_aside()
            refuse_nothing(location, files)
            told, tree = (*self.listed.notes, *notes), self.hashing.tree
            return Dataset(location, name, files, told, self.scratch, tree, pictures)
        except BaseException:  # as above
            self.scratch.close()
            raise

    def _files(self, progress: ProgressSoFar | None) -> tuple[DataFiles, Sequence[str]]:
        files, notes = DataFiles(), list[str]()
        hashed = self._hashed(_Counter(self.listed.total_bytes, progress))
        for item, more, facts, table in in_order(self._identified, hashed, lambda found: found[1].size, self.workers):
            files.append(item, facts, table)
            notes += more
        return files, notes

    def _hashed(self, counter: _Counter) -> Iterator[_Hashed]:
        wanted = ((item.path, item.size) for item in self.listed.files)
        results = hash_files(self.listed.storage, wanted, self.hashing, workers=self.workers, progress=counter.add)
        for item, digests in zip(self.listed.files, results, strict=True):
            if not isinstance(digests, FileDigests):
                raise digests
            yield item.path, digests

    def _identified(self, hashed: _Hashed) -> _Identified:
        path, digests = hashed
        source = Source(self.listed.storage, path, digests.size, digests.leaves, tree=self.hashing.tree)
        found = identify(source, self.scratch, single=self.listed.single, head=digests.head)
        known = (path, digests.size, digests.sha256, digests.tree_root)
        facts = look(source, digests.head or b"", table=found.table is not None)
        return DataFile(*known, found.format, digests.leaves), found.notes, facts, found.table


def _refuse_changes(location: str, listed: Tree) -> None:
    if next(changed_paths(listed), None) is not None:
        raise DataChanged(
            f"{location}: files came, went or changed while they were hashed", hint="Stop the writer, run again."
        )
