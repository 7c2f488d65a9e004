"""Verdicts on the expectations that exact sketches decide, with Great Expectations' own semantics.

Differences are deliberate and all in the strict direction: a column without a value, or a missing column,
fails what is expected of its values (GX passes the first and crashes on the second); an expectation that does
not fit the column's type fails and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.detectors.contract_suite import Expectation
from poisonguard.domain.dataset import Column, Kind
from poisonguard.errors import ConfigurationError
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch, plain
from poisonguard.sketches.profile import ColumnProfile, Profile, read_profile
from poisonguard.sketches.rules import Argument, Rule, RuleCounts, RuleMismatchError, breaks, moment
from poisonguard.sketches.sample import RowSample
from poisonguard.sketches.values import ValueCounts, ValueHashes, present, repeated

SAMPLE = RowSample()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation.

    Attributes:
        held: Whether the data hold it.
        observed: What was seen, in words.
        unexpected: Values that break it.
        judged: Values it was asked of.
        sampled: Whether a sample decided.
    """

    held: bool
    observed: str
    unexpected: int = 0
    judged: int = 0
    sampled: bool = False


RULES: dict[str, str] = {
    "expect_column_values_to_be_between": "between",
    "expect_column_values_to_be_in_set": "in_set",
    "expect_column_values_to_not_be_in_set": "not_in_set",
    "expect_column_value_lengths_to_be_between": "lengths_between",
    "expect_column_value_lengths_to_equal": "lengths_between",
    "expect_column_values_to_match_regex": "match_regex",
    "expect_column_values_to_not_match_regex": "not_match_regex",
}
"""Expectations that judge each value by itself."""

_KINDS = {
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.STRING: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("us"),
}


def rule_of(expectation: Expectation) -> Rule | None:
    """The rule on single values that an expectation stands for, if it is one."""
    predicate = RULES.get(expectation.type)
    if predicate is None or expectation.column is None:
        return None
    arguments = {name: value for name, value in expectation.arguments if name not in ("column", "mostly")}
    if "value" in arguments:
        arguments = {"min_value": arguments["value"], "max_value": arguments["value"]}
    return Rule(expectation.column, predicate, tuple(sorted(arguments.items())))


def mismatch(rule: Rule, column: Column) -> str | None:
    """Why ``rule`` cannot judge values of that kind; nothing when it can.

    Raises:
        ConfigurationError: The rule's regular expression is not valid.
    """
    regex = dict(rule.arguments).get("regex")
    if regex is not None:
        try:
            pc.match_substring_regex(pa.array([""]), pattern=str(regex))
        except pa.ArrowInvalid as error:
            hint = "Expressions are RE2: no look-around, no back-references."
            raise ConfigurationError(f"the contract's expression {regex!r} is not valid", hint=hint) from error
    kind = _KINDS.get(column.kind)
    if kind is None:
        return f"column {column.name!r} holds {column.type}"
    try:
        breaks(rule, pa.array([], kind))
    except RuleMismatchError as error:
        return str(error)
    return None


def sketches_for(expectation: Expectation, columns: Sequence[Column]) -> tuple[Sketch, ...]:
    """The sketches that decide ``expectation``, on columns that exist and fit."""
    column = next((item for item in columns if item.name == expectation.column), None)
    if column is None:
        return ()
    rule = rule_of(expectation)
    profile = ColumnProfile(column.name)
    if rule is not None:
        return (profile,) if mismatch(rule, column) else (profile, RuleCounts(rule))
    if expectation.type == "expect_column_values_to_be_unique":
        return (profile, ValueHashes(column.name))
    return (profile, ValueCounts(column.name)) if expectation.type in _BY_VALUE_COUNTS else (profile,)


def judge_exact(expectation: Expectation, evidence: Evidence) -> Verdict:
    """The verdict on one of ``contract_suite.EXACT``."""
    about_table = _TABLE.get(expectation.type)
    if about_table is not None:
        return about_table(expectation, evidence)
    column = next((item for item in evidence.columns if item.name == expectation.column), None)
    if column is None:
        return Verdict(held=False, observed="the column is missing")
    if expectation.type in _TYPE:
        return _judge_type(expectation, column)
    profile = read_profile(evidence[ColumnProfile(column.name)])
    if expectation.type in _ABSENCE:
        return _ABSENCE[expectation.type](expectation, profile)
    return _judge_values(expectation, column, profile, evidence)


def _judge_values(expectation: Expectation, column: Column, profile: Profile, evidence: Evidence) -> Verdict:
    if not profile.present:
        return Verdict(held=False, observed="the column holds no value")
    rule = rule_of(expectation)
    if rule is not None:
        return _judge_rule(expectation, rule, column, evidence)
    return _COLUMN[expectation.type](expectation, profile, evidence)


