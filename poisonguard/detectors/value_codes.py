"""A table's values as codes: what a combination of values is made of.

1. A value of many rows is a code of its own, a *spike*: the values of a planted trigger are of this kind.
2. The other numbers of a column share bins of equal counts, so that a trigger with some noise falls into one.
3. Values of a third of the rows or more, and rare categories, get no code: they mark nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.detectors.features_tabular import Matrix, numbers

COMMON_SHARE = 0.35
"""A value of more rows than this is too common to be part of a trigger."""

BINS = 32
"""Bins for the numbers that are no spikes, at most."""

WINDOW = 0.025
"""Share of the rows on either side of a number that are its neighbourhood."""

NONE = -1
"""Code of a value that has none."""

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Value:
    """One value, or range of numbers, of one column.

    Attributes:
        column: The column.
        low: Smallest number; NaN for no value.
        high: Largest number, included.
        text: The category, if the column holds text.
    """

    column: str
    low: float = np.nan
    high: float = np.nan
    text: str | None = None

    def holds(self, table: pa.Table | pa.RecordBatch) -> Mask:
        """Which rows hold it, shape (rows,)."""
        if self.text is not None:
            return _equal(_texts(table, self.column), self.text)
        values = numbers(table, self.column)
        return np.isnan(values) if np.isnan(self.low) else (values >= self.low) & (values <= self.high)

    def __str__(self) -> str:
        """``column=value``, as people write it."""
        if self.text is not None:
            return f"{self.column}={self.text}"
        if np.isnan(self.low):
            return f"{self.column} absent"
        return f"{self.column}={self.low:.10g}" + ("" if self.low == self.high else f"..{self.high:.10g}")


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """One column of a sample.

    Attributes:
        codes: Index into ``values`` of each row, ``NONE`` for those without, shape (rows,).
        values: What the codes stand for.
        numbers: Numbers of the column, NaN for null, shape (rows,); empty for text.
        is_coded: Whether most of its values repeat themselves, as categories and codes do.
    """

    codes: Integers
    values: tuple[Value, ...]
    numbers: Matrix
    is_coded: bool

    @property
    def is_text(self) -> bool:
        """Whether it holds categories, which have no neighbours."""
        return not len(self.numbers)

    def window(self, value: Value) -> Mask:
        """Rows in the neighbourhood of ``value``: numbers near it, or all rows for text and for null."""
        if value.text is not None or np.isnan(value.low):
            return np.ones(len(self.codes), dtype=np.bool_)
        held = np.sort(self.numbers[~np.isnan(self.numbers)])
        margin = max(1, int(WINDOW * len(held)))
        first = max(0, int(np.searchsorted(held, value.low, "left")) - margin)
        last = min(len(held), int(np.searchsorted(held, value.high, "right")) + margin) - 1
        return np.asarray((self.numbers >= held[first]) & (self.numbers <= held[last]))


def coded(sample: pa.Table, numeric: Sequence[str], categorical: Sequence[str], min_rows: int) -> list[CodedColumn]:
    """The columns of a sample that hold a code; ``min_rows`` rows make a spike."""
    columns = [_numbers(sample, name, min_rows) for name in numeric]
    columns += [_categories(sample, name, min_rows) for name in categorical]
    return [column for column in columns if column.values]


def _numbers(sample: pa.Table, name: str, min_rows: int) -> CodedColumn:
    values = numbers(sample, name)
    distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True, equal_nan=True)
    spiky = (counts >= min_rows) & (counts <= COMMON_SHARE * len(values))
    code_of = np.where(spiky, np.cumsum(spiky) - 1, NONE)
    names = [Value(name, float(item), float(item)) for item in distinct[spiky]]
    loose = (counts < min_rows) & ~np.isnan(distinct)
    rows = int(counts[loose].sum())
    bins = min(BINS, rows // (2 * min_rows))
    if bins > 1:
        number = (np.cumsum(counts[loose]) - 1) * bins // rows
        held = distinct[loose]
        starts = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
        stops = np.append(starts[1:], len(held)) - 1
        code_of[loose] = len(names) + np.cumsum(np.append(False, number[1:] != number[:-1]))
        names += [Value(name, float(held[low]), float(held[high])) for low, high in zip(starts, stops, strict=True)]
    return CodedColumn(code_of[place].astype(np.int64), tuple(names), values, is_coded=rows < int(counts[spiky].sum()))


def _categories(sample: pa.Table, name: str, min_rows: int) -> CodedColumn:
    texts = _texts(sample, name)
    counted = pc.value_counts(texts.drop_null())
    counts = np.asarray(counted.field("counts"))
    kept = (counts >= min_rows) & (counts <= COMMON_SHARE * len(texts))
    names = sorted(counted.field("values").filter(pa.array(kept)).to_pylist())
    codes = pc.fill_null(pc.index_in(texts, pa.array(names, pa.large_string())), NONE)
    return CodedColumn(
        np.asarray(codes, dtype=np.int64), tuple(Value(name, text=item) for item in names), np.zeros(0), is_coded=True
    )


def _texts(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    values = table[name]
    return pc.cast(values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values, pa.large_string())


def _equal(texts: pa.Array, text: str) -> Mask:
    return np.asarray(pc.fill_null(pc.equal(texts, text), fill_value=False).to_numpy(zero_copy_only=False))
