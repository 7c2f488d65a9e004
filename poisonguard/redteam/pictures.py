"""Pictures of a table as arrays, whatever the shape: PNG bytes in a column, or one column for each pixel.

- PNG: the first column that plays ``image`` and holds bytes, or a struct with a field ``bytes`` (Hugging Face);
  a row whose bytes are no PNG that ``png`` reads cannot be used
- pixels: at least ``FEWEST_PIXELS`` numeric features named like pixels (``pixel_0_0``, ``px17``, ``pixel1``, ``42``)
  whose number is a square; a row with a null among them cannot be used

Other kinds of picture files (JPEG, palettes, 16 bits) are left alone: drawing on them takes an image library.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam import png
from poisonguard.redteam.attack import RowNumbers
from poisonguard.redteam.numeric import Floats, is_number, numbers, write_numbers
from poisonguard.redteam.values import replace

FEWEST_PIXELS = 16
PIXEL = re.compile(r"(?i)(pixel|pix|px|p)?[ _.-]?\d+([ _.x-]\d+)?")
BYTES = "bytes"
WHITE = 255.0


class Pictures(ABC):
    """Where a table keeps its pictures."""

    @abstractmethod
    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows whose picture can be drawn on."""

    @abstractmethod
    def read(self, table: pa.Table, rows: RowNumbers) -> list[Floats]:
        """Pictures of ``rows``, which are usable; each has the shape (height, width, channels)."""

    @abstractmethod
    def write(self, table: pa.Table, rows: RowNumbers, pictures: Sequence[Floats]) -> pa.Table:
        """``table`` with other pictures at ``rows``."""

    @abstractmethod
    def white(self, table: pa.Table) -> float:
        """The highest value of a pixel."""


@dataclass(frozen=True, slots=True)
class PngColumn(Pictures):
    """PNG bytes in a column, or in the field ``bytes`` of a column of structs."""

    column: str
    struct: bool

    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows whose bytes are a PNG that can be read."""
        held = enumerate(table.column(self.column).to_pylist())
        return np.array([row for row, value in held if self._decoded(value) is not None], dtype=np.int64)

    def read(self, table: pa.Table, rows: RowNumbers) -> list[Floats]:
        """The decoded pictures."""
        decoded = (self._decoded(value) for value in table.column(self.column).take(pa.array(rows)).to_pylist())
        return [picture.astype(np.float64) for picture in decoded if picture is not None]

    def write(self, table: pa.Table, rows: RowNumbers, pictures: Sequence[Floats]) -> pa.Table:
        """The pictures encoded again; the struct's other fields stay."""
        encoded = [png.encode(np.clip(np.rint(picture), 0, WHITE).astype(np.uint8)) for picture in pictures]
        if not self.struct:
            return replace(table, self.column, rows, encoded)
        before = table.column(self.column).take(pa.array(rows)).to_pylist()
        values = [{**old, BYTES: new} for old, new in zip(before, encoded, strict=True)]
        return replace(table, self.column, rows, values)

    def white(self, table: pa.Table) -> float:
        """Eight bits."""
        del table
        return WHITE

    def _decoded(self, value: Any) -> png.Pixels | None:
        data = value.get(BYTES) if isinstance(value, dict) else value
        return png.decode(data) if data is not None else None


@dataclass(frozen=True, slots=True)
class PixelColumns(Pictures):
    """One numeric column for each pixel, line by line."""

    columns: tuple[str, ...]

    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows without a missing pixel."""
        return np.flatnonzero(~np.isnan(self._grid(table)).any(axis=1))

    def read(self, table: pa.Table, rows: RowNumbers) -> list[Floats]:
        """Square grey pictures."""
        side = math.isqrt(len(self.columns))
        return list(self._grid(table)[rows].reshape(-1, side, side, 1))

    def write(self, table: pa.Table, rows: RowNumbers, pictures: Sequence[Floats]) -> pa.Table:
        """Every pixel's column, in its own type."""
        flat = np.array(pictures).reshape(len(rows), len(self.columns))
        for number, column in enumerate(self.columns):
            table = write_numbers(table, column, rows, flat[:, number])
        return table

    def white(self, table: pa.Table) -> float:
        """The highest value that occurs."""
        return float(np.nanmax(self._grid(table)))

    def _grid(self, table: pa.Table) -> Floats:
        return np.column_stack([numbers(table, column) for column in self.columns])


def pictures_of(table: pa.Table, roles: Roles) -> Pictures | None:
    """Where ``table`` keeps pictures; nothing when it keeps none."""
    for column in roles.all(Role.IMAGE):
        kind = table.schema.field(column).type
        if _is_bytes(kind):
            return PngColumn(column, struct=False)
        if pa.types.is_struct(kind) and kind.get_field_index(BYTES) >= 0 and _is_bytes(kind.field(BYTES).type):
            return PngColumn(column, struct=True)
    pixels = tuple(name for name in roles.all(Role.FEATURE) if PIXEL.fullmatch(name) and is_number(table, name))
    square = math.isqrt(len(pixels)) ** 2 == len(pixels)
    return PixelColumns(pixels) if len(pixels) >= FEWEST_PIXELS and square else None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
