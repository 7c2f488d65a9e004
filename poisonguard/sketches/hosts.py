"""Which host each row of a column of URLs comes from, and how many rows each host has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.values import ValueCounts, text_hashes

_SCHEMA = pa.schema([pa.field("host", pa.uint64())])


@dataclass(frozen=True)
class HostCounts(ValueCounts):
    """``ValueCounts`` of the lower-case host names of ``column``; what is no URL is no value."""

    def fold(self, block: Block) -> pa.Table:
        """The block's own counts."""
        names = pa.RecordBatch.from_arrays([hosts(block.table.column(self.column))], names=[self.column])
        return super().fold(Block(block.file, block.first_row, names, block.digests))


@dataclass(frozen=True)
class HostHashes(Sketch):
    """The hash of every row's host name, as ``HostCounts`` has it.

    State: ``host`` uint64, one entry per row; null where there is none.
    """

    bulky: ClassVar[bool] = True
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """The block's hashes."""
        names = hosts(block.table.column(self.column))
        return pa.table(
            [pa.array(text_hashes(names), mask=names.is_null().to_numpy(zero_copy_only=False))], schema=_SCHEMA
        )

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else _SCHEMA.empty_table()
