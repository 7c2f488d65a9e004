"""Hash a dataset and describe it, without any check."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from poisonguard.attest.inventory import Inventory, take_inventory
from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.dataset.discover import Tree
from poisonguard.dataset.manifest import Runs, SortedDigests, file_entries
from poisonguard.dataset.opening import Dataset, open_dataset
from poisonguard.dataset.partitions import Partition
from poisonguard.engine.executor import local
from poisonguard.engine.fold import Folded, fold
from poisonguard.engine.progress import Progress, Silent
from poisonguard.engine.source import DatasetSource, DigestColumn
from poisonguard.engine.spool import Spool
from poisonguard.sketches.digests import RowDigests
from poisonguard.workflow.incremental import Reuse
from poisonguard.workflow.row_cache import merged

DEFAULT_WORKERS = 2


def inspect(  # noqa: PLR0913 - each is one thing the caller alone knows
    location: str,
    *,
    workers: int = DEFAULT_WORKERS,
    tree: ChunkTree = BLAKE3_TREE,
    progress: Progress | None = None,
    listed: Tree | None = None,
    reuse: Reuse | None = None,
) -> tuple[Inventory, tuple[str, ...]]:
    """Manifest and files of the data at ``location``, and notes a reader should know.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
    """
    observer = progress or Silent()
    if reuse is None:
        with inspected(location, workers=workers, tree=tree, progress=observer, listed=listed) as found:
            return found.inventory, found.dataset.notes
    with open_dataset(location, workers=workers, tree=tree, listed=listed, known=reuse.known) as dataset:
        return _incremental(dataset, reuse, workers, observer), dataset.notes


@dataclass(frozen=True, slots=True)
class Inspected:
    """Data that were read once and are still open.

    Attributes:
        dataset: The data.
        inventory: Manifest and files.
        digests: Digests of all rows, in order; nothing when there are none.
    """

    dataset: Dataset
    inventory: Inventory
    digests: DigestColumn | None


@contextmanager
def inspected(
    location: str,
    *,
    workers: int = DEFAULT_WORKERS,
    tree: ChunkTree = BLAKE3_TREE,
    progress: Progress | None = None,
    listed: Tree | None = None,
) -> Iterator[Inspected]:
    """The data at ``location``, read once and described.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
    """
    with open_dataset(location, workers=workers, tree=tree, listed=listed) as dataset, Spool() as spooled:
        source = DatasetSource(dataset, dataset.name)
        folded = fold(source, [RowDigests()], local(workers), spooled, progress or Silent())
        yield Inspected(dataset, inventory_of(dataset, folded), _digests(folded))


def inventory_of(dataset: Dataset, folded: Folded) -> Inventory:
    """Manifest and files of an open dataset whose row digests were folded."""
    return _taken(dataset, _runs(folded))


def _taken(dataset: Dataset, runs: Runs) -> Inventory:
    with SortedDigests() as rows:
        return take_inventory(
            file_entries(dataset, runs, rows),
            hash_profile=dataset.tree.hash_profile,
            columns=dataset.columns,
            rows_digest=rows.digest,
        )


def _incremental(dataset: Dataset, reuse: Reuse, workers: int, progress: Progress) -> Inventory:
    """The same inventory, with the rows of unchanged files taken over; the rows of all are kept for the next time."""
    found = reuse.recognised(dataset)
    with Spool() as spooled:
        source = _Remaining(dataset, found)
        folded = fold(source, [RowDigests()], local(workers), spooled, progress)
        read = _runs(folded)
        if dataset.pictures is None:
            read = reuse.cache.recorded(read, lambda file: dataset.files[file].tree_root)
        inventory = _taken(dataset, merged(read, iter(found.items())))
    reuse.cache.keep_only({dataset.files[file].tree_root for file in dataset.files.tables})
    return inventory


class _Remaining(DatasetSource):
    """The rows of the files that are not known."""

    def __init__(self, dataset: Dataset, known: Collection[int]) -> None:
        super().__init__(dataset, dataset.name)
        self._known = known

    def tasks(self) -> Sequence[Partition]:
        """The partitions that must be read."""
        return [part for task in super().tasks() for part in self._unread(task)]

    def _unread(self, task: Partition) -> Sequence[Partition]:
        """The task, or, of files that are read together, those that are not known."""
        files = range(task.file, task.file + task.files)
        if not any(file in self._known for file in files):
            return [task]
        tables = self.dataset.files.tables
        return [
            part
            for file in files
            if file in tables and file not in self._known
            for part in self.dataset.partitions_of(file)
        ]


def _digests(folded: Folded) -> DigestColumn | None:
    state = folded.states.get(RowDigests().key)
    return None if state is None else DigestColumn(state)


def _runs(folded: Folded) -> Runs:
    digests = _digests(folded)
    if digests is None:
        return
    start = 0
    for run in folded.runs:
        found = digests.of(start, run.rows)
        for file, first_row, rows, place in run.pieces():
            yield file, first_row, found[place : place + rows]
        start += run.rows
