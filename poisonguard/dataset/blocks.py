"""Cut batches into blocks whose borders depend on the rows alone.

A block ends with its 65 536th row, or with the row that brings it to 64 MiB of values, whichever comes first.
Values are counted by what they say (a string by its UTF-8 bytes), not by how Arrow happens to store them, so the
borders are the same however the format's reader cuts its batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from poisonguard.kernels.rowbytes import cumulative_bytes

BLOCK_ROWS = 65_536
BLOCK_BYTES = 64 << 20


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
