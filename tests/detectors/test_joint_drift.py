"""New rows that differ as a whole from the reference's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.joint_drift import area
from poisonguard.domain.finding import Signal
from poisonguard.domain.outcome import Ran

CARD = "PG-DRIFT-002"


def rows(count: int = 900, seed: int = 0, *, broken: bool = False) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    height = rng.normal(170, 10, count)
    weight = height - 100 + rng.normal(0, 4, count)
    return {
        "height": height,
        "weight": rng.permutation(weight) if broken else weight,
        "town": rng.choice(["oslo", "bern", "rome"], count),
    }


def findings(new: dict[str, Any], old: dict[str, Any], **options: Any) -> Any:
    base = pa.table(old)
    return run_check(CARD, pa.concat_tables([base, pa.table(new)]), base, **options).findings


def test_broken_dependence_is_drift_and_names_the_pair() -> None:
    (finding,) = findings(rows(seed=1, broken=True), rows())
    assert finding.signal is Signal.DRIFT
    assert "correlation of height and weight: 0.9" in finding.message
    assert finding.numbers["AUC"] > 0.6


def test_a_column_that_moved_is_named_first() -> None:
    new = rows(seed=1)
    new["height"] += 10
    (finding,) = findings(new, rows())
    assert "by themselves: height 0.7" in finding.message


def test_more_of_the_same_is_silent() -> None:
    for seed in range(1, 5):
        assert findings(rows(seed=seed), rows()) == ()


def test_ids_and_running_numbers_do_not_count() -> None:
    old, new = rows(), rows(seed=1)
    old["number"], new["number"] = np.arange(900), np.arange(900, 1800)
    old["clock"], new["clock"] = np.linspace(0, 1, 900), np.linspace(1.001, 2, 900)
    assert findings(new, old) == ()


def test_does_not_depend_on_how_rows_are_cut() -> None:
    new = rows(seed=1, broken=True)
    assert findings(new, rows()) == findings(new, rows(), cuts=[3, 950], workers=2)


@pytest.mark.parametrize("count", [1, 99])
def test_few_new_rows_say_nothing(count: int) -> None:
    assert findings(rows(count, seed=1, broken=True), rows()) == ()


def test_without_a_reference_there_is_nothing_to_compare() -> None:
    assert not isinstance(run_check(CARD, pa.table(rows())).outcome, Ran)


def test_odd_values_do_no_harm() -> None:
    old, new = rows(), rows(seed=1)
    for data in (old, new):
        data["height"][:50] = np.nan
        data["weight"][50:60] = np.inf
        data["same"] = np.full(900, 3)
    assert findings(new, old) == ()


def test_area_is_the_chance_of_being_higher() -> None:
    assert area(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])) == 1
    assert area(np.array([1.0, 1.0, np.nan]), np.array([False, True, True])) == 0.5
    assert area(np.array([np.nan]), np.array([True])) == 0.5
