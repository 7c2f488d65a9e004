"""Row digests: what a row says, independent of how it is stored.

A row's canonical bytes are, for each column that is not null, in the order of the names' UTF-8 bytes: 16 bytes of
the name's BLAKE2b hash, a tag, a payload. The digest is BLAKE2b-256 of that. So a row does not change when the
file format, column order, integer or float width, string encoding, timestamp unit, chunking or partition changes,
or when a column that is null in it is added; and it changes when a value, its kind or a column's name changes.

===========  ===  =============================================================================================
boolean      1    one byte
integer      2    8 bytes, two's complement; beyond int64: tag 3 and 8 unsigned bytes
float        4    IEEE 754 double; one NaN; -0.0 is 0.0. ``1.0`` is not the integer ``1``
string       5    length in 4 bytes, UTF-8
binary       6    length in 4 bytes, bytes
time         7    seconds since 1970 in 8 bytes, nanoseconds in 4; tag 8 when it is an instant (has a time zone)
decimal      9    scale in 1 byte, unscaled value in 32
list         10   number of items in 4 bytes; each item as tag and payload, or one zero byte for null
struct       11   number of fields that are not null in 4 bytes, then those like the columns of a row
===========  ===  =============================================================================================

All numbers are little-endian. A map is a list of structs ``{key, value}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import canonical, conform
from poisonguard.kernels.floatkeys import canonical_bits
from poisonguard.kernels.rowhash import BLOCK, DIGEST, Bytes, Integers, hash_rows, put_fixed, put_variable, put_words
from poisonguard.kernels.scratch import scratch

Digests = npt.NDArray[np.uint8]
NAME_BYTES = 16
COUNT_BYTES = 4
WORKING_BYTES = 1 << 20
"""Row bytes built at a time: stays in the processor's cache."""
UNIT_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
SECONDS_PER_DAY = 86_400

