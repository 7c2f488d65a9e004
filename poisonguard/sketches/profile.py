"""What one pass can say exactly about one column: counts, range and lengths; one row of state.

Every figure is an integer count, a minimum, a maximum or an integer sum, so that merging is exact in any
order. Rules: null and NaN are absent values, counted apart; a length is counted in characters (bytes for
binary); the text range is cut to ``TEXT_PREFIX`` characters, which keeps the order and so the merge exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.kernels.describe import described
from poisonguard.kernels.utf8 import utf8_buffers
from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.ordered_numbers import holds_numbers, ordered_numbers
from poisonguard.sketches.values import as_text

TEXT_PREFIX = 128
"""Characters of the smallest and largest text that are kept: enough to tell a reader, bounded for documents."""

_COUNTS = ("rows", "nulls", "nans", "zeros", "negatives", "empties", "fractions", "total_length")
_SCHEMA = pa.schema(
    [(name, pa.int64()) for name in _COUNTS]
    + [(name, pa.float64()) for name in ("minimum", "maximum")]
    + [(name, pa.string()) for name in ("text_minimum", "text_maximum")]
    + [(name, pa.int64()) for name in ("shortest", "longest")]
)
_ROW = pa.struct(list(_SCHEMA))


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
        row = dict.fromkeys(_COUNTS, 0) | {"rows": len(values), "nulls": values.null_count}
        return _state(
            row | (_numbers(block, self.column) if holds_numbers(values.type) else _texts(values.drop_null()))
        )

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Sums of the counts, smallest of the minima, largest of the maxima."""
        columns = pa.concat_tables([_SCHEMA.empty_table(), *states]).to_pydict()
        return _state({name: _joined(name, values) for name, values in columns.items()})


_LEAST = ("minimum", "text_minimum", "shortest")


def _joined(name: str, values: list[Any]) -> Any:
    if name in _COUNTS:
        return sum(values)
    held = [value for value in values if value is not None]
    # Texts by code points, as their bytes are ordered.
    return (min if name in _LEAST else max)(held, default=None)


def _state(row: dict[str, Any]) -> pa.Table:
    return pa.Table.from_struct_array(pa.array([row], _ROW))


def read_profile(state: pa.Table) -> Profile:
    """The profile that a state holds."""
    return Profile(**state.to_pylist()[0])


def _numbers(block: Block, column: str) -> dict[str, int | float | str | None]:
    numbers = ordered_numbers(block, column)
    least, largest = numbers.ends or (None, None)
    return {
        "nans": numbers.nans,
        "negatives": numbers.below_zero,
        "zeros": numbers.up_to_zero - numbers.below_zero,
        "fractions": numbers.fractions,
        "minimum": least,
        "maximum": largest,
    }


def _texts(values: pa.Array) -> dict[str, int | float | str | None]:
    kind = values.type
    if pt.is_temporal(kind):
        return _ends(*pc.min_max(as_text(values)).as_py().values())
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return _lengths(pc.binary_length(values))
    if (pt.is_string(kind) or pt.is_large_string(kind)) and len(values):
        found = described(*utf8_buffers(values.cast(pa.large_string())))
        ends = _ends(values[found.least].as_py(), values[found.largest].as_py())
        lengths = {"shortest": found.shortest, "longest": found.longest}
        return ends | lengths | {"empties": found.empties, "total_length": found.characters}
    return {}


def _ends(least: str | None, largest: str | None) -> dict[str, int | float | str | None]:
    # The least of the cut texts is the least text, cut.
    return {
        "text_minimum": None if least is None else least[:TEXT_PREFIX],
        "text_maximum": None if largest is None else largest[:TEXT_PREFIX],
    }


def _lengths(lengths: pa.Array) -> dict[str, int | float | str | None]:
    return {
        "empties": pc.sum(pc.equal(lengths, 0)).as_py() or 0,
        "total_length": pc.sum(lengths).as_py() or 0,
        "shortest": pc.min(lengths).as_py(),
        "longest": pc.max(lengths).as_py(),
    }
