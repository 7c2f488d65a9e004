"""The hashed files of a dataset, in order: the last few thousand stay in memory, and the tables of large ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from poisonguard.dataset.formats.base import Table
from poisonguard.dataset.spill import Spill
from poisonguard.dataset.tables import Tables
from poisonguard.domain.filefact import FactBook, FileFact


@dataclass(frozen=True, slots=True)
class DataFile:
    """One hashed file."""

    path: str
    size: int
    sha256: str
    tree_root: str
    format: str
    leaves: bytes = field(repr=False)


class DataFiles(Collection[DataFile]):
    """Every file, in order of the paths; filled by one thread, read by any, once it is full.

    Attributes:
        tables: Path and table of each file that holds one, by the file's place.
        others: How many files without a table there are of each format.
        total_bytes: Bytes in all files.
        facts: What stands out about them.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self.others: Counter[str] = Counter()
        self.total_bytes = 0
        self.facts = FactBook()
        self._records = Spill()

    def append(self, item: DataFile, facts: Iterable[FileFact] = (), table: Table | None = None) -> None:
        """Add the next file, what stands out about it, and its table when it holds one."""
        self.facts.add(facts)
        if table is None:
            self.others[item.format] += 1
        else:
            self.tables.add(len(self._records), item.path, table, size=item.size, sha256=item.sha256)
        self.total_bytes += item.size
        self._records.append((item.path, item.size, item.sha256, item.tree_root, item.format, item.leaves))

    def between(self, first: int, stop: int) -> Iterator[DataFile]:
        """Files number ``first`` to ``stop``, from any thread."""
        yield from (DataFile(*record) for record in self._records.between(first, stop))

    def set_tables_aside(self) -> None:
        """Hold no table any more: what was in them is read with something else."""
        self.tables = Tables()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[DataFile]:
        yield from (DataFile(*record) for record in self._records)

    def __getitem__(self, index: int) -> DataFile:
        return DataFile(*self._records[index])

    def __contains__(self, item: object) -> bool:
        return any(item == held for held in self)