BOOLEAN, INTEGER, LARGE_INTEGER, FLOAT, STRING, BINARY, TIME, INSTANT, DECIMAL, LIST, STRUCT = range(1, 12)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Cells of one width: tag and payload, shape (rows, width)."""

    payload: Bytes
    valid: Bytes

    @property
    def lengths(self) -> int:
        """Bytes of each cell."""
        return int(self.payload.shape[1])

    def put(self, rows: Bytes, cursors: Integers, prefix: Bytes, part: slice) -> None:
        """Write the cells of ``part``."""
        put_fixed(rows, cursors, prefix, self.payload[part], self.valid[part])


@dataclass(frozen=True, slots=True)
class Whole:
    """Cells of eight bytes each behind one tag."""

    tag: int
    values: npt.NDArray[np.uint64]
    valid: Bytes

    @property
    def lengths(self) -> int:
        """Bytes of each cell."""
        return 1 + self.values.dtype.itemsize

    def put(self, rows: Bytes, cursors: Integers, prefix: Bytes, part: slice) -> None:
        """Write the cells of ``part``."""
        put_words(rows, cursors, np.append(prefix, np.uint8(self.tag)), self.values[part], self.valid[part])


@dataclass(frozen=True, slots=True)
class Variable:
    """Cells of any length: tag, count, bytes ``data[starts:stops]``."""

    tag: int
    counts: Integers
    starts: Integers
    stops: Integers
    data: Bytes
    valid: Bytes

    @property
    def lengths(self) -> Integers:
        """Bytes of each cell, shape (rows,)."""
        lengths: Integers = self.stops - self.starts + (1 + COUNT_BYTES)
        return lengths

    def put(self, rows: Bytes, cursors: Integers, prefix: Bytes, part: slice) -> None:
        """Write the cells of ``part``."""
        tagged = np.append(prefix, np.uint8(self.tag))
        bounds = (self.counts[part], self.starts[part], self.stops[part])
        put_variable(rows, cursors, tagged, *bounds, self.data, self.valid[part])


Cells = Fixed | Whole | Variable


def row_digests(table: pa.RecordBatch) -> Digests:
    """BLAKE2b-256 of each row's canonical bytes, shape (rows, 32)."""
    prefixes, columns = _columns(table.schema.names, table.columns)
    digests = np.empty((table.num_rows, DIGEST // 8), dtype=np.uint64)
    for part, buffer, starts, lengths in _bodies(prefixes, columns, table.num_rows, BLOCK):
        hash_rows(buffer.view(np.uint64), starts // 8, lengths, digests[part])
    return digests.view(np.uint8)


def _columns(names: Sequence[str], arrays: Sequence[pa.Array]) -> tuple[list[Bytes], list[Cells]]:
    """Name prefix and cells of each column, in the order of the names' bytes."""
    order = sorted(range(len(names)), key=lambda index: names[index].encode())
    return [_name(names[index]) for index in order], [_cells(arrays[index]) for index in order]


@lru_cache(maxsize=10_000)
def _name(name: str) -> Bytes:
    return np.frombuffer(hashlib.blake2b(name.encode(), digest_size=NAME_BYTES).digest(), dtype=np.uint8)


def _bodies(
    prefixes: Sequence[Bytes], columns: Sequence[Cells], rows: int, alignment: int
) -> Iterator[tuple[slice, Bytes, Integers, Integers]]:
    """Canonical bytes of the rows, a part at a time: (rows, buffer, starts, lengths)."""
    lengths = np.zeros(rows, dtype=np.int64)
    for prefix, cells in zip(prefixes, columns, strict=True):
        lengths += np.multiply(cells.valid, cells.lengths + len(prefix), dtype=np.int64)
    padded = np.maximum(-(-lengths // alignment) * alignment, alignment if alignment > 1 else 0)
    ends = np.cumsum(padded)
    first = 0
    while first < rows:
        base = int(ends[first] - padded[first])
        stop = max(first + 1, int(np.searchsorted(ends, base + WORKING_BYTES, side="right")))
        part = slice(first, stop)
        starts = ends[part] - padded[part] - base
        buffer = scratch(int(ends[stop - 1]) - base, np.uint8)
        buffer.fill(0)
        cursors = starts.copy()
        for prefix, cells in zip(prefixes, columns, strict=True):
            cells.put(buffer, cursors, prefix, part)
        yield part, buffer, starts, lengths[part]
        first = stop


def _cells(array: pa.Array) -> Cells:  # noqa: PLR0911 - one line per kind
    kind = canonical(array.type)
    array = conform(array, kind)
    if pt.is_string(kind) or pt.is_binary(kind):
        return _text(array, STRING if pt.is_string(kind) else BINARY)
    if pt.is_list(kind):
        return _list(array)
    if pt.is_map(kind):
        return _list(_map_as_list(array))
    if pt.is_struct(kind):
        return _struct(array)
    if pt.is_timestamp(kind):
        per_second = UNIT_PER_SECOND[kind.unit]
        seconds, rest = np.divmod(_values(array, np.int64), per_second)
        return _time(array, INSTANT if kind.tz else TIME, seconds, rest * (10**9 // per_second))
    if pt.is_date(kind):
        return _time(array, TIME, _values(array, np.int32).astype(np.int64) * SECONDS_PER_DAY, np.int64(0))
    return _number(array, kind)


def _number(array: pa.Array, kind: pa.DataType) -> Cells:
    if pt.is_null(kind):
        return Fixed(np.zeros((len(array), 1), np.uint8), np.zeros(len(array), np.uint8))
    if pt.is_boolean(kind):
        return _fixed(array, BOOLEAN, _values(array.cast(pa.uint8()), np.uint8))
    if pt.is_decimal(kind):
        return _decimal(array, kind)
    if pt.is_floating(kind):
        return _whole(array, FLOAT, canonical_bits(_values(array.cast(pa.float64()), np.float64)))
    if pt.is_uint64(kind):
        unsigned = _values(array, np.uint64)
        cells = _fixed(array, INTEGER, unsigned)
        cells.payload[unsigned > np.uint64(2**63 - 1), 0] = LARGE_INTEGER
        return cells
    return _whole(array, INTEGER, _values(array.cast(pa.int64()), np.int64))


def _valid(array: pa.Array) -> Bytes:
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.uint8)
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)


def _values(array: pa.Array, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values buffer as it is; what stands where a value is null is never used."""
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(len(array), dtype=kind)
    return np.frombuffer(data, dtype=kind)[array.offset : array.offset + len(array)]


def _fixed(array: pa.Array, tag: int, values: npt.NDArray[np.generic]) -> Fixed:
    payload = np.empty((len(array), 1 + values.dtype.itemsize), dtype=np.uint8)
    payload[:, 0] = tag
    payload[:, 1:] = np.ascontiguousarray(values).view(np.uint8).reshape(len(array), values.dtype.itemsize)
    return Fixed(payload, _valid(array))


def _whole(array: pa.Array, tag: int, values: npt.NDArray[np.generic]) -> Whole:
    return Whole(tag, np.ascontiguousarray(values).view(np.uint64), _valid(array))


def _time(
    array: pa.Array, tag: int, seconds: npt.NDArray[np.int64], nanoseconds: npt.NDArray[np.int64] | np.int64
) -> Fixed:
    values = np.empty(len(array), dtype=[("seconds", "<i8"), ("nanoseconds", "<u4")])
    values["seconds"] = seconds
    values["nanoseconds"] = nanoseconds
    return _fixed(array, tag, values)


def _decimal(array: pa.Array, kind: pa.DataType) -> Fixed:
    wide = array.cast(pa.decimal256(76, kind.scale))
    values = np.empty(len(array), dtype=[("scale", "i1"), ("unscaled", "V32")])
    values["scale"] = kind.scale
    values["unscaled"] = _values(wide, "V32")
    return _fixed(array, DECIMAL, values)


def _text(array: pa.Array, tag: int) -> Variable:
    offsets = _offsets(array)
    data = array.buffers()[2]
    content = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    starts, stops = offsets[:-1], offsets[1:]
    return Variable(tag, stops - starts, starts, stops, content, _valid(array))


def _offsets(array: pa.Array) -> Integers:
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(len(array) + 1, dtype=np.int64)
    return np.frombuffer(data, dtype=np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)


def _list(array: pa.Array) -> Variable:
    offsets = _offsets(array)
    children = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    ends, data = _items(_cells(children))
    bounds = ends[offsets - offsets[0]]
    return Variable(LIST, np.diff(offsets), bounds[:-1], bounds[1:], data, _valid(array))


def _items(cells: Cells) -> tuple[Integers, Bytes]:
    """The items' cells one after the other, a zero byte for null: (offsets, bytes)."""
    lengths = np.where(cells.valid == 1, cells.lengths, 1)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    data = np.zeros(int(ends[-1]), dtype=np.uint8)
    cells.put(data, ends[:-1].copy(), np.zeros(0, np.uint8), slice(0, len(lengths)))
    return ends, data


def _struct(array: pa.Array) -> Variable:
    names = [field.name for field in array.type]
    prefixes, columns = _columns(names, [array.field(index) for index in range(len(names))])
    parts = list(_bodies(prefixes, columns, len(array), alignment=1))
    lengths = np.concatenate([np.zeros(0, np.int64), *(part[3] for part in parts)])
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    data = np.concatenate([np.zeros(0, np.uint8), *(part[1] for part in parts)])
    present = sum((cells.valid.astype(np.int64) for cells in columns), np.zeros(len(array), np.int64))
    return Variable(STRUCT, present, ends[:-1], ends[1:], data, _valid(array))


def _map_as_list(array: pa.Array) -> pa.Array:
    keys, items = array.keys, array.items
    entries = pa.StructArray.from_arrays([keys, items], names=["key", "value"])
    offsets = array.offsets
    if array.null_count:
        missing = pa.concat_arrays([array.is_null(), pa.array([False])])
        offsets = pc.if_else(missing, pa.scalar(None, offsets.type), offsets)
    return pa.ListArray.from_arrays(offsets, entries)


__all__ = ["Digests", "row_digests"]
