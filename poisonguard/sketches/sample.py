"""A uniform sample of rows that does not depend on how the data are cut: bottom-k by row hash.

The k rows with the smallest row hashes are a simple random sample of the distinct rows (copies come along
together), and keeping the k smallest of two such samples is exact (Cohen & Kaplan, "Summarizing data using
bottom-k sketches", PODC 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa

from poisonguard.sketches.base import Block, Sketch

HASH_COLUMN = "__hash__"
"""Name of the sample's first column: uint64 row hashes, ascending."""


@dataclass(frozen=True)
class RowSample(Sketch):
    """The ``limit`` rows with the smallest row hashes, every column kept, sorted by hash.

    State: ``__hash__`` uint64, then the data's columns. A hash is keyed by nothing but the row's content, so
    equal rows share it; cross-validation that splits by it never trains on a copy of a row it judges.
    """

    limit: int = 20_000

    @property
    def columns(self) -> tuple[str, ...] | None:
        """All of them."""
        return None

    def fold(self, block: Block) -> pa.Table:
        """The block's own bottom-k."""
        hashes = pa.array(block.hashes)
        table = pa.Table.from_batches([block.table]).add_column(0, HASH_COLUMN, hashes)
        return self._smallest(table)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """The bottom-k of all."""
        if not states:
            return pa.table({HASH_COLUMN: pa.array([], pa.uint64())})
        # Two at a time: memory stays at two samples however many states there are.
        return reduce(
            lambda left, right: self._smallest(pa.concat_tables([left, right], promote_options="permissive")), states
        )

    def _smallest(self, table: pa.Table) -> pa.Table:
        hashes = np.asarray(table[HASH_COLUMN].combine_chunks() if table.num_rows else [], dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")[: self.limit]
        return table.take(pa.array(order)).combine_chunks()


def sample_hashes(state: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Row hashes of a sample, ascending, shape (rows,)."""
    return np.asarray(state[HASH_COLUMN].to_numpy(), dtype=np.uint64)


def sample_rows(state: pa.Table) -> pa.Table:
    """The sampled rows without their hashes."""
    return state.drop_columns([HASH_COLUMN])
