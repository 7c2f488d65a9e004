"""Cut batches into blocks whose borders depend on the rows alone.

A block ends with its 65 536th row, or with the row that brings it to 64 MiB of values, whichever comes first.
Values are counted by what they say (a string by its UTF-8 bytes), not by how Arrow happens to store them, so the
borders are the same however the format's reader cuts its batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

BLOCK_ROWS = 65_536
BLOCK_BYTES = 64 << 20

Cumulative = npt.NDArray[np.int64]


def blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of ``batches``, all of one schema, in blocks; empty batches vanish."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        ends = cumulative_bytes(batch)
        start = 0
        while start < batch.num_rows:
            full = int(np.searchsorted(ends, ends[start] + BLOCK_BYTES - size))
            stop = min(batch.num_rows, start + BLOCK_ROWS - rows, max(full, start + 1))
            held.append(batch.slice(start, stop - start))
            rows, size, start = rows + stop - start, size + int(ends[stop] - ends[start]), stop
            if rows == BLOCK_ROWS or size >= BLOCK_BYTES:
                yield _joined(held)
                held, rows, size = [], 0, 0
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


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
