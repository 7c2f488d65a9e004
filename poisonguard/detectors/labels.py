"""Labels as classes, whatever type their column has.

1. A label is its text: 1, "1" and true stay what the column says, null is no label.
2. Classes are fixed by the sample, most frequent first (ties by name); every other label is ``UNKNOWN``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

UNKNOWN = -1
"""Code of a row whose label is null, rare or unseen in the sample."""

Codes = npt.NDArray[np.int64]


def label_texts(table: pa.Table | pa.RecordBatch, column: str) -> Any:
    """The labels of a column as an Arrow array of large strings; null stays null."""
    values = table[column]
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_floating(values.type):
        # 1.0 is the class 1: readers turn integer labels with a null into floats.
        whole = pc.equal(values, pc.floor(values))
        if pc.all(whole, min_count=0).as_py():
            values = pc.cast(values, pa.int64())
    return pc.cast(values, pa.large_string())


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a label column, in order of code."""

    column: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, sample: pa.Table, column: str, *, min_rows: int, limit: int) -> Classes:
        """The ``limit`` most frequent labels that at least ``min_rows`` sampled rows carry."""
        counts = Counter(label_texts(sample, column).drop_null().to_pylist())
        kept = sorted((-rows, name) for name, rows in counts.items() if rows >= min_rows)
        return cls(column, tuple(name for _, name in kept[:limit]))

    def codes(self, table: pa.Table | pa.RecordBatch) -> Codes:
        """Code of each row's label, ``UNKNOWN`` where it has none, shape (rows,)."""
        found = pc.index_in(label_texts(table, self.column), value_set=pa.array(self.names, pa.large_string()))
        return np.asarray(pc.fill_null(found, UNKNOWN), dtype=np.int64)
