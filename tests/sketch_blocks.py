"""Blocks made from tables, for tests of sketches."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from poisonguard.sketches.base import Block


def block_of(table: pa.Table, first_row: int = 0) -> Block:
    """A block whose digests depend on nothing but each row's content."""
    content = [hashlib.sha256(repr(row).encode()).digest() for row in table.to_pylist()]
    digests = np.frombuffer(b"".join(content), np.uint8).reshape(-1, 32)
    # An empty chunked array has no chunk to combine: arrays are built with their types.
    columns = [table[name].combine_chunks() for name in table.column_names]
    return Block(0, first_row, pa.RecordBatch.from_arrays(columns, schema=table.schema), digests)
