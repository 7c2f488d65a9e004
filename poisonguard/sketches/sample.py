"""A uniform sample of rows that does not depend on how the data are cut: bottom-k by row hash.

The k rows with the smallest row hashes are a simple random sample of the distinct rows (copies come along
together), and keeping the k smallest of two such samples is exact (Cohen & Kaplan, "Summarizing data using
bottom-k sketches", PODC 2007). The same holds of as many of the smallest as it takes to reach a number of bytes.

Bytes of pictures and the like are not kept: those who look at them take samples of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from poisonguard.kernels.rowbytes import cumulative_bytes
from poisonguard.sketches.base import Block, Sketch

HASH_COLUMN = "__hash__"
"""Name of the sample's first column: uint64 row hashes, ascending."""
MOST_BYTES = 256 << 20
"""Bytes of values that a sample reaches, with its last row: 20 000 rows of 13 KiB each."""


@dataclass(frozen=True)
class RowSample(Sketch):
    """The ``limit`` rows with the smallest row hashes, sorted by hash; fewer where they reach ``MOST_BYTES``.

    State: ``__hash__`` uint64, then the data's columns but those that hold binary values. A hash is keyed by nothing
    but the row's content, so equal rows share it; cross-validation that splits by it never trains on a copy of a row
    it judges. The sample holds every row if it has as many rows as the version, and only then.
    """

    limit: int = 20_000

    @property
    def columns(self) -> tuple[str, ...] | None:
        """All of them: rows are digested whole."""
        return None

    def fold(self, block: Block) -> pa.Table:
        """The block's own bottom-k."""
        kept = [field.name for field in block.table.schema if not holds_binary(field.type)]
        columns = {name: block.table.column(name) for name in kept}
        return self._smallest(pa.table({HASH_COLUMN: pa.array(block.hashes)} | columns))

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """The bottom-k of all."""
        if not states:
            return pa.table({HASH_COLUMN: pa.array([], pa.uint64())})
        parts = self._candidates(states)
        if sum(part.nbytes for part in parts) <= MOST_BYTES:
            return self._joined(parts)
        # Two at a time: memory stays at two samples however many states there are.
        return reduce(lambda left, right: self._joined([left, right]), parts)

    def _joined(self, parts: Sequence[pa.Table]) -> pa.Table:
        return self._smallest(pa.concat_tables(parts, promote_options="permissive"))

    def _candidates(self, states: Sequence[pa.Table]) -> list[pa.Table]:
        """Of each state the rows that can be among the smallest of all; nothing is copied for it."""
        hashes = [sample_hashes(state) for state in states]
        every = np.concatenate(hashes)
        if len(states) == 1 or len(every) <= self.limit:
            return list(states)
        cut = np.partition(every, self.limit - 1)[self.limit - 1]
        return [
            state.slice(0, int(np.searchsorted(own, cut, side="right")))
            for state, own in zip(states, hashes, strict=True)
        ]

    def _smallest(self, table: pa.Table) -> pa.Table:
        hashes = np.asarray(table[HASH_COLUMN].combine_chunks() if table.num_rows else [], dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")[: self.limit]
        return _within(table.take(pa.array(order)).combine_chunks())


def _within(table: pa.Table) -> pa.Table:
    """The first rows, up to the one that reaches ``MOST_BYTES``: whatever they are merged with, no later one is needed.

    What is cut off is never kept alive by what stays.
    """
    # No value counts for more than eight times its bytes: a truth value is one bit.
    if table.nbytes * 8 <= MOST_BYTES:
        return table
    sizes = [np.diff(cumulative_bytes(batch)) for batch in table.to_batches()]
    rows = int(np.searchsorted(np.cumsum(np.concatenate(sizes)), MOST_BYTES)) + 1
    return table if rows >= table.num_rows else table.take(pa.array(np.arange(rows))).combine_chunks()


def holds_binary(kind: pa.DataType) -> bool:
    """Whether values of a type are bytes, or hold some."""
    if pt.is_binary(kind):
        return True
    fields = [kind.field(index) for index in range(kind.num_fields)] if pt.is_nested(kind) else []
    return any(holds_binary(field.type) for field in fields)


def sample_hashes(state: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Row hashes of a sample, ascending, shape (rows,)."""
    return np.asarray(state[HASH_COLUMN].to_numpy(), dtype=np.uint64)


def sample_rows(state: pa.Table) -> pa.Table:
    """The sampled rows without their hashes."""
    return state.drop_columns([HASH_COLUMN])
