"""Reads a data contract: a Great Expectations ExpectationSuite as JSON, default-deny.

A suite is code: GX passes ``row_condition`` to ``DataFrame.query``, which can run a shell command, and SQL
expectations run SQL. So every expectation type, every argument and every argument's form must be on the list
below; anything else is refused with the place it stands at. Also refused: a suite without expectations, two
equal keys in one object, and suite parameters, because what they will hold cannot be signed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from poisonguard.domain.finding import Level
from poisonguard.errors import ConfigurationError
from poisonguard.sketches.rules import Argument

SEVERITIES = {"critical": Level.ERROR, "warning": Level.WARNING, "info": Level.NOTE}
DESCRIPTIVE = {"id", "meta", "notes", "description", "rendered_content"}
"""Keys of an expectation that change no verdict."""

SUITE_KEYS = {"name", "id", "expectations", "meta", "notes"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of a contract.

    Attributes:
        type: Great Expectations' name.
        arguments: Arguments sorted by name; lists are tuples; nothing stands for an absent one.
        level: How serious a violation is.
        number: Its place in the suite, from 1.
    """

    type: str
    arguments: tuple[tuple[str, Argument], ...]
    level: Level
    number: int

    def get(self, name: str, default: Argument = None) -> Argument:
        """An argument, or ``default`` when it is absent."""
        return dict(self.arguments).get(name, default)

    @property
    def column(self) -> str | None:
        """The one column it is about, if it is about one."""
        return _text(self.get("column"))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column it reads."""
        named = [self.get("column"), self.get("column_A"), self.get("column_B")]
        listed = self.get("column_list") if self.type in SAMPLED else ()
        return tuple(str(name) for name in [*named, *(listed if isinstance(listed, tuple) else ())] if name is not None)

    @property
    def mostly(self) -> float:
        """Share of the values that must hold it; 1 when not given."""
        value = self.get("mostly", 1.0)
        return float(value) if isinstance(value, int | float) else 1.0

    @property
    def subject(self) -> str:
        """Stable name."""
        about = ",".join(self.columns)
        return f"{self.type}({about})"


def _text(value: Argument) -> str | None:
    return value if isinstance(value, str) else None


def parse_suite(text: str) -> tuple[Expectation, ...]:
    """The expectations of a suite, in order.

    Raises:
        ConfigurationError: It is no suite, holds no expectations, or holds anything that is not allowed.
    """
    try:
        document = json.loads(text, object_pairs_hook=_distinct_keys, parse_constant=_no_constant)
    except ValueError as error:
        raise ConfigurationError(f"the contract is not valid JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("expectations"), list):
        raise ConfigurationError("the contract is no expectation suite: it has no list of expectations")
    _refuse_unknown(document, SUITE_KEYS, "the contract")
    if not document["expectations"]:
        raise ConfigurationError("the contract holds no expectations", hint="An empty contract accepts everything.")
    return tuple(_expectation(item, number) for number, item in enumerate(document["expectations"], 1))


def _expectation(item: Any, number: int) -> Expectation:
    place = f"expectation {number}"
    if not isinstance(item, dict):
        raise ConfigurationError(f"{place} of the contract is no object")
    name = item.get("type", item.get("expectation_type"))
    allowed = ALLOWED.get(name) if isinstance(name, str) else None
    if allowed is None:
        raise ConfigurationError(f"{place} of the contract has type {name!r}, which is not allowed", hint=_HINT)
    place = f"{place} ({name})"
    _refuse_unknown(item, {"type", "expectation_type", "kwargs", "severity", *DESCRIPTIVE}, place)
    kwargs = item.get("kwargs")
    if not isinstance(kwargs, dict):
        raise ConfigurationError(f"{place} of the contract has no kwargs")
    severity = item.get("severity", "critical")
    if severity not in SEVERITIES:
        raise ConfigurationError(
            f"{place} of the contract has severity {severity!r}", hint=f"One of {list(SEVERITIES)}."
        )
    return Expectation(str(name), _arguments(kwargs, allowed, place), SEVERITIES[severity], number)


def _arguments(kwargs: Mapping[str, Any], allowed: Mapping[str, bool], place: str) -> tuple[tuple[str, Argument], ...]:
    found: dict[str, Argument] = {}
    for name, value in kwargs.items():
        if value is None:
            continue
        if name not in allowed:
            raise ConfigurationError(f"{place} of the contract: argument {name!r} is not allowed", hint=_HINT)
        if name in _WHOLE and isinstance(value, float) and value.is_integer():
            # Great Expectations writes whole numbers as floats.
            value = int(value)  # noqa: PLW2901 - the argument, in the form meant
        if not _FORMS[name](value):
            raise ConfigurationError(f"{place} of the contract: argument {name!r} has a value of the wrong form")
        found[name] = tuple(value) if isinstance(value, list) else value
    missing = sorted(name for name, required in allowed.items() if required and name not in found)
    if missing:
        raise ConfigurationError(f"{place} of the contract lacks the argument {missing[0]!r}")
    if set(allowed) >= _BOUNDED and not _BOUNDED & set(found):
        raise ConfigurationError(f"{place} of the contract sets no bound", hint="Give min_value, max_value or both.")
    return tuple(sorted(found.items()))


def _refuse_unknown(item: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = sorted(set(item) - known)
    if unknown:
        raise ConfigurationError(f"{place}: {unknown[0]!r} is not allowed", hint=_HINT)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_HINT = "Only listed expectations and arguments run, because a suite can carry code; see the contract reference."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_list(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(of, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_WHOLE = frozenset({"column_index", "value"})

_FORMS: dict[str, Callable[[Any], bool]] = {
    "column": _is_text,
    "column_A": _is_text,
    "column_B": _is_text,
    "column_list": _is_list(_is_text),
    "column_set": _is_list(_is_text),
    "column_index": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "exact_match": _is_flag,
    "ignore_row_if": _is_text,
    "max_value": lambda value: _is_number(value) or _is_text(value),
    "min_value": lambda value: _is_number(value) or _is_text(value),
    "mostly": lambda value: _is_number(value) and 0 < value <= 1,
    "or_equal": _is_flag,
    "regex": _is_text,
    "strftime_format": _is_text,
    "strict_max": _is_flag,
    "strict_min": _is_flag,
    "sum_total": _is_number,
    "type_": _is_text,
    "type_list": _is_list(_is_text),
    "value": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "value_set": _is_list(_is_scalar),
}
_BOUNDED = {"min_value", "max_value"}
_BOUNDS = {"min_value": False, "max_value": False, "strict_min": False, "strict_max": False}
_MAP = {"column": True, "mostly": False}
_COUNTS = {"min_value": False, "max_value": False}
_PAIR = {"column_A": True, "column_B": True, "mostly": False, "ignore_row_if": False}

EXACT: dict[str, dict[str, bool]] = {
    "expect_table_row_count_to_be_between": _BOUNDS,
    "expect_table_row_count_to_equal": {"value": True},
    "expect_table_column_count_to_be_between": _BOUNDS,
    "expect_table_column_count_to_equal": {"value": True},
    "expect_table_columns_to_match_set": {"column_set": True, "exact_match": False},
    "expect_table_columns_to_match_ordered_list": {"column_list": True},
    "expect_column_to_exist": {"column": True, "column_index": False},
    "expect_column_values_to_not_be_null": _MAP,
    "expect_column_values_to_be_null": _MAP,
    "expect_column_values_to_be_unique": _MAP,
    "expect_column_values_to_be_between": {**_MAP, **_BOUNDS},
    "expect_column_values_to_be_in_set": {**_MAP, "value_set": True},
    "expect_column_values_to_not_be_in_set": {**_MAP, "value_set": True},
    "expect_column_value_lengths_to_be_between": {**_MAP, **_BOUNDS},
    "expect_column_value_lengths_to_equal": {**_MAP, "value": True},
    "expect_column_values_to_match_regex": {**_MAP, "regex": True},
    "expect_column_values_to_not_match_regex": {**_MAP, "regex": True},
    "expect_column_values_to_be_of_type": {"column": True, "type_": True},
    "expect_column_values_to_be_in_type_list": {"column": True, "type_list": True},
    "expect_column_min_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_max_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_distinct_values_to_be_in_set": {"column": True, "value_set": True},
    "expect_column_distinct_values_to_equal_set": {"column": True, "value_set": True},
    "expect_column_distinct_values_to_contain_set": {"column": True, "value_set": True},
    "expect_column_unique_value_count_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": True, **_BOUNDS},
}
"""Evaluated here, in one pass over all rows: type to its arguments and whether each is required."""

SAMPLED: dict[str, dict[str, bool]] = {
    "expect_column_mean_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_median_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_stdev_to_be_between": {"column": True, **_BOUNDS},
    "expect_column_most_common_value_to_be_in_set": {"column": True, "value_set": True},
    "expect_column_values_to_be_dateutil_parseable": _MAP,
    "expect_column_values_to_be_json_parseable": _MAP,
    "expect_column_values_to_match_strftime_format": {**_MAP, "strftime_format": True},
    "expect_column_pair_values_to_be_equal": _PAIR,
    "expect_column_pair_values_a_to_be_greater_than_b": {**_PAIR, "or_equal": False},
    "expect_multicolumn_sum_to_equal": {"column_list": True, "sum_total": True, "mostly": False},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": True, "mostly": False},
}
"""Evaluated by Great Expectations itself, on the row sample."""

ALLOWED = {**EXACT, **SAMPLED}
