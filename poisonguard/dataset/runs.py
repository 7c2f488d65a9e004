"""Small files read together: the rows of many in one block, each file as it would be read alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from poisonguard.dataset.blocks import BLOCK_BYTES, BLOCK_ROWS
from poisonguard.dataset.partitions import Batch, Partition
from poisonguard.dataset.reading import TableReading
from poisonguard.dataset.tables import Member


@dataclass(frozen=True, slots=True)
class TablesReading:
    """A run of small files. A plain value, which holds no open file."""

    members: tuple[Member, ...]
    schema: pa.Schema

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows in blocks of whole files; a file that fills a block alone comes alone (small ones may unfold)."""
        held = _Held()
        for file, path, table in self.members:
            (part,) = table.parts
            batches = TableReading(path, table, Partition(file, 0, part.rows, part), self.schema).batches(columns)
            first = next(batches, None)
            if first is None:
                continue
            second = next(batches, None)
            if second is not None or not held.fits(first):
                yield from held.handed_out()
            if second is None:
                held.add(first)
            else:
                yield first
                yield second
                yield from batches
        yield from held.handed_out()


@dataclass(slots=True)
class _Held:
    """Files that wait to be handed out."""

    batches: list[Batch] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def fits(self, batch: Batch) -> bool:
        """Whether one more does not make a block too large."""
        rows, size = self.rows + batch.table.num_rows, self.size + batch.table.nbytes
        return bool(rows <= BLOCK_ROWS and size <= BLOCK_BYTES)

    def add(self, batch: Batch) -> None:
        """Take one more."""
        self.batches.append(batch)
        self.rows += batch.table.num_rows
        self.size += batch.table.nbytes

    def handed_out(self) -> Iterator[Batch]:
        """All of them as one."""
        if not self.batches:
            return
        first, counts = self.batches[0].file, [0] * (self.batches[-1].file - self.batches[0].file + 1)
        for batch in self.batches:
            counts[batch.file - first] = batch.table.num_rows
        tables = [batch.table for batch in self.batches]
        table = tables[0] if len(tables) == 1 else pa.concat_batches(tables)
        self.batches, self.rows, self.size = [], 0, 0
        yield Batch(first, 0, table, tuple(counts) if len(counts) > 1 else ())
