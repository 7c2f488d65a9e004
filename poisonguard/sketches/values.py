"""How often each value of a column occurs: exact, and bounded for columns with very many values.

Up to ``limit`` distinct values every count is kept. Above it the values with the smallest hashes stay, with
their exact counts: a value that is among the smallest of all is among the smallest of any part that holds
it, so nothing is lost on the way (KMV, Bar-Yossef et al., "Counting distinct elements in a data stream",
RANDOM 2002). The largest hash kept tells how many distinct values there are.

Numbers are compared as numbers: ``1`` and ``1.0`` are the same in an integer and in a float column, ``-0.0`` is ``0``.
Everything else is compared by its canonical text. Null and NaN are no values; the profile counts them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.kernels.columnhash import column_hashes
from poisonguard.kernels.fewest import fewest
from poisonguard.kernels.floatkeys import numbers_of
from poisonguard.kernels.keycounts import smallest_hashed
from poisonguard.kernels.ordering import order_of, smallest_places
from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.ordered_numbers import OrderedNumbers, ordered_numbers

VALUE_PREFIX = 256
"""Characters of a value that are kept to show it; the hash covers all of it."""

HASH_KEY = 0x76616C756573
"""Fixed, so that versions scanned years apart can be compared."""
EXACT_DOUBLES = 1 << 53
"""Up to here every whole number is a double of its own."""

HashArray = npt.NDArray[np.uint64]

_HASHES = pa.schema([("hash", pa.uint64())])
_NAMES = ("hash", "value", "count")


@dataclass(frozen=True)
class ValueCounts(Sketch):
    """Counts of the values of ``column``; the ``limit`` values with the smallest hashes if there are more.

    State: ``hash`` uint64 ascending, ``value``, ``count`` int64. Values are numbers or texts until the state is
    finished, then texts: writing numbers costs more than counting them, and most are not kept.
    """

    column: str
    limit: int = 10_000

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """The block's own counts."""
        values = plain(block.table.column(self.column))
        kind = values.type
        if pt.is_integer(kind) or pt.is_floating(kind):
            numbers = ordered_numbers(block, self.column)
            if pt.is_floating(kind) or _all_exact(numbers):
                return self._of_numbers(numbers, kind)
        values = values.drop_null()
        if pt.is_boolean(kind):
            return self._smallest(*_truths(values))
        kept, rows, counts = fewest(value_hashes(values), self.limit)
        held = values.take(pa.array(rows))
        return _state(kept, held if pt.is_integer(kind) else shown(as_text(held)), counts)

    def _of_numbers(self, numbers: OrderedNumbers, kind: pa.DataType) -> pa.Table:
        hashes, keys, counts = smallest_hashed(numbers.keys, HASH_KEY, self.limit)
        held = pa.array(numbers_of(keys))
        return _state(hashes, held.cast(kind) if pt.is_integer(kind) else held, counts)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Counts of all, added by value."""
        # What is empty may be of no column at all, and then of no type that others have.
        held = [state for state in states if state.num_rows] or states[:1]
        if not held:
            return _state(np.empty(0, np.uint64), pa.array([], pa.string()), np.empty(0, np.int64))
        table = pa.concat_tables(held).combine_chunks()
        hashes, counts = table["hash"].to_numpy(), table["count"].to_numpy()
        first = smallest_places(hashes, self.limit)
        if len(first) == len(hashes):
            return self._smallest(hashes, table["value"], counts)
        return self._smallest(hashes[first], table["value"].take(pa.array(first)), counts[first])

    def finished(self, state: pa.Table) -> pa.Table:
        """The counts with every value as text."""
        texts = shown(as_text(state["value"].combine_chunks()))
        return state.set_column(_NAMES.index("value"), "value", texts)

    def is_complete(self, state: pa.Table) -> bool:
        """Whether ``state`` counts every value, not only those with the smallest hashes."""
        return bool(state.num_rows < self.limit)

    def distinct(self, state: pa.Table) -> int:
        """Distinct values: exact when complete, otherwise estimated (standard error about 1/sqrt(limit))."""
        if self.is_complete(state):
            return int(state.num_rows)
        largest = int(state["hash"][state.num_rows - 1].as_py()) + 1
        return max(self.limit, round((self.limit - 1) * 2.0**64 / largest))

    def _smallest(
        self, hashes: HashArray, values: pa.Array | pa.ChunkedArray, counts: npt.NDArray[np.int64]
    ) -> pa.Table:
        order, starts = runs(hashes)
        firsts = order[starts][: self.limit]
        totals = np.add.reduceat(counts[order], starts) if len(order) else counts
        return _state(hashes[firsts], values.take(pa.array(firsts)), totals[: self.limit]).combine_chunks()


@dataclass(frozen=True)
class ValueHashes(Sketch):
    """Hash of every value of ``column``, in row order: what it takes to say exactly how many occur twice.

    State: ``hash`` uint64, one entry per row that holds a value.
    """

    bulky: ClassVar[bool] = True
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """The block's hashes."""
        return pa.table([value_hashes(present(plain(block.table.column(self.column))))], schema=_HASHES)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables([_HASHES.empty_table(), *states]).combine_chunks()


