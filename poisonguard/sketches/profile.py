"""What one pass can say exactly about one column: counts, range and lengths; one row of state.

Every figure is an integer count, a minimum, a maximum or an integer sum, so that merging is exact in any
order. Rules: null and NaN are absent values, counted apart; a length is counted in characters (bytes for
binary); the text range is cut to ``TEXT_PREFIX`` characters, which keeps the order and so the merge exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.kernels.describe import described
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.values import as_text, plain, present

TEXT_PREFIX = 128
"""Characters of the smallest and largest text that are kept: enough to tell a reader, bounded for documents."""

_COUNTS = ("rows", "nulls", "nans", "zeros", "negatives", "empties", "fractions", "total_length")
_SCHEMA = pa.schema(
    [(name, pa.int64()) for name in _COUNTS]
    + [(name, pa.float64()) for name in ("minimum", "maximum")]
    + [(name, pa.string()) for name in ("text_minimum", "text_maximum")]
    + [(name, pa.int64()) for name in ("shortest", "longest")]
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The state of a ``ColumnProfile`` as a value.

    Attributes:
        rows: Rows, null or not.
        nulls: Null rows.
        nans: Rows that are NaN (floats only).
        zeros: Numbers equal to zero; ``False`` counts as zero.
        negatives: Numbers below zero.
        empties: Texts without a character.
        fractions: Numbers that are no integers.
        total_length: Characters of all texts.
        minimum: Smallest number; nothing when the column holds none.
        maximum: Largest number.
        text_minimum: Smallest value as text, cut to ``TEXT_PREFIX``; also for timestamps.
        text_maximum: Largest value as text, cut likewise.
        shortest: Characters of the shortest text.
        longest: Characters of the longest text.
    """

    rows: int
    nulls: int
    nans: int
    zeros: int
    negatives: int
    empties: int
    fractions: int
    total_length: int
    minimum: float | None
    maximum: float | None
    text_minimum: str | None
    text_maximum: str | None
    shortest: int | None
    longest: int | None

    @property
    def present(self) -> int:
        """Rows that hold a value."""
        return self.rows - self.nulls - self.nans

    @property
    def absent_rate(self) -> float:
        """Share of rows that are null or NaN; 0 when there are no rows."""
        return (self.nulls + self.nans) / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class ColumnProfile(Sketch):
    """Exact profile of ``column``; read it with ``read_profile``."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def fold(self, block: Block) -> pa.Table:
        """Profile of the block's rows."""
        values = plain(block.table.column(self.column))
        held = present(values)
        row: dict[str, int | float | str | None] = dict.fromkeys(_COUNTS, 0)
        row |= {"rows": len(values), "nulls": values.null_count, "nans": len(values) - values.null_count - len(held)}
        row |= {**_numbers(held), **_texts(held)}
        return pa.Table.from_pylist([row], schema=_SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Sums of the counts, smallest of the minima, largest of the maxima."""
        table = pa.concat_tables([_SCHEMA.empty_table(), *states])
        row = {name: _AGGREGATE.get(name, pc.sum)(table[name]).as_py() for name in _SCHEMA.names}
        row |= {name: row[name] or 0 for name in _COUNTS}
        return pa.Table.from_pylist([row], schema=_SCHEMA)


_AGGREGATE = {
    "minimum": pc.min,
    "text_minimum": pc.min,
    "shortest": pc.min,
    "maximum": pc.max,
    "text_maximum": pc.max,
    "longest": pc.max,
}


def read_profile(state: pa.Table) -> Profile:
    """The profile that a state holds."""
    return Profile(**state.to_pylist()[0])


def _numbers(values: pa.Array) -> dict[str, int | float | None]:
    kind = values.type
    if not (pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind)):
        return {}
    if pt.is_boolean(kind):
        values = values.cast(pa.uint8())
    numbers = np.asarray(values.cast(pa.float64(), safe=False), dtype=np.float64)
    zeros, negatives, fractions, low, high = described(numbers)
    found = {"zeros": zeros, "negatives": negatives, "fractions": fractions}
    return found | ({"minimum": low, "maximum": high} if len(numbers) else {})


def _texts(values: pa.Array) -> dict[str, int | str | None]:
    kind = values.type
    if pt.is_temporal(kind):
        return _text_range(as_text(values))
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return _lengths(pc.binary_length(values))
    if pt.is_string(kind) or pt.is_large_string(kind):
        return _text_range(values) | _lengths(pc.utf8_length(values))
    return {}


def _text_range(values: pa.Array) -> dict[str, int | str | None]:
    # The least of the cut texts is the least text, cut.
    ends = pc.min_max(values).as_py()
    return {f"text_{side}imum": None if end is None else end[:TEXT_PREFIX] for side, end in ends.items()}


def _lengths(lengths: pa.Array) -> dict[str, int | str | None]:
    return {
        "empties": _true(pc.equal(lengths, 0)),
        "total_length": pc.sum(lengths).as_py() or 0,
        "shortest": pc.min(lengths).as_py(),
        "longest": pc.max(lengths).as_py(),
    }


def _true(mask: pa.Array) -> int:
    return pc.sum(mask).as_py() or 0
