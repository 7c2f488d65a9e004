"""Numbers and categories of a table as one matrix, and which columns may speak for the label.

1. Ids, timestamps, splits, sources and urls never enter: they leak how the rows were collected, not what they say.
2. The encoding is fixed by the sample: categories by frequency, unseen ones share a code of their own.
3. Null is NaN: the models treat it as a value of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Role, Roles
from poisonguard.plugin.check import Evidence

NUMERIC = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN)
MAX_CATEGORIES = 64
MIN_CATEGORY_ROWS = 5
LARGEST = 1e150
"""Numbers beyond this are taken for it: their squares and differences still are numbers."""

Matrix = npt.NDArray[np.float64]


def feature_columns(columns: Sequence[Column], roles: Roles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(numeric, categorical) feature columns by name, in schema order."""
    features = [column for column in columns if roles.of(column.name) is Role.FEATURE]
    numeric = tuple(column.name for column in features if column.kind in NUMERIC)
    return numeric, tuple(column.name for column in features if column.kind is Kind.STRING)


def common_columns(columns: Sequence[str], evidence: Evidence, reference: Evidence | None) -> tuple[str, ...]:
    """Those of the candidate's ``columns`` that the reference holds alike; all of them without a reference.

    Numbers of any type are alike, and a column of nulls is like any other.
    """
    if reference is None:
        return tuple(columns)
    kinds = {column.name: column.kind for column in evidence.columns}
    known = {column.name: column.kind for column in reference.columns}
    return tuple(name for name in columns if name in known and _alike(kinds[name], known[name]))


def without_others(columns: Sequence[str], common: Sequence[str]) -> str:
    """A note on the columns that the reference lacks; empty when it lacks none."""
    missing = len(set(columns) - set(common))
    noun = "column" if missing == 1 else "columns"
    return f"without {missing:,} {noun} that the reference lacks or holds in another type" if missing else ""


def _alike(kind: Kind, known: Kind) -> bool:
    return Kind.NULL in (kind, known) or kind is known or (kind in NUMERIC and known in NUMERIC)


def numbers(table: pa.Table | pa.RecordBatch, column: str) -> Matrix:
    """A numeric or boolean column as floats within ``LARGEST``, null and infinite as NaN, shape (rows,)."""
    values = _array(table, column)
    if pa.types.is_boolean(values.type):
        values = pc.cast(values, pa.int8())
    result = np.array(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    result[~np.isfinite(result)] = np.nan
    return np.clip(result, -LARGEST, LARGEST)


def _array(table: pa.Table | pa.RecordBatch, column: str) -> Any:
    values = table[column]
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one column, most frequent first (ties by name)."""

    column: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, sample: pa.Table, column: str) -> Categories | None:
        """The frequent categories of a column; nothing when it has fewer than two or mostly rare ones."""
        values = [
            value for value in pc.cast(_array(sample, column), pa.large_string()).to_pylist() if value is not None
        ]
        kept = sorted((-rows, name) for name, rows in Counter(values).items() if rows >= MIN_CATEGORY_ROWS)
        covered = -sum(rows for rows, _ in kept[:MAX_CATEGORIES])
        if len(kept) < 2 or covered * 2 < len(values):  # noqa: PLR2004 - half of the values; a constant says nothing
            return None
        return cls(column, tuple(name for _, name in kept[:MAX_CATEGORIES]))

    def codes(self, table: pa.Table | pa.RecordBatch) -> Matrix:
        """Index of each row's category; ``len(names)`` for others, NaN for null, shape (rows,)."""
        values = pc.cast(_array(table, self.column), pa.large_string())
        found = pc.index_in(values, value_set=pa.array(self.names, pa.large_string()))
        codes = np.array(pc.fill_null(found, len(self.names)), dtype=np.float64)
        codes[np.asarray(pc.is_null(values))] = np.nan
        return codes


@dataclass(frozen=True, slots=True)
class TableEncoder:
    """Turns rows into a matrix: the numeric columns, then the categorical ones as codes."""

    numeric: tuple[str, ...]
    categorical: tuple[Categories, ...]

    @classmethod
    def of(cls, sample: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> TableEncoder:
        """The encoding that a sample fixes; columns that hold one value are left out."""
        varied = tuple(name for name in numeric if len(np.unique(numbers(sample, name))) > 1)
        found = (Categories.of(sample, name) for name in categorical)
        return cls(varied, tuple(item for item in found if item is not None))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (*self.numeric, *(item.column for item in self.categorical))

    @property
    def is_category(self) -> npt.NDArray[np.bool_]:
        """Which columns of the matrix are categories, shape (columns,)."""
        return np.array([False] * len(self.numeric) + [True] * len(self.categorical), dtype=np.bool_)

    def matrix(self, table: pa.Table | pa.RecordBatch) -> Matrix:
        """Shape (rows, columns)."""
        parts = [numbers(table, name) for name in self.numeric] + [item.codes(table) for item in self.categorical]
        return np.column_stack(parts) if parts else np.zeros((table.num_rows, 0))
