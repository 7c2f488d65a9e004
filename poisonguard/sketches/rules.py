"""How many values of a column break a rule: exact for any number of distinct values, in one pass.

A rule is a column, a predicate by name and its arguments; ``breaks`` is the only place that knows what the
names mean. Semantics are Great Expectations': null and NaN are not judged by a rule on values (they are what
the null rules judge), bounds are inclusive unless strict, a regular expression may match anywhere in the text.
Regular expressions run in RE2, which takes linear time whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.values import as_text, present

Scalar = str | int | float | bool | None
Argument = Scalar | tuple[Scalar, ...]

WHOLE = pa.decimal128(38, 0)
"""Integers of any kind, and bounds on them."""
BEYOND = 10**30
"""Further away than any integer of a column."""

_SCHEMA = pa.schema([("judged", pa.int64()), ("broken", pa.int64())])


class RuleMismatchError(ValueError):
    """A rule's arguments do not fit the column's type, or are malformed."""


@dataclass(frozen=True)
class Rule:
    """A named predicate on the values of one column; ``arguments`` are sorted by name."""

    column: str
    predicate: str
    arguments: tuple[tuple[str, Argument], ...]


@dataclass(frozen=True)
class RuleCounts(Sketch):
    """State: one row, ``judged`` values and how many of them are ``broken``."""

    rule: Rule

    @property
    def columns(self) -> tuple[str, ...]:
        """The rule's column."""
        return (self.rule.column,)

    def fold(self, block: Block) -> pa.Table:
        """Counts of the block."""
        values = present(plain(block.table.column(self.rule.column)))
        broken = pc.sum(breaks(self.rule, values)).as_py() or 0
        return pa.table([[len(values)], [broken]], schema=_SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Sums."""
        table = pa.concat_tables([_SCHEMA.empty_table(), *states])
        return pa.table([[pc.sum(table[name]).as_py() or 0] for name in _SCHEMA.names], schema=_SCHEMA)


def breaks(rule: Rule, values: pa.Array) -> pa.Array:
    """Which of ``values`` (no nulls, no NaN) break the rule: boolean, same length.

    Raises:
        RuleMismatchError: The arguments do not fit the values' type.
    """
    arguments = dict(rule.arguments)
    try:
        return _PREDICATES[rule.predicate](values, arguments)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise RuleMismatchError(
            f"column {rule.column!r} ({values.type}) cannot be judged by {rule.predicate}: {reason}"
        ) from error


def _between(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    broken = pa.repeat(pa.scalar(value=False), len(values))
    comparable = _comparable(values)
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None:
        too_low = pc.less_equal if arguments.get("strict_min") else pc.less
        broken = pc.or_(broken, too_low(comparable, _bound(low, comparable.type, up=too_low is pc.less)))
    if high is not None:
        too_high = pc.greater_equal if arguments.get("strict_max") else pc.greater
        broken = pc.or_(broken, too_high(comparable, _bound(high, comparable.type, up=too_high is pc.greater_equal)))
    return broken


def _comparable(values: pa.Array) -> pa.Array:
    kind = values.type
    if pt.is_boolean(kind):
        values, kind = values.cast(pa.uint8()), pa.uint8()
    if pt.is_integer(kind):
        # Against a double, Arrow refuses integers beyond 2**53.
        return values.cast(WHOLE)
    return values.cast(pa.float64()) if pt.is_decimal(kind) else values


def _bound(bound: Argument, kind: pa.DataType, *, up: bool) -> pa.Scalar:
    """``bound`` in the values' type; among integers, a fraction is the next integer ``up`` or down."""
    number = isinstance(bound, int | float) and not isinstance(bound, bool)
    if pt.is_decimal(kind) or pt.is_floating(kind):
        if not isinstance(bound, int | float) or isinstance(bound, bool):
            raise ValueError(f"{bound!r} is not a number")
        if pt.is_floating(kind):
            return pa.scalar(float(bound))
        whole = ceil(bound) if up else floor(bound)
        return pa.scalar(Decimal(max(-BEYOND, min(BEYOND, whole))), WHOLE)
    if number:
        raise ValueError(f"{bound!r} is a number, the column is not")
    if pt.is_timestamp(kind):
        held = moment(str(bound))
        return pa.scalar(held if kind.tz is None else held.replace(tzinfo=UTC), kind)
    return pa.scalar(bound).cast(kind)


def moment(text: str) -> datetime:
    """The UTC time that ISO 8601 text stands for, without a zone; text without a zone is UTC.

    Raises:
        ValueError: It is no such text.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _in_set(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    return pc.invert(_member(values, arguments))


def _member(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    """Membership by canonical text among the items that are of the column's sort: ``"1"`` is not ``1``."""
    items = arguments["value_set"]
    if not isinstance(items, tuple):
        raise ValueError("value_set is not a list")  # noqa: TRY004 - a malformed contract, like the rest here
    return pc.is_in(as_text(values), value_set=pa.array(_texts(items, values.type), pa.string()))


def _texts(items: tuple[Scalar, ...], kind: pa.DataType) -> list[str]:
    numeric = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
    if numeric or pt.is_boolean(kind):
        numbers = [item for item in items if isinstance(item, int | float)]
        texts: list[str] = as_text(pa.array([float(item) for item in numbers], pa.float64())).to_pylist()
        if pt.is_integer(kind):  # a double would change large ones
            texts = [
                str(int(item)) if isinstance(item, int) else text for item, text in zip(numbers, texts, strict=True)
            ]
        return [_BOOLEANS.get(text, text) for text in texts] if pt.is_boolean(kind) else texts
    if pt.is_temporal(kind):
        moments = pa.array([item for item in items if isinstance(item, str)], pa.string())
        return list(as_text(moments.cast(kind)).to_pylist())
    return [item for item in items if isinstance(item, str)]


_BOOLEANS = {"1": "true", "0": "false"}


def _lengths(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    return _between(pc.utf8_length(values), arguments)


def _matches(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    return pc.match_substring_regex(values, pattern=str(arguments["regex"]))


def _misses(values: pa.Array, arguments: dict[str, Argument]) -> pa.Array:
    return pc.invert(_matches(values, arguments))


_PREDICATES: dict[str, Callable[[pa.Array, dict[str, Argument]], pa.Array]] = {
    "between": _between,
    "in_set": _in_set,
    "not_in_set": _member,
    "lengths_between": _lengths,
    "match_regex": _misses,
    "not_match_regex": _matches,
}
