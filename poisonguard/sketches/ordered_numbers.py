"""The numbers of one column of a block, in order: several sketches count them, one sorts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from poisonguard.kernels.describe import fractions
from poisonguard.kernels.floatkeys import ZERO, Keys, numbers_of, sorted_keys
from poisonguard.sketches.base import Block, plain


@dataclass(frozen=True, slots=True, eq=False)
class OrderedNumbers:
    """What is neither null nor NaN.

    Attributes:
        keys: Ascending ordered keys, shape (numbers,).
        nans: How many NaN there were.
        fractions: How many are no integers.
    """

    keys: Keys
    nans: int
    fractions: int

    @property
    def below_zero(self) -> int:
        """Numbers below zero."""
        return int(np.searchsorted(self.keys, ZERO))

    @property
    def up_to_zero(self) -> int:
        """Numbers that are not above zero."""
        return int(np.searchsorted(self.keys, ZERO, side="right"))

    @property
    def ends(self) -> tuple[float, float] | None:
        """The least and the largest; nothing of none."""
        if not self.keys.size:
            return None
        least, largest = numbers_of(self.keys[[0, -1]]).tolist()
        return least, largest


def ordered_numbers(block: Block, column: str) -> OrderedNumbers:
    """The numbers of a column that holds numbers or truth values; of any other column none."""
    found: OrderedNumbers = block.once(("ordered numbers", column), lambda: _ordered(block.table.column(column)))
    return found


def _ordered(column: pa.Array) -> OrderedNumbers:
    values = plain(column)
    if not holds_numbers(values.type):
        return OrderedNumbers(np.empty(0, dtype=np.uint64), 0, 0)
    numbers = doubles(values)
    keys = sorted_keys(numbers)
    nans = numbers.size - keys.size
    whole = pt.is_integer(values.type) or pt.is_boolean(values.type)
    # NaN is not equal to what it is rounded to.
    return OrderedNumbers(keys, nans, 0 if whole else fractions(numbers) - nans)


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether values of a type are numbers or truth values."""
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind))


def doubles(values: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The values that are not null as doubles, shape (present,)."""
    values = values.cast(pa.uint8()) if pt.is_boolean(values.type) else values
    return np.asarray(values.drop_null().cast(pa.float64(), safe=False))
