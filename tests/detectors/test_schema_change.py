"""Schema change is exact: every difference, and nothing else."""

from __future__ import annotations

import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.outcome import Skipped

CARD = "PG-SCHEMA-001"
REFERENCE = pa.table({"a": [1, 2], "b": [0.5, 1.5], "label": ["x", "y"]})


def findings(candidate: pa.Table, reference: pa.Table = REFERENCE) -> tuple[Finding, ...]:
    return run_check(CARD, candidate, reference).findings


def test_the_same_schema_is_silent() -> None:
    assert findings(pa.table({"a": [9], "b": [None], "label": ["z"]}, schema=REFERENCE.schema)) == ()


def test_without_a_reference_it_is_skipped() -> None:
    outcome = run_check(CARD, REFERENCE).outcome
    assert outcome == Skipped(CARD, "no reference to compare with")


def test_removed_and_added() -> None:
    found = findings(REFERENCE.drop_columns(["b"]).append_column("c", pa.array([1, 2])))
    assert [(item.subject, item.level) for item in found] == [("column=b", Level.ERROR), ("column=c", Level.WARNING)]
    assert "may have been renamed" not in found[0].message


@pytest.mark.parametrize("name", ["B", " b", "b_"])
def test_another_spelling_is_called_a_rename(name: str) -> None:
    found = findings(REFERENCE.rename_columns(["a", name, "label"]))
    assert f"may have been renamed to {name!r}" in found[0].message


@pytest.mark.parametrize(
    ("values", "level"),
    [
        (pa.array(["1", "n/a"]), Level.ERROR),
        (pa.nulls(2), Level.ERROR),
        (pa.array([1, None], pa.float64()), Level.NOTE),
        (pa.array([1, 2], pa.int32()), Level.NOTE),
        (pa.array([True, False]), Level.ERROR),
    ],
)
def test_retyped(values: pa.Array, level: Level) -> None:
    (found,) = findings(REFERENCE.set_column(0, "a", values))
    assert (found.subject, found.level, found.column) == ("column=a", level, "a")


def test_fractions_became_whole_numbers() -> None:
    (found,) = findings(REFERENCE.set_column(1, "b", pa.array([1, 2])))
    assert found.level is Level.WARNING


def test_a_column_that_was_empty_may_fill() -> None:
    (found,) = findings(REFERENCE, REFERENCE.set_column(0, "a", pa.nulls(2)))
    assert found.level is Level.WARNING


def test_another_order_is_a_note() -> None:
    (found,) = findings(REFERENCE.select(["b", "a", "label"]))
    assert (found.subject, found.level) == ("columns", Level.NOTE)
