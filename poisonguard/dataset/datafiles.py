"""The hashed files of a dataset, in order: tables stay in memory, of the others only the last few thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from poisonguard.dataset.formats.base import Table
from poisonguard.dataset.spill import Record, Spill
from poisonguard.domain.filefact import FactBook, FileFact


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


class DataFiles(Collection[DataFile]):
    """Every file, in order of the paths; filled by one thread, read by any, once it is full.

    Attributes:
        tables: Path and table of each file that holds one, by the file's place.
        others: How many files without a table there are of each format.
        total_bytes: Bytes in all files.
        facts: What stands out about them.
    """

    def __init__(self) -> None:
        self.tables: dict[int, tuple[str, Table]] = {}
        self.others: Counter[str] = Counter()
        self.total_bytes = 0
        self.facts = FactBook()
        self._records = Spill()

    def append(self, item: DataFile, facts: Iterable[FileFact] = ()) -> None:
        """Add the next file, and what stands out about it."""
        self.facts.add(facts)
        if item.table is None:
            self.others[item.format] += 1
        else:
            self.tables[len(self._records)] = (item.path, item.table)
        self.total_bytes += item.size
        self._records.append((item.path, item.size, item.sha256, item.tree_root, item.format, item.leaves))

    def between(self, first: int, stop: int) -> Iterator[DataFile]:
        """Files number ``first`` to ``stop``, from any thread."""
        for index, record in enumerate(self._records.between(first, stop), start=first):
            yield self._file(index, record)

    def set_tables_aside(self) -> None:
        """Hold no table any more: what was in them is read with something else."""
        self.tables.clear()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[DataFile]:
        for index, record in enumerate(self._records):
            yield self._file(index, record)

    def __getitem__(self, index: int) -> DataFile:
        return self._file(index, self._records[index])

    def __contains__(self, item: object) -> bool:
        return any(item == held for held in self)

    def _file(self, index: int, record: Record) -> DataFile:
        path, size, sha256, tree_root, kind, leaves = record
        _, table = self.tables.get(index, (path, None))
        return DataFile(path, size, sha256, tree_root, kind, leaves, table)