def _state(hashes: HashArray, values: pa.Array, counts: npt.NDArray[np.int64]) -> pa.Table:
    return pa.table([pa.array(hashes), values, pa.array(counts)], names=_NAMES)


def _truths(values: pa.Array) -> tuple[HashArray, pa.Array, npt.NDArray[np.int64]]:
    """Hash, text and count of the truth values that occur."""
    counts = np.array([values.false_count, values.true_count], dtype=np.int64)
    held = pa.array([False, True]).filter(pa.array(counts > 0))
    return value_hashes(held), as_text(held), counts[counts > 0]


def _all_exact(numbers: OrderedNumbers) -> bool:
    """Whether all are whole numbers that a double tells apart."""
    return numbers.ends is None or max(-numbers.ends[0], numbers.ends[1]) < EXACT_DOUBLES


def repeated(state: pa.Table) -> int:
    """How many rows hold a value that another row holds too."""
    hashes = np.sort(state["hash"].to_numpy())
    same = hashes[1:] == hashes[:-1]
    return int(np.count_nonzero(np.append(False, same) | np.append(same, False)))


def runs(keys: HashArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Stable sorting order of ``keys`` and where each distinct key starts in it."""
    order = order_of(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(keys) else np.empty(0, np.intp)
    return order, starts


def present(column: pa.Array) -> pa.Array:
    """The values of ``column`` that are neither null nor NaN."""
    held = column.drop_null()
    return held.filter(pc.invert(pc.is_nan(held))) if pt.is_floating(column.type) else held


def as_text(values: pa.Array) -> pa.Array:
    """Canonical text of each value, shape kept; null and NaN are null."""
    kind = values.type
    if pt.is_floating(kind):
        numbers = pc.add(values.cast(pa.float64()), 0.0)
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.string()), numbers.cast(pa.string()))
    if pt.is_string(kind):
        return values
    if pt.is_nested(kind):
        return pa.array([None if value is None else _json(value) for value in values.to_pylist()], pa.string())
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return pa.array([None if value is None else value.hex() for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def value_hashes(values: pa.Array) -> HashArray:
    """64-bit hash of each value: of numbers by their value, of all else by canonical text; shape (values,).

    Null and NaN get any hash: they are no values.
    """
    if pt.is_floating(values.type) or pt.is_boolean(values.type):
        return column_hashes(values, HASH_KEY)
    if pt.is_integer(values.type):
        return _whole_hashes(values)
    return text_hashes(as_text(values))


def _whole_hashes(values: pa.Array) -> HashArray:
    """Whole numbers hash like the doubles that they are, up to where a double tells them apart."""
    doubles = column_hashes(values.cast(pa.float64(), safe=False), HASH_KEY)
    extremes = pc.min_max(values).as_py()
    if max(-(extremes["min"] or 0), extremes["max"] or 0) <= EXACT_DOUBLES:
        return doubles
    numbers = np.asarray(values.fill_null(0))
    beyond = (numbers > EXACT_DOUBLES) | (numbers < -EXACT_DOUBLES)
    return np.where(beyond, column_hashes(values, HASH_KEY), doubles)


def text_hashes(texts: pa.Array) -> HashArray:
    """64-bit hash of each text, shape (texts,)."""
    return column_hashes(texts, HASH_KEY)


def shown(texts: pa.Array) -> pa.Array:
    """Texts cut to what is kept to show them."""
    return pc.utf8_slice_codeunits(texts, 0, VALUE_PREFIX)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
