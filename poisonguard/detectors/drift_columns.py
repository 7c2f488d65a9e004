"""Which columns can drift at all, and how each is compared.

Row ids, timestamps and running numbers change in every honest version and dominate every drift test: they
are left out, each with its reason. The others are compared as numbers, as categories or as text. Honest versions
bring new sources: only the mix of those that the reference knows is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow.compute as pc

from poisonguard.detectors.drift_versions import SAMPLE
from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.number_bins import NumberBins
from poisonguard.sketches.profile import ColumnProfile, read_profile
from poisonguard.sketches.values import ValueCounts

FEW_NUMBERS = 20
"""Numbers with no more distinct values than this are codes: compared as categories."""

FEW_TEXTS = 200
"""Strings with no more distinct values than this, each seen about ten times or more, are categories."""

NEARLY_ALL = 0.98
"""Share of distinct values above which a column names its rows."""

EXCLUDED_ROLES = {
    Role.ID: "an id",
    Role.TIMESTAMP: "a timestamp",
    Role.URL: "an address",
    Role.SPLIT: "the split",
}
EXCLUDED_KINDS = {
    Kind.TIMESTAMP: "a timestamp",
    Kind.BINARY: "binary",
    Kind.NESTED: "nested",
    Kind.NULL: "empty",
}
UNKNOWN_PAST = "the reference was scanned without it"
"""A column of both versions that was not compared: the check has not covered what it should."""

NUMBERS = (Kind.INTEGER, Kind.FLOAT)


class Measure(StrEnum):
    """How a column is compared."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Compared:
    """A column and how it is compared."""

    column: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not compared, and why."""

    column: str
    reason: str


def sketches_of(column: str) -> Sequence[Sketch]:
    """What it takes to classify and compare ``column``, besides the row sample."""
    return (ColumnProfile(column), ValueCounts(column))


def counts_of(column: Column) -> Sequence[Sketch]:
    """Counts over all rows that stand in for the sample's."""
    values = ValueCounts(column.name)
    return (values, NumberBins(column.name)) if column.kind in NUMBERS else (values,)


def classify(column: Column, role: Role | None, evidence: Evidence, reference: Evidence) -> Compared | LeftOut:
    """How ``column`` of ``evidence`` is compared with the same column of ``reference``."""
    reason = EXCLUDED_ROLES.get(role) if role else None
    reason = reason or EXCLUDED_KINDS.get(column.kind)
    if reason:
        return LeftOut(column.name, reason)
    other = next((item for item in reference.columns if item.name == column.name), None)
    if other is None:
        return LeftOut(column.name, "not in the reference")
    if any(sketch not in reference for sketch in sketches_of(column.name)):
        return LeftOut(column.name, UNKNOWN_PAST)
    if other.kind != column.kind and not {other.kind, column.kind} <= set(NUMBERS):
        return LeftOut(column.name, f"{other.kind} in the reference, {column.kind} now")
    found = _by_values(column, evidence, reference)
    if role is not Role.SOURCE or isinstance(found, LeftOut):
        return found
    few = found.measure is Measure.CATEGORY
    return Compared(column.name, Measure.SOURCE) if few else LeftOut(column.name, "a source for every few rows")


def _by_values(column: Column, evidence: Evidence, reference: Evidence) -> Compared | LeftOut:
    if column.kind is Kind.BOOLEAN:
        return Compared(column.name, Measure.CATEGORY)
    counts = ValueCounts(column.name)
    distinct = max(counts.distinct(evidence[counts]), counts.distinct(reference[counts]))
    if column.kind in NUMBERS:
        if _runs_on(column, evidence, reference):
            return LeftOut(column.name, "a running number")
        return Compared(column.name, Measure.CATEGORY if distinct <= FEW_NUMBERS else Measure.NUMBER)
    present = read_profile(reference[ColumnProfile(column.name)]).present
    if distinct <= FEW_TEXTS and distinct * 10 <= present:
        return Compared(column.name, Measure.CATEGORY)
    if distinct >= NEARLY_ALL * present and not _has_words(column.name, reference):
        return LeftOut(column.name, "a name for each row")
    return Compared(column.name, Measure.TEXT)


def _runs_on(column: Column, evidence: Evidence, reference: Evidence) -> bool:
    """Whether every row has its own whole number and the numbers lie close together, as row numbers do."""
    return all(_numbers_rows(column, version) for version in (evidence, reference))


def _numbers_rows(column: Column, version: Evidence) -> bool:
    profile, counts = read_profile(version[ColumnProfile(column.name)]), ValueCounts(column.name)
    if profile.fractions or profile.minimum is None or profile.maximum is None:
        return False
    unique = counts.distinct(version[counts]) >= NEARLY_ALL * profile.rows
    return unique and profile.maximum - profile.minimum <= 4 * profile.rows


def _has_words(column: str, version: Evidence) -> bool:
    """Whether more than a few values hold white space: prose does, keys do not."""
    texts = version[SAMPLE][column].drop_null()
    spaced = pc.sum(pc.match_substring_regex(texts, r"\S\s+\S")).as_py() or 0
    return bool(spaced > 0.05 * len(texts))
