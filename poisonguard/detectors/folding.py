"""Which fold of a cross-validation each row is dealt into.

1. A fold never depends on the label. The hash of a whole row covers it: all copies of one text with one label would
   lie in one fold, those with another label in another, and each model would know only the wrong one of the two.
2. So rows are dealt by the hash of what the models read, and rows that read alike are judged by a model of others.
3. Where rows that read alike are copies of each other, the hash of the whole row says the same. Where most of them are
   told apart by something else, such as an identifier, it is random among them, and models know every reading: it
   deals the rows of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poisonguard.detectors.features_text import Hashes, Integers
from poisonguard.kernels.columnhash import column_hashes, combined

SEED = 0
TOLD_APART = 0.5
"""Share of the rows that read like an earlier one and yet are no copies of it, from which the row hash deals."""


@dataclass(frozen=True, slots=True)
class Dealing:
    """How rows are dealt, the same for a row of the sample and for any other.

    Attributes:
        columns: What the models read.
        folds: How many folds there are.
        by_row: Whether the hash of the whole row decides.
    """

    columns: tuple[str, ...]
    folds: int
    by_row: bool

    @classmethod
    def of(cls, sample: pa.Table, hashes: Hashes, columns: Sequence[str], folds: int) -> Dealing:
        """How rows like those of a sample with these row hashes are dealt."""
        readings = len(np.unique(readings_of(sample, columns)))
        different = len(np.unique(hashes)) - readings
        by_row = different == 0 or different >= TOLD_APART * (len(hashes) - readings)
        return cls(tuple(columns), folds, by_row)

    def fold(self, table: pa.Table | pa.RecordBatch, hashes: Hashes) -> Integers:
        """The fold of each row, shape (rows,)."""
        keys = hashes if self.by_row else readings_of(table, self.columns)
        return (keys % np.uint64(self.folds)).astype(np.int64)


def readings_of(table: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> Hashes:
    """A hash of what each row holds in some columns, shape (rows,)."""
    return combined(np.column_stack([_hashes(table[name]) for name in columns]))


def _hashes(values: pa.Array | pa.ChunkedArray) -> Hashes:
    """Numbers as floats: a sample joined with a reference's may have widened them."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    is_number = pa.types.is_integer(whole.type) or pa.types.is_floating(whole.type) or pa.types.is_boolean(whole.type)
    return column_hashes(whole.cast(pa.float64(), safe=False) if is_number else whole, SEED)
