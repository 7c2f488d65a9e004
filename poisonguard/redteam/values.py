"""Reads and replaces the values of one column while its Arrow type stays what it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.redteam.attack import RowNumbers


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes into its distinct values.

    Attributes:
        codes: Code of each row, -1 for null; shape (rows,).
        values: The distinct values, sorted by their text, so that nothing depends on row order.
        counts: How often each value occurs; shape (values,).
    """

    codes: npt.NDArray[np.int64]
    values: tuple[Any, ...]
    counts: npt.NDArray[np.int64]

    def rows_of(self, code: int) -> RowNumbers:
        """Rows that hold the value with ``code``."""
        return np.flatnonzero(self.codes == code)

    def rows_without(self, code: int) -> RowNumbers:
        """Rows that hold another value; nulls hold none."""
        return np.flatnonzero((self.codes >= 0) & (self.codes != code))


def encode(table: pa.Table, column: str) -> Coded:
    """Codes, distinct values and counts of ``column``."""
    encoded = _plain(table, column).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=lambda index: str(found[index]))
    rank = np.empty(len(found) + 1, dtype=np.int64)
    rank[order] = np.arange(len(found))
    rank[-1] = -1
    codes = rank[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    return Coded(codes, tuple(found[index] for index in order), counts.astype(np.int64))


def replace(table: pa.Table, column: str, rows: RowNumbers, values: Sequence[Any]) -> pa.Table:
    """``table`` with ``values`` in ``column`` at ``rows``; everything else as it was."""
    index = table.schema.get_field_index(column)
    field = table.schema.field(index)
    plain = _plain(table, column)
    picks = np.arange(table.num_rows, dtype=np.int64)
    picks[rows] = table.num_rows + np.arange(len(rows))
    joined = pa.concat_arrays([plain, pa.array(values, type=plain.type)])
    return table.set_column(index, field, joined.take(pa.array(picks)).cast(field.type))


def texts(table: pa.Table, column: str, rows: RowNumbers) -> list[str]:
    """Values of a text column at ``rows``."""
    return [str(value) for value in table.column(column).take(pa.array(rows)).to_pylist()]


def _plain(table: pa.Table, column: str) -> pa.Array:
    array = table.column(column).combine_chunks()
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