def _judge_rule(expectation: Expectation, rule: Rule, column: Column, evidence: Evidence) -> Verdict:
    problem = mismatch(rule, column)
    if problem:
        return Verdict(held=False, observed=problem)
    counts = RuleCounts(rule)
    if counts in evidence:
        state = evidence[counts].to_pylist()[0]
        return _mostly(expectation, state["broken"], state["judged"])
    # A contract derived while scanning came too late for a pass of its own: the sample decides, and says so.
    rows = evidence[SAMPLE]
    values = present(plain(rows[column.name].combine_chunks()))
    broken = pc.sum(breaks(rule, values)).as_py() or 0
    return _mostly(expectation, broken, len(values), sampled=rows.num_rows < evidence.rows)


def _mostly(expectation: Expectation, unexpected: int, judged: int, *, sampled: bool = False) -> Verdict:
    if not judged:
        return Verdict(held=False, observed="no value to judge", sampled=sampled)
    held = (judged - unexpected) / judged >= expectation.mostly
    observed = f"{unexpected} of {judged} values ({unexpected / judged:.2%}) break it"
    return Verdict(held, observed, unexpected, judged, sampled)


def _unique(expectation: Expectation, profile: Profile, evidence: Evidence) -> Verdict:
    hashes, counts = ValueHashes(str(expectation.column)), ValueCounts(str(expectation.column))
    if hashes in evidence:
        return _mostly(expectation, repeated(evidence[hashes]), profile.present)
    state = evidence[counts]
    several = state.filter(pc.greater(state["count"], 1))
    judged = pc.sum(state["count"]).as_py() or 0
    return _mostly(expectation, pc.sum(several["count"]).as_py() or 0, judged, sampled=not counts.is_complete(state))


Ordered = float | str | datetime


def _between(value: Ordered, expectation: Expectation) -> bool:
    """Whether ``value`` keeps the bounds; a bound of another sort is not kept."""
    try:
        low, high = (_bound(expectation.get(name), value) for name in ("min_value", "max_value"))
        above = low is None or low < value or (low == value and not expectation.get("strict_min"))  # type: ignore[operator] # a clash of sorts is caught
        below = high is None or value < high or (value == high and not expectation.get("strict_max"))  # type: ignore[operator] # the same
    except (TypeError, ValueError):
        return False
    return bool(above and below)


def _bound(bound: Argument, value: Ordered) -> Ordered | None:
    if bound is None or isinstance(bound, tuple):
        return None
    return moment(str(bound)) if isinstance(value, datetime) else bound


def _figure(value: Ordered, expectation: Expectation) -> Verdict:
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return Verdict(_between(value, expectation), f"observed {shown}")


def _extreme(expectation: Expectation, profile: Profile, evidence: Evidence) -> Verdict:
    lowest = expectation.type == "expect_column_min_to_be_between"
    number, text = (profile.minimum, profile.text_minimum) if lowest else (profile.maximum, profile.text_maximum)
    if number is None and text is None:
        return Verdict(held=False, observed="values have no order")
    if number is not None or text is None:
        return _figure(number or 0.0, expectation)
    kind = next(item.kind for item in evidence.columns if item.name == expectation.column)
    return _figure(moment(text) if kind is Kind.TIMESTAMP else text, expectation)


def _distinct(expectation: Expectation, profile: Profile, evidence: Evidence) -> Verdict:
    sketch = ValueCounts(str(expectation.column))
    count = sketch.distinct(evidence[sketch])
    share = expectation.type == "expect_column_proportion_of_unique_values_to_be_between"
    verdict = _figure(count / profile.present if share else count, expectation)
    return Verdict(verdict.held, verdict.observed, sampled=not sketch.is_complete(evidence[sketch]))


def _distinct_set(expectation: Expectation, profile: Profile, evidence: Evidence) -> Verdict:
    del profile
    sketch = ValueCounts(str(expectation.column))
    state, wanted = evidence[sketch], expectation.get("value_set")
    listed = wanted if isinstance(wanted, tuple) else ()
    column = next(item for item in evidence.columns if item.name == expectation.column)
    if not sketch.is_complete(state):
        return Verdict(held=False, observed=f"more than {sketch.limit} distinct values", sampled=True)
    held, expected = set(state["value"].to_pylist()), _canonical(listed, column.kind)
    strange, lacking = held - expected, expected - held
    problems = {
        "expect_column_distinct_values_to_be_in_set": strange,
        "expect_column_distinct_values_to_contain_set": lacking,
        "expect_column_distinct_values_to_equal_set": strange | lacking,
    }[expectation.type]
    shown = ", ".join(repr(value[:40]) for value in sorted(problems)[:5])
    return Verdict(not problems, f"{len(held)} distinct values" + (f"; strange or lacking: {shown}" if shown else ""))


def _canonical(items: tuple[Argument, ...], kind: Kind) -> set[str]:
    """Items as the sketches write them; an item of another sort than the column matches nothing."""
    if kind in (Kind.INTEGER, Kind.FLOAT):
        numbers = [float(item) for item in items if isinstance(item, int | float)]
        texts: list[str] = pa.array(numbers, pa.float64()).cast(pa.string()).to_pylist()
        return {*texts, *(f"#{item}" for item in items if isinstance(item, str))}
    if kind is Kind.BOOLEAN:
        return {str(bool(item)).lower() for item in items if not isinstance(item, str)}
    return {str(item) if isinstance(item, str) else f"#{item}" for item in items}


