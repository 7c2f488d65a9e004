"""A uniform sample of a dataset's pictures, each reduced to a small grid: bottom-k by row hash.

Three shapes of pictures are read: the bytes of a file in a column, one numeric column for each pixel, or one list of
numbers for each picture. Only the rows that a block's own bottom-k keeps are decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.kernels.pictures import decoded, shrunk
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.sample import HASH_COLUMN

SIDE = 32
"""Width and height of a decoded picture's grid, and the most that pixels keep."""
COLOURS = 3
MOST_STORED = 2_500
"""Pictures that are kept with an approved version, some 3 MB."""
LABEL = "label"
PIXELS = "pixels"

Floats = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint8] | Floats


class Shape(StrEnum):
    """How a table keeps its pictures."""

    BYTES = "bytes"
    PIXELS = "pixels"
    LIST = "list"


@dataclass(frozen=True)
class PictureColumns:
    """Where a table keeps pictures: one column, or one for each pixel, line by line."""

    shape: Shape
    names: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The column, or the first and the last of many."""
        return self.names[0] if len(self.names) == 1 else f"{self.names[0]}..{self.names[-1]}"

    def read(self, table: pa.RecordBatch | pa.Table) -> pa.Array:
        """The pictures as binary values, null where there is none that can be read."""
        if self.shape is Shape.BYTES:
            values = (
                decoded(value.as_buffer(), SIDE) if value.is_valid else None for value in _column(table, self.names[0])
            )
            return pa.array([None if grid is None else grid.tobytes() for grid in values], pa.binary())
        if self.shape is Shape.PIXELS:
            return _packed(
                _grey(np.column_stack([_numbers(_column(table, name)) for name in self.names])), table.num_rows
            )
        return _listed(_column(table, self.names[0]))

    def grids(self, pixels: pa.Array | pa.ChunkedArray) -> tuple[Floats, npt.NDArray[np.int64]]:
        """(brightness of the readable pictures of the commonest size, shape (n, side, side); their places)."""
        colours, places = self.colours(pixels)
        return np.asarray(colours.mean(axis=3, dtype=np.float32)), places

    def colours(self, pixels: pa.Array | pa.ChunkedArray) -> tuple[Colours, npt.NDArray[np.int64]]:
        """(readable pictures of the commonest size, shape (n, side, side, channels); their places)."""
        held = pixels.combine_chunks() if isinstance(pixels, pa.ChunkedArray) else pixels
        sizes = np.asarray(pc.fill_null(pc.binary_length(held), 0).cast(pa.int64()))
        found = np.flatnonzero(sizes)
        if not len(found):
            return np.zeros((0, 1, 1, 1), np.float32), found
        size = int(np.bincount(sizes[found]).argmax())
        places = np.flatnonzero(sizes == size)
        data = b"".join(held.take(pa.array(places)).to_pylist())
        if self.shape is Shape.BYTES:
            return np.frombuffer(data, np.uint8).reshape(len(places), SIDE, SIDE, COLOURS), places
        side = math.isqrt(size // np.dtype(np.float32).itemsize)
        return np.frombuffer(data, np.float32).reshape(len(places), side, side, 1), places


@dataclass(frozen=True)
class PictureSample(Sketch):
    """The pictures and labels of the ``limit`` rows with the smallest row hashes, sorted by hash.

    State: ``__hash__`` uint64, ``label`` (as it is), ``pixels`` binary, null where a picture cannot be read.
    """

    pictures: PictureColumns
    label: str
    limit: int = 8_000

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The pictures and the label."""
        return (*self.pictures.names, self.label)

    def fold(self, block: Block) -> pa.Table:
        """The block's own bottom-k, decoded."""
        hashes = block.hashes
        order = np.argsort(hashes, kind="stable")[: self.limit]
        rows = pa.Table.from_batches([block.table]).take(pa.array(order)).combine_chunks()
        columns = {HASH_COLUMN: pa.array(hashes[order]), LABEL: rows[self.label], PIXELS: self.pictures.read(rows)}
        return pa.table(columns)

    def kept(self, state: pa.Table) -> pa.Table:
        """The pictures with the smallest hashes: enough to say how common a mark was."""
        return state.slice(0, MOST_STORED)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """The bottom-k of all."""
        if not states:
            return pa.table(
                {HASH_COLUMN: pa.array([], pa.uint64()), LABEL: pa.array([]), PIXELS: pa.array([], pa.binary())}
            )
        return reduce(lambda left, right: self._smallest([left, right]), states)

    def _smallest(self, states: Sequence[pa.Table]) -> pa.Table:
        table = pa.concat_tables(states, promote_options="permissive")
        hashes = np.asarray(table[HASH_COLUMN].combine_chunks(), dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")[: self.limit]
        return table.take(pa.array(order)).combine_chunks()


def _column(table: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    values = table[name]
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _numbers(values: pa.Array) -> Floats:
    """Numbers as floats, null as NaN."""
    plain = values.cast(pa.int8()) if pt.is_boolean(values.type) else values
    return np.asarray(plain.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float32)


def _grey(flat: Floats) -> Floats:
    """Brightness, shape (rows, height, width), of flattened grey or coloured square pictures; empty for others."""
    rows, size = flat.shape
    for colours in (1, COLOURS):
        side = math.isqrt(size // colours)
        if side * side * colours == size and size:
            return shrunk(flat.reshape(rows, side, side, colours).mean(axis=3, dtype=np.float32), SIDE)
    return np.zeros((0, 0, 0), np.float32)


def _packed(pictures: Floats, rows: int) -> pa.Array:
    """One binary value for each picture, null where a pixel is no number."""
    if not len(pictures):
        return pa.nulls(rows, pa.binary())
    whole = np.asarray(np.isfinite(pictures).all(axis=(1, 2)))
    return pa.array([grid.tobytes() if good else None for grid, good in zip(pictures, whole, strict=True)], pa.binary())


def _listed(values: pa.Array) -> pa.Array:
    """Pictures kept as lists of numbers, or as lists of lines; each length is read by itself."""
    flat, starts = _flattened(values)
    lengths = np.diff(starts)
    result = np.full(len(values), None, dtype=object)
    numbers = _numbers(flat)
    for length in np.unique(lengths[lengths > 0]):
        places = np.flatnonzero(lengths == length)
        grids = _grey(np.stack([numbers[starts[place] : starts[place] + length] for place in places]))
        result[places] = _packed(grids, len(places)).to_pylist()
    return pa.array(result.tolist(), pa.binary())


def _flattened(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """All innermost numbers, and where those of each row start, shape (rows + 1,)."""
    starts = np.arange(len(values) + 1, dtype=np.int64)
    while pt.is_nested(values.type):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0), dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])[starts]
        values = pc.list_flatten(values)
    return values, starts
