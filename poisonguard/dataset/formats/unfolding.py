"""Undo Arrow's encodings a few rows at a time: one word of a dictionary may stand in every row.

Dictionaries, run ends, and views let many rows share the same bytes; the canonical types repeat them. Before that a
batch is cut into pieces that are of bounded size even if each row took the longest value there is. A row cannot be
cut: where a single one might not fit ``LARGEST_ROW``, the file is refused. What takes no bytes, a null or a struct
without fields, counts like any other value: a list of it could be endless.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import conform_batch
from poisonguard.errors import UnreadableData

MOST_ROWS = 65_536
MOST_BYTES = 64 << 20
LARGEST_ROW = 256 << 20
"""Bytes of one column in one row, at worst."""
CELL = 32
"""Bytes of the largest value of a type that is not text."""
VIEW_NUMBERS = 4
"""32-bit numbers of a view; its length is the first."""


def unfolded(path: str, batch: pa.RecordBatch, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of ``batch`` as ``schema``, its canonical types, in pieces of bounded size.

    Raises:
        UnreadableData: A row may be too large; ``path`` is named.
    """
    shared = [_shared(column) for column in batch.columns]
    if max(shared, default=0) > LARGEST_ROW:
        raise UnreadableData(
            f"{path}: a row may unfold to {max(shared) >> 20} MiB, a decompression bomb",
            hint=f"If it is real, write shorter lists: {LARGEST_ROW >> 20} MiB are always allowed.",
        )
    rows = max(1, min(MOST_ROWS, MOST_BYTES // max(1, sum(shared))))
    for start in range(0, batch.num_rows, rows):
        yield conform_batch(batch.slice(start, rows), schema)


def _shared(array: pa.Array) -> int:  # noqa: PLR0911 - one line per family of types
    """Bytes that one row may unfold to beyond what it holds of its own."""
    kind = array.type
    if _is_hollow(kind):
        return CELL
    if isinstance(kind, pa.BaseExtensionType):
        return _shared(array.storage)
    if pt.is_dictionary(kind):
        return _largest(array.dictionary)
    if pt.is_run_end_encoded(kind):
        return _largest(array.values)
    if pt.is_string_view(kind) or pt.is_binary_view(kind):
        return _longest_view(array)
    if pt.is_list_view(kind) or pt.is_large_list_view(kind):
        return int(pc.max(array.sizes).as_py() or 0) * _largest(array.values)
    if pt.is_struct(kind):
        return sum(_shared(array.field(index)) for index in range(kind.num_fields))
    if pt.is_map(kind):
        return _lengthiest(array.offsets) * (_shared(array.keys) + _shared(array.items))
    if pt.is_list(kind) or pt.is_large_list(kind):
        return _lengthiest(array.offsets) * _shared(array.values)
    return int(kind.list_size) * _shared(array.values) if pt.is_fixed_size_list(kind) else 0


def hollow_values(array: pa.Array, *, listed: bool = False) -> int:
    """How many values in the lists of ``array``, which is of a canonical type, take no bytes."""
    kind = array.type
    if _is_hollow(kind):
        return len(array) if listed else 0
    if pt.is_struct(kind):
        return sum(hollow_values(array.field(index), listed=listed) for index in range(kind.num_fields))
    if not (pt.is_list(kind) or pt.is_map(kind)):
        return 0
    start, stop = array.offsets[0].as_py(), array.offsets[-1].as_py()
    parts = (array.values,) if pt.is_list(kind) else (array.keys, array.items)
    return sum(hollow_values(part.slice(start, stop - start), listed=True) for part in parts)


def _is_hollow(kind: pa.DataType) -> bool:
    return bool(pt.is_null(kind) or (pt.is_struct(kind) and not kind.num_fields))


def _largest(values: pa.Array) -> int:
    """Bytes of the largest of ``values``, at least ``CELL``."""
    kind = values.type
    if pt.is_string(kind) or pt.is_binary(kind) or pt.is_large_string(kind) or pt.is_large_binary(kind):
        return max(CELL, int(pc.max(pc.binary_length(values)).as_py() or 0))
    if pt.is_fixed_size_binary(kind):
        return int(max(CELL, kind.byte_width))
    flat = pt.is_primitive(kind) or pt.is_null(kind)
    return CELL if flat else int(max(CELL, values.nbytes, _shared(values)))


def _longest_view(array: pa.Array) -> int:
    views = array.buffers()[1]
    if views is None:
        return 0
    lengths = np.frombuffer(views, dtype=np.int32)[::VIEW_NUMBERS]
    return int(lengths[array.offset : array.offset + len(array)].max(initial=0))


def _lengthiest(offsets: pa.Array) -> int:
    return int(np.diff(np.asarray(offsets)).max(initial=0))
