"""Reads numeric columns as floats and writes floats back in the column's own type."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import RowNumbers
from poisonguard.redteam.values import replace

Floats = npt.NDArray[np.float64]


def numeric_features(table: pa.Table, roles: Roles) -> tuple[str, ...]:
    """Features that hold at least two different numbers."""
    return tuple(name for name in roles.all(Role.FEATURE) if is_number(table, name) and _varies(table, name))


def is_number(table: pa.Table, column: str) -> bool:
    """Whether the column holds integers or floats of 32 or 64 bits."""
    kind = table.schema.field(column).type
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def numbers(table: pa.Table, column: str) -> Floats:
    """The column as floats, shape (rows,); null and infinite are NaN."""
    values = table.column(column).cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def in_type(values: Floats, kind: pa.DataType) -> list[Any]:
    """The floats as the type can hold them: rounded and clipped for integers, finite for floats."""
    if pa.types.is_integer(kind):
        # Clipped before rounding to Python's integers: a 64-bit limit is no float.
        low, high = (0 if pa.types.is_unsigned_integer(kind) else -(1 << kind.bit_width - 1)), _highest(kind)
        return [min(max(round(value), low), high) for value in values.tolist()]
    limits = np.finfo(np.float32 if pa.types.is_float32(kind) else np.float64)
    clipped = np.clip(values, limits.min, limits.max)
    narrowed: list[Any] = clipped.astype(limits.dtype).astype(np.float64).tolist()
    return narrowed


def write_numbers(table: pa.Table, column: str, rows: RowNumbers, values: Floats) -> pa.Table:
    """``table`` with ``values`` in ``column`` at ``rows``, in the column's type."""
    return replace(table, column, rows, in_type(values, table.schema.field(column).type))


def changing(table: pa.Table, column: str, values: Floats) -> RowNumbers:
    """Rows whose number would change if ``values``, shape (rows,), were written; rows without a number would not."""
    before = numbers(table, column)
    held = np.flatnonzero(~np.isnan(before) & ~np.isnan(values))
    written = in_type(values[held], table.schema.field(column).type)
    old = table.column(column).take(pa.array(held)).to_pylist()
    differ = [new != was for new, was in zip(written, old, strict=True)]
    rows: RowNumbers = held[np.array(differ, dtype=bool)]
    return rows


def _highest(kind: pa.DataType) -> int:
    bits = kind.bit_width if pa.types.is_unsigned_integer(kind) else kind.bit_width - 1
    return int((1 << bits) - 1)


def _varies(table: pa.Table, column: str) -> bool:
    held = numbers(table, column)
    held = held[~np.isnan(held)]
    return len(held) > 0 and bool(held.min() < held.max())
