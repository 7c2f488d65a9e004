"""Every row's digest, in row order: what the manifest, the delta and exact comparison are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from poisonguard.sketches.base import Block, Sketch

DIGEST_BYTES = 32
DIGEST_COLUMN = "digest"
SCHEMA = pa.schema([pa.field(DIGEST_COLUMN, pa.binary(DIGEST_BYTES), nullable=False)])


@dataclass(frozen=True)
class RowDigests(Sketch):
    """The 32-byte digest of every row.

    State: ``digest`` fixed_size_binary(32), one entry per row.
    """

    bulky: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...] | None:
        """None of them: digests come with the block."""
        return ()

    def fold(self, block: Block) -> pa.Table:
        """The block's digests."""
        data = pa.py_buffer(np.ascontiguousarray(block.digests, dtype=np.uint8))
        array = pa.Array.from_buffers(pa.binary(DIGEST_BYTES), len(block.digests), [None, data])
        return pa.Table.from_arrays([array], schema=SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else SCHEMA.empty_table()
