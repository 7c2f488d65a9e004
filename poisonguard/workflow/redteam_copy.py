"""A dataset in memory, to be attacked, and its attacked copies in a temporary folder.

1. The original is read, never written: a copy has files of its own, one Parquet file for each file with rows, with
   as many row groups as the original has.
2. An added row lies in the row group of the row before it.
3. More rows than asked for are sampled evenly from a seed; their order stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from poisonguard.dataset.opening import Dataset
from poisonguard.dataset.partitions import Batch
from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Poisoned, RowNumbers


@dataclass(frozen=True, slots=True)
class Original:
    """The rows to attack.

    Attributes:
        table: The rows.
        roles: Roles of its columns.
        groups: File and rows of each row group, in order; they add up to the rows of ``table``.
        total_rows: Rows of the dataset, sampled or not.
    """

    table: pa.Table
    roles: Roles
    groups: tuple[tuple[int, int], ...]
    total_rows: int

    @property
    def files(self) -> int:
        """Files with rows."""
        return len({file for file, _ in self.groups})

    def write(self, folder: Path) -> None:
        """The rows as they are."""
        self._write(self.table, [rows for _, rows in self.groups], folder)

    def write_poisoned(self, poisoned: Poisoned, folder: Path) -> None:
        """The rows as an attack left them, in the row groups they came from, and the files that it planted."""
        grown = np.zeros(len(self.groups), dtype=np.int64)
        if poisoned.table.num_rows > self.table.num_rows:
            # Before an added row stand its own number of rows less the added ones among them.
            honest_before = poisoned.rows - np.arange(len(poisoned.rows))
            ends = np.cumsum([rows for _, rows in self.groups])
            places = np.searchsorted(ends, np.maximum(honest_before, 1))
            grown = np.bincount(np.minimum(places, len(ends) - 1), minlength=len(ends))
        sizes = [rows + int(more) for (_, rows), more in zip(self.groups, grown, strict=True)]
        self._write(poisoned.table, sizes, folder)
        for path, content in poisoned.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def _write(self, table: pa.Table, sizes: list[int], folder: Path) -> None:
        start = 0
        numbered = zip((file for file, _ in self.groups), sizes, strict=True)
        for file, parts in groupby(numbered, key=lambda part: part[0]):
            with pq.ParquetWriter(folder / f"part-{file:06d}.parquet", table.schema) as writer:
                for _, rows in parts:
                    writer.write_table(table.slice(start, rows), row_group_size=max(1, rows))
                    start += rows


def read_original(dataset: Dataset, roles: Roles, most_rows: int, seed: int) -> Original:
    """Read a dataset, or an even sample of it."""
    read = [list(dataset.read(partition)) for partition in dataset.partitions()]
    table = pa.Table.from_batches([batch.table for batches in read for batch in batches], schema=dataset.schema)
    groups = [group for batches in read for group in _groups(batches) if group[1]]
    total = table.num_rows
    if total > most_rows:
        kept = np.sort(np.random.default_rng(seed).choice(total, size=most_rows, replace=False))
        table, groups = table.take(pa.array(kept)), list(_sampled(groups, kept))
    return Original(table.combine_chunks(), roles, tuple(groups), total)


def _groups(batches: Sequence[Batch]) -> list[tuple[int, int]]:
    """File and rows of what one partition holds: a part of a file, or several small files."""
    rows = Counter[int]()
    for batch in batches:
        for file, count in enumerate(batch.counts or (batch.table.num_rows,), start=batch.file):
            rows[file] += count
    return list(rows.items())


def _sampled(groups: list[tuple[int, int]], kept: RowNumbers) -> Iterator[tuple[int, int]]:
    """The row groups with the rows of them that are kept; those of none are left out."""
    ends = np.cumsum([rows for _, rows in groups])
    counts = np.bincount(np.searchsorted(ends, kept, side="right"), minlength=len(groups))
    for (file, _), rows in zip(groups, counts.tolist(), strict=True):
        if rows:
            yield file, rows
