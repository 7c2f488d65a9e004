"""Derives a contract from an approved version: what a next version must not quietly stop to be.

The result is a Great Expectations suite, meant to be read, edited and signed by a steward. Bounds have margins,
so that an honest next version holds them: column drift finds what moves inside, the contract what leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, sqrt
from typing import Any

from poisonguard.detectors.contract_exact import TYPE_NAMES
from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Role, Roles
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.profile import ColumnProfile, Profile, read_profile
from poisonguard.sketches.values import ValueCounts

FEW_VALUES = 50
"""Up to so many distinct values a column may be a set of categories."""

ROWS_PER_VALUE = 20
"""Rows that each value must have on average before the set counts as known."""

UNSEEN = 0.002
"""Share of the next values that may be new to a set; beyond it the set is not known (Good-Turing: once / all)."""

OUTLIERS = 0.99
"""Share of the values that must lie in the range: one honest outlier breaks no contract."""

NULL_MARGIN = 0.02
"""Share of further null values that is accepted."""

UNBOUNDED = {Role.ID, Role.TIMESTAMP, Role.URL, Role.SOURCE, Role.SPLIT}
"""Roles whose values honestly leave any range and set."""

NUMBERS = (Kind.INTEGER, Kind.FLOAT)

Configuration = dict[str, Any]


def derive_suite(evidence: Evidence, roles: Roles, name: str) -> dict[str, Any]:
    """A suite that ``evidence`` holds, with margins.

    Args:
        evidence: The approved version; needs ``ColumnProfile`` and ``ValueCounts`` of the columns to bound.
        roles: What its columns mean.
        name: Name of the suite.
    """
    columns = [column.name for column in evidence.columns]
    expectations = [_expect("expect_table_columns_to_match_set", column_set=columns, exact_match=False)]
    for column in evidence.columns:
        expectations += _of_column(column, roles.of(column.name), evidence)
    return {"name": name, "expectations": expectations, "meta": {"derived_from": evidence.name}}


def _of_column(column: Column, role: Role | None, evidence: Evidence) -> Iterator[Configuration]:
    if column.kind in TYPE_NAMES:
        kinds = {*TYPE_NAMES[column.kind], *(TYPE_NAMES[Kind.INTEGER] if column.kind is Kind.FLOAT else ())}
        yield _expect("expect_column_values_to_be_in_type_list", column=column.name, type_list=sorted(kinds))
    if ColumnProfile(column.name) not in evidence:
        return
    profile = read_profile(evidence[ColumnProfile(column.name)])
    yield from _presence(column.name, profile)
    if not profile.present:
        return
    if role is Role.ID:
        yield from _key(column.name, profile, evidence)
    if role not in UNBOUNDED:
        yield from _values(column, profile, evidence)


def _presence(column: str, profile: Profile) -> Iterator[Configuration]:
    rate = profile.absent_rate
    ceiling = rate + NULL_MARGIN + 4 * sqrt(rate * (1 - rate) / max(1, profile.rows))
    if ceiling < 1:
        yield _expect("expect_column_values_to_not_be_null", column=column, mostly=_share(1 - ceiling))


def _key(column: str, profile: Profile, evidence: Evidence) -> Iterator[Configuration]:
    counts = ValueCounts(column)
    if counts in evidence and max(evidence[counts]["count"].to_pylist(), default=0) == 1 and profile.present > 1:
        yield _expect("expect_column_values_to_be_unique", column=column)


def _values(column: Column, profile: Profile, evidence: Evidence) -> Iterator[Configuration]:
    known = _known_values(column, profile, evidence)
    if known:
        yield _expect("expect_column_values_to_be_in_set", column=column.name, value_set=known, mostly=0.99)
    elif column.kind in NUMBERS and profile.minimum is not None and profile.maximum is not None:
        bounds = _range(profile.minimum, profile.maximum)
        if bounds:
            yield _expect("expect_column_values_to_be_between", column=column.name, **bounds, mostly=OUTLIERS)
    if column.kind is Kind.STRING and not known and profile.longest is not None:
        shortest = min(profile.shortest or 0, 1)
        longest = 2 * profile.longest + 10
        yield _expect(
            "expect_column_value_lengths_to_be_between",
            column=column.name,
            min_value=shortest,
            max_value=longest,
            mostly=OUTLIERS,
        )


def _known_values(column: Column, profile: Profile, evidence: Evidence) -> list[str | float | bool]:
    """The values of a column of categories, most frequent first; nothing when it is none."""
    counts = ValueCounts(column.name)
    if column.kind is Kind.FLOAT or column.kind not in TYPE_NAMES or counts not in evidence:
        return []
    state = evidence[counts]
    if not 0 < state.num_rows <= min(FEW_VALUES, profile.present / ROWS_PER_VALUE):
        return []
    once = state["count"].to_pylist().count(1)
    # Without a value seen once, one still to come counts as half: few rows prove no set closed.
    if (once + 0.5) / profile.present > UNSEEN:
        return []
    ordered = state.sort_by([("count", "descending"), ("value", "ascending")])["value"].to_pylist()
    return [_typed(value, column.kind) for value in ordered]


def _typed(value: str, kind: Kind) -> str | float | bool:
    if kind is Kind.BOOLEAN:
        return value == "true"
    return int(value) if kind is Kind.INTEGER else value


def _range(low: float, high: float) -> dict[str, float]:
    """One span to either side; a column that was never negative stays so; no bound where there is no number."""
    span = (high - low) or max(abs(high), 1.0)
    bounds = {"min_value": 0.0 if low >= 0 else low - span, "max_value": 0.0 if high <= 0 else high + span}
    return {name: bound for name, bound in bounds.items() if isfinite(bound)}


def _share(value: float) -> float:
    return round(max(0.0001, value), 4)


def _expect(name: str, **kwargs: Any) -> Configuration:
    return {"type": name, "kwargs": kwargs, "severity": "warning"}