def _absent(expectation: Expectation, profile: Profile) -> Verdict:
    return _mostly(expectation, profile.present, profile.rows)


def _not_absent(expectation: Expectation, profile: Profile) -> Verdict:
    return _mostly(expectation, profile.rows - profile.present, profile.rows)


def _present_share(expectation: Expectation, profile: Profile) -> Verdict:
    return _figure(profile.present / profile.rows if profile.rows else 0.0, expectation)


def _row_count(expectation: Expectation, evidence: Evidence) -> Verdict:
    return _count(evidence.rows, expectation)


def _column_count(expectation: Expectation, evidence: Evidence) -> Verdict:
    return _count(len(evidence.columns), expectation)


def _count(count: int, expectation: Expectation) -> Verdict:
    wanted = expectation.get("value")
    held = count == wanted if wanted is not None else _between(count, expectation)
    return Verdict(held, f"observed {count}")


def _exists(expectation: Expectation, evidence: Evidence) -> Verdict:
    names = [column.name for column in evidence.columns]
    index = expectation.get("column_index")
    held = expectation.column in names and (index is None or names.index(str(expectation.column)) == index)
    return Verdict(
        held, "present, in another place" if expectation.column in names and not held else "the column is missing"
    )


def _column_set(expectation: Expectation, evidence: Evidence) -> Verdict:
    wanted, held = expectation.get("column_set"), {column.name for column in evidence.columns}
    expected = {str(name) for name in wanted} if isinstance(wanted, tuple) else set()
    missing, strange = sorted(expected - held), sorted(held - expected)
    exact = expectation.get("exact_match", True) is not False
    return Verdict(not missing and not (exact and strange), f"missing {missing}, unknown {strange}")


def _column_order(expectation: Expectation, evidence: Evidence) -> Verdict:
    names = tuple(column.name for column in evidence.columns)
    return Verdict(names == expectation.get("column_list"), f"columns are {list(names)}")


def _judge_type(expectation: Expectation, column: Column) -> Verdict:
    listed = expectation.get("type_list")
    names = {str(name) for name in listed} if isinstance(listed, tuple) else {str(expectation.get("type_"))}
    return Verdict(bool(names & {column.type, *TYPE_NAMES.get(column.kind, ())}), f"values are {column.type}")


TYPE_NAMES: dict[Kind, tuple[str, ...]] = {
    Kind.INTEGER: ("int64", "int", "Int64", "INTEGER", "INT", "BIGINT", "LongType", "IntegerType"),
    Kind.FLOAT: ("float64", "float", "Float64", "double", "DOUBLE", "FLOAT", "REAL", "DoubleType", "FloatType"),
    Kind.BOOLEAN: ("bool", "boolean", "BOOLEAN", "BooleanType"),
    Kind.STRING: ("str", "string", "object", "STRING", "VARCHAR", "TEXT", "StringType"),
    Kind.TIMESTAMP: ("datetime64[ns]", "datetime64[us]", "datetime64", "TIMESTAMP", "DATETIME", "TimestampType"),
}
"""Names by which suites written for pandas, SQL or Spark call a kind; the exact Arrow type is a name, too."""

_TABLE: dict[str, Callable[[Expectation, Evidence], Verdict]] = {
    "expect_table_row_count_to_be_between": _row_count,
    "expect_table_row_count_to_equal": _row_count,
    "expect_table_column_count_to_be_between": _column_count,
    "expect_table_column_count_to_equal": _column_count,
    "expect_table_columns_to_match_set": _column_set,
    "expect_table_columns_to_match_ordered_list": _column_order,
    "expect_column_to_exist": _exists,
}
_TYPE = {"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"}
_ABSENCE: dict[str, Callable[[Expectation, Profile], Verdict]] = {
    "expect_column_values_to_be_null": _absent,
    "expect_column_values_to_not_be_null": _not_absent,
    "expect_column_proportion_of_non_null_values_to_be_between": _present_share,
}
_COLUMN: dict[str, Callable[[Expectation, Profile, Evidence], Verdict]] = {
    "expect_column_values_to_be_unique": _unique,
    "expect_column_min_to_be_between": _extreme,
    "expect_column_max_to_be_between": _extreme,
    "expect_column_unique_value_count_to_be_between": _distinct,
    "expect_column_proportion_of_unique_values_to_be_between": _distinct,
    "expect_column_distinct_values_to_be_in_set": _distinct_set,
    "expect_column_distinct_values_to_contain_set": _distinct_set,
    "expect_column_distinct_values_to_equal_set": _distinct_set,
}
_BY_VALUE_COUNTS = set(_COLUMN) - {"expect_column_min_to_be_between", "expect_column_max_to_be_between"}
