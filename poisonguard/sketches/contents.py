"""What every row holds, as hashes: for finding copies, and rows that differ in one place only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.columnhash import Hashes, column_hashes, combined, place_terms
from poisonguard.kernels.mapped import passing
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.fingerprints import KEY

PARTS = 16
"""Most parts a row is divided into: 128 bytes a row at most, however many columns there are."""


@dataclass(frozen=True)
class ContentHashes(Sketch):
    """A 64-bit hash of each part of every row; a part is one column, or several when there are more than 16.

    Copies are rows with equal ``row_keys``: one accident is expected among 6 * 10**9 different rows.

    State: ``parts`` fixed_size_list<uint64>[min(columns, 16)], one entry per row.

    Attributes:
        contents: Columns to compare, in schema order.
        seed: Key of the hashes.
    """

    bulky: ClassVar[bool] = True

    contents: tuple[str, ...]
    seed: int = KEY

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns to compare."""
        return self.contents

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Columns of each part."""
        count = min(len(self.contents), PARTS)
        return tuple(self.contents[part::count] for part in range(count))

    def fold(self, block: Block) -> pa.Table:
        """Hashes of the block's rows."""
        parts = [self._part(block.table, names) for names in self.groups]
        flat = pa.array(np.column_stack(parts).ravel(), pa.uint64())
        array = pa.Array.from_buffers(self._schema.field(0).type, block.table.num_rows, [None], children=[flat])
        return pa.Table.from_arrays([array], schema=self._schema)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else self._schema.empty_table()

    @property
    def _schema(self) -> pa.Schema:
        item = pa.field("item", pa.uint64(), nullable=False)
        return pa.schema([pa.field("parts", pa.list_(item, len(self.groups)), nullable=False)])

    def _part(self, batch: pa.RecordBatch, names: Sequence[str]) -> Hashes:
        hashes = [column_hashes(batch.column(name), self.seed) for name in names]
        return hashes[0] if len(hashes) == 1 else combined(np.column_stack(hashes))


def part_hashes(state: pa.Table) -> Iterator[Hashes]:
    """Hashes of a ``ContentHashes`` state, chunk by chunk, shapes (rows of the chunk, parts).

    Where the state is memory-mapped a chunk's pages are let go when the next chunk is asked for.
    """
    for chunk in passing(state["parts"].chunks):
        width = chunk.type.list_size
        values = np.asarray(chunk.values)[chunk.offset * width : (chunk.offset + len(chunk)) * width]
        yield values.reshape(len(chunk), width)


def part_terms(state: pa.Table) -> Iterator[Hashes]:
    """What each part adds to the row's key (``place_terms``), chunk by chunk."""
    return map(place_terms, part_hashes(state))


def key_chunks(state: pa.Table) -> Iterator[Hashes]:
    """``row_keys`` chunk by chunk: of very many rows, only a chunk's keys are in memory."""
    return (terms.sum(axis=1, dtype=np.uint64) for terms in part_terms(state))


def row_keys(state: pa.Table) -> Hashes:
    """One 64-bit key per row, equal for copies, shape (rows,)."""
    return np.concatenate([np.empty(0, dtype=np.uint64), *key_chunks(state)])


def at_rows(chunks: Iterable[npt.NDArray[Any]], rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The entries ``rows`` (ascending) of an array that comes in chunks; at least one chunk."""
    found, start = [], 0
    for chunk in chunks:
        inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(chunk))]
        found.append(chunk[inside - start])
        start += len(chunk)
    return np.concatenate(found)


def null_key(sketch: ContentHashes) -> np.uint64:
    """The key of a row that holds nothing in any of the sketch's columns."""
    names = list(sketch.contents)
    batch = pa.RecordBatch.from_arrays([pa.nulls(1) for _ in names], names=names)
    key: np.uint64 = row_keys(sketch.fold(Block(0, 0, batch, np.empty((1, 32), dtype=np.uint8))))[0]
    return key
