"""Runs of rows in which one column is faulty."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.run_scan import stretch_of
from poisonguard.domain.finding import Signal
from poisonguard.domain.outcome import Ran

CARD = "PG-TAB-002"
FIRST, LAST = 700, 860


def table(rows: int = 2000, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return {
        "weight": rng.normal(70, 12, rows),
        "visits": rng.integers(0, 9, rows).astype(np.float64),
        "town": rng.choice(["oslo", "bern", "rome", "lima"], rows),
        "flag": rng.integers(0, 2, rows) == 1,
    }


def findings(data: dict[str, Any], reference: pa.Table | None = None, **options: Any) -> Any:
    return run_check(CARD, pa.table(data), reference, **options).findings


@pytest.mark.parametrize(
    ("column", "fault", "story"),
    [
        ("weight", lambda values: values * 2.2046, "lie higher"),
        ("weight", lambda values: values - 30, "lie lower"),
        ("weight", lambda values: 70 + (values - 70) * 5, "wider"),
        ("weight", lambda values: np.full(len(values), 81.5), "hold one value, 81.5"),
        ("weight", lambda values: np.full(len(values), np.nan), "have no value"),
        ("town", lambda values: np.full(len(values), "lima"), "hold one value"),
    ],
)
def test_names_the_run(column: str, fault: Any, story: str) -> None:
    data = table()
    data[column][FIRST:LAST] = fault(data[column][FIRST:LAST])
    (finding,) = findings(data)
    assert story in finding.message
    assert finding.subject.startswith(f"column={column};run=")
    assert finding.signal is Signal.POISONING
    named = set(finding.rows)
    assert len(named & set(range(FIRST, LAST))) >= 0.9 * (LAST - FIRST)
    assert len(named - set(range(FIRST, LAST))) <= 24


def test_one_end_of_the_numbers_is_enough() -> None:
    data = table()
    data["weight"] = -np.abs(np.random.default_rng(5).standard_cauchy(2000))
    run = data["weight"][FIRST:LAST]
    run[run > -1] += 1.5
    (finding,) = findings(data)
    assert "reach higher" in finding.message
    assert len(set(finding.rows) & set(range(FIRST, LAST))) >= 0.9 * (LAST - FIRST)


def test_missing_and_stuck_values_are_named_exactly() -> None:
    data = table()
    data["weight"][FIRST + 3 : LAST + 5] = np.nan
    (finding,) = findings(data)
    assert list(finding.rows) == list(range(FIRST + 3, LAST + 5))


def test_says_nothing_of_shuffled_rows() -> None:
    for seed in range(6):
        assert findings(table(seed=seed)) == ()


def test_says_nothing_of_rows_in_an_order() -> None:
    data = table()
    order = np.argsort(data["weight"])
    assert findings({name: values[order] for name, values in data.items()}) == ()
    by_town = np.argsort(data["town"], kind="stable")
    assert findings({name: values[by_town] for name, values in data.items()}) == ()


def test_what_begins_and_stays_is_no_burst() -> None:
    data = table()
    data["weight"][1700:] += 40
    assert findings(data) == ()


def test_a_run_of_approved_rows_is_no_finding() -> None:
    data = table()
    data["weight"][FIRST:LAST] = 81.5
    old = pa.table(data)
    joined = pa.concat_tables([old, pa.table(table(400, seed=9))])
    assert run_check(CARD, joined, old).findings == ()


def test_does_not_depend_on_how_rows_are_cut() -> None:
    data = table()
    data["weight"][FIRST:LAST] *= 3
    assert findings(data) == findings(data, cuts=[5, 701, 702, 1500], workers=2)


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_few_rows_say_nothing(rows: int) -> None:
    run = run_check(CARD, pa.table(table(rows)))
    assert isinstance(run.outcome, Ran)
    assert run.findings == ()


def test_odd_values_do_no_harm() -> None:
    data: dict[str, Any] = dict(table())
    data["huge"] = np.where(np.arange(2000) % 2, 1.7e308, -1.7e308)
    data["odd"] = np.where(np.arange(2000) % 3, np.nan, np.inf)
    data["empty"] = pa.nulls(2000, pa.float64())
    assert findings(data) == ()


def test_one_run_is_found_with_its_edges() -> None:
    series = np.random.default_rng(1).normal(size=400)
    series[120:150] += 4
    found = stretch_of(series, 7.0)
    assert found is not None
    assert abs(found.start - 120) <= 1
    assert abs(found.stop - 150) <= 1


def test_two_runs_are_an_order() -> None:
    series = np.random.default_rng(1).normal(size=400)
    series[120:150] += 4
    series[300:330] += 4
    assert stretch_of(series, 5.0) is None


def test_a_few_common_pieces_together_are_chance() -> None:
    """Pieces that are all alike one time in thirty stand four in a row now and then."""
    series = np.zeros(500)
    series[::30] = 1
    series[200:204] = 1
    found = stretch_of(series, 5.0)
    assert found is None or found.orders < 4


def test_in_rows_that_are_sorted_a_run_is_nothing_special() -> None:
    data = table()
    data["weight"][FIRST:LAST] = 81.5
    data["visits"] = np.sort(data["visits"])
    run = run_check(CARD, pa.table(data))
    assert run.findings == ()
    assert isinstance(run.outcome, Ran)
    assert "in an order" in run.outcome.coverage.note


def test_a_run_is_found_among_ties() -> None:
    """Most pieces are alike, as the smallest of eight counts mostly is 0: the few others must not hide the run."""
    rng = np.random.default_rng(5)
    series = (rng.random(600) < 0.01).astype(np.float64)
    series[300:325] = 2.0
    found = stretch_of(series, 5.5)
    assert found is not None
    assert (found.start, found.stop) == (300, 325)
    assert found.orders > 4


def test_a_run_with_rows_that_the_fault_spares_is_told() -> None:
    """Zeros stay zeros in any unit: some pieces of the run are as everywhere."""
    data = table(4000, seed=2)
    rng = np.random.default_rng(8)
    data["paid"] = np.where(rng.random(4000) < 0.8, 0.0, rng.gamma(2, 10, 4000))
    data["paid"][1600:2000] *= 1000
    (finding,) = findings(data)
    assert finding.column == "paid"
    assert "wider" in finding.message


def test_a_long_stretch_that_is_somewhat_lower_is_another_population() -> None:
    data = table(6000, seed=3)
    data["weight"][2000:3700] -= 5
    assert findings(data) == ()
