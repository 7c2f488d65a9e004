"""How many bytes of values each row holds, by what they say: a string by its UTF-8, whatever way Arrow stores it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

Cumulative = npt.NDArray[np.int64]


def cumulative_bytes(batch: pa.RecordBatch) -> Cumulative:
    """Bytes of values before each row and at the end, shape (rows + 1,)."""
    total = np.zeros(batch.num_rows + 1, dtype=np.int64)
    for column in batch.columns:
        total += _cumulative(column)
    return total


def _cumulative(array: pa.Array) -> Cumulative:
    kind = array.type
    if pt.is_string(kind) or pt.is_binary(kind):
        offsets = _offsets(array)
        bounds: Cumulative = offsets - offsets[0]
        return bounds
    if pt.is_list(kind) or pt.is_map(kind):
        offsets = _offsets(array)
        # Only what these rows hold: a slice of a batch still leads to all of its values.
        first, held = int(offsets[0]), int(offsets[-1] - offsets[0])
        children = (array.values,) if pt.is_list(kind) else (array.keys, array.items)
        inside = np.zeros(len(array) + 1, dtype=np.int64)
        for child in children:
            inside += _cumulative(child.slice(first, held))[offsets - first]
        return inside
    if pt.is_struct(kind):
        total = np.zeros(len(array) + 1, dtype=np.int64)
        for index in range(kind.num_fields):
            total += _cumulative(array.field(index))
        return total
    width = 0 if pt.is_null(kind) else max(1, kind.bit_width // 8)
    return np.arange(len(array) + 1, dtype=np.int64) * width


def _offsets(array: pa.Array) -> Cumulative:
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(len(array) + 1, dtype=np.int64)
    return np.frombuffer(data, dtype=np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
