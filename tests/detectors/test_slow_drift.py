"""Slow drift from tables to findings: every kind of column, what is said, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped

CARD = "PG-DRIFT-003"
ROWS = 3000
STEPS = 6


def version(step: int, seed: int) -> pa.Table:
    """Rows in which three columns walk with every step, and one stands still."""
    draw = np.random.default_rng(seed)
    red = 0.3 + 0.02 * step
    present = draw.random(ROWS) >= 0.05 + 0.008 * step
    return pa.table(
        {
            "still": draw.normal(0, 1, ROWS),
            "size": draw.normal(0.06 * step, 1, ROWS),
            "colour": draw.choice(["red", "green", "blue"], ROWS, p=[red, 0.8 - red, 0.2]),
            "holes": pa.array(draw.normal(0, 1, ROWS), mask=~present),
            "text": [" ".join(draw.choice(["tea", "milk", "cup", "pot"], 6)) for _ in range(ROWS)],
        }
    )


WALK = [version(step, 10 + step) for step in range(STEPS + 1)]
STANDING = [version(0, 30 + step) for step in range(STEPS + 1)]


def run(versions: Sequence[pa.Table], cuts: Sequence[int] = ()) -> CheckRun:
    *history, reference, candidate = versions
    return run_check(CARD, candidate, reference, history=history, cuts=cuts)


def test_each_walking_column_is_told_once() -> None:
    found = {finding.column: finding for finding in run(WALK).findings}
    assert set(found) == {"size", "colour", "holes"}
    for column, finding in found.items():
        assert (finding.level, finding.signal, finding.subject) == (Level.WARNING, Signal.DRIFT, f"column={column}")
        assert finding.message.startswith(f"Column {column!r}: since {finding.compared_with} ")
        assert float(finding.numbers["largest_step"]) < float(finding.numbers["effect"]) / 1.5
    assert "its values have moved: median " in found["size"].message
    assert "its categories have moved: 'red' 2" in found["colour"].message or "'green'" in found["colour"].message
    assert "% of its values were absent then, " in found["holes"].message
    assert found["holes"].numbers["test"] == "absent values"


def test_what_stands_still_is_silent_and_the_versions_are_named() -> None:
    ran = run(STANDING)
    assert ran.findings == ()
    named = ", ".join(f"version {number}" for number in range(1, STEPS))
    assert ran.outcome.coverage.note == f"compared with 5 approved versions before it: {named}"


def test_versions_that_grow_by_rows_of_one_population_are_silent() -> None:
    assert run(list(accumulate(STANDING, lambda grown, more: pa.concat_tables([grown, more])))).findings == ()


def test_a_step_farther_than_ever_is_a_note() -> None:
    random = np.random.default_rng(5)
    shifts = [0.0] * STEPS + [0.11]
    (found,) = run([pa.table({"size": random.normal(shift, 1, 20_000)}) for shift in shifts]).findings
    assert found.level is Level.NOTE
    assert "none of the 5 steps before was larger than 0.0" in found.message


def test_partition_changes_nothing() -> None:
    assert run(WALK, cuts=(7, 1500)).findings == run(WALK).findings


def test_without_history_or_reference_it_is_skipped() -> None:
    assert run_check(CARD, WALK[0]).outcome == Skipped(CARD, "no reference to compare with")
    reason = "no approved version before the reference is known here"
    assert run_check(CARD, WALK[1], WALK[0]).outcome == Skipped(CARD, reason)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([None] * 50, pa.float64()),
        pa.array([float("nan"), float("inf"), -float("inf"), 1.0] * 12),
        pa.array([1.0]),
        pa.array(["x"] * 50),
        pa.array([[1, 2]] * 50),
        pa.array([b"x"] * 50),
        pa.array([True, None] * 25),
    ],
)
def test_odd_columns_say_nothing(values: pa.Array) -> None:
    odd = pa.table({"size": values})
    other = pa.table({"size": np.arange(50.0)})
    assert run([odd] * 6).findings == ()
    run([other, odd, other, odd, other, odd, other])


def test_a_column_that_an_older_version_lacks_is_compared_from_there_on() -> None:
    versions = [table.drop_columns(["size"]) if number < 1 else table for number, table in enumerate(WALK)]
    (found,) = (finding for finding in run(versions).findings if finding.column == "size")
    assert found.compared_with == "version 2"
