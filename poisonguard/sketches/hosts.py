"""How many rows come from each host name of a column of URLs."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from poisonguard.sketches.base import Block
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.values import ValueCounts


@dataclass(frozen=True)
class HostCounts(ValueCounts):
    """``ValueCounts`` of the lower-case host names of ``column``; what is no URL is no value."""

    def fold(self, block: Block) -> pa.Table:
        """The block's own counts."""
        names = pa.RecordBatch.from_arrays([hosts(block.table.column(self.column))], names=[self.column])
        return super().fold(Block(block.file, block.first_row, names, block.digests))
