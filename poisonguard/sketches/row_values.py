"""What every row holds in one column, as a hash: for telling, row by row, which value it is of those counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.mapped import passing
from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.values import HashArray, value_hashes

_SCHEMA = pa.schema([pa.field("hash", pa.uint64())])


@dataclass(frozen=True)
class RowValues(Sketch):
    """The hash of every row's value of ``column``, as ``PairCounts`` and ``ValueCounts`` have it.

    With ``host`` the column holds URLs, and the value is the lower-case host name.
    State: ``hash`` uint64, one entry per row; null where there is none.
    """

    bulky: ClassVar[bool] = True
    column: str
    host: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """The block's hashes."""
        values = block.table.column(self.column)
        held = hosts(values) if self.host else plain(values)
        absent = held.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        return pa.table([pa.array(value_hashes(held), mask=absent)], schema=_SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else _SCHEMA.empty_table()


def value_places(state: pa.Table, known: HashArray) -> Iterator[npt.NDArray[np.int64]]:
    """Which of the hashes ``known`` (ascending) each row holds, -1 for none of them, chunk by chunk."""
    for chunk in passing(state["hash"].chunks):
        hashes = np.asarray(chunk.fill_null(0), dtype=np.uint64)
        if not len(known):
            yield np.full(len(hashes), -1, dtype=np.int64)
            continue
        place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        found = (known[place] == hashes) & chunk.is_valid().to_numpy(zero_copy_only=False)
        yield np.where(found, place, -1)
