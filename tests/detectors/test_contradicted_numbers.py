"""Numbers that the rest of their row contradicts are named; ordinary rows, codes, faults and new times are not."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import run_check
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.contradicted_numbers import ContradictedNumbersParams
from poisonguard.detectors.copula import RowModel
from poisonguard.detectors.number_contradictions import expected_beyond, orders
from poisonguard.detectors.number_models import normal_scores
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.plugin.card import checks_folder, load_card

CARD = "PG-OUT-002"
ROWS = 1_600
Numbers = npt.NDArray[np.float64]


@functools.cache
def flights() -> pa.Table:
    """A number that depends on another one and on a category, and one that depends on nothing."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["jet", "prop"], ROWS)
    distance = rng.uniform(100, 2_500, ROWS).round()
    minutes = distance / np.where(kind == "jet", 7.5, 4.0) + rng.normal(0, 3, ROWS)
    return pa.table({"kind": kind, "distance": distance, "minutes": minutes.round(1), "load": rng.normal(size=ROWS)})


def with_minutes(table: pa.Table, minutes: Numbers) -> pa.Table:
    return table.set_column(2, "minutes", pa.array(minutes))


def swapped(table: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Values from the other end of the column: as a whole it stays as it was."""
    minutes = np.asarray(table["minutes"])
    order = np.argsort(minutes, kind="stable")
    donor = np.empty(len(minutes), dtype=np.int64)
    donor[order] = np.roll(order, len(minutes) // 2)
    changed = minutes.copy()
    changed[rows] = minutes[donor[rows]]
    return with_minutes(table, changed)


PLANTED = np.arange(3, ROWS, 64)


def test_swapped_values_are_named_where_no_single_value_is_odd() -> None:
    table = swapped(flights(), PLANTED)
    (finding,) = run_check(CARD, table).findings
    assert finding.level is Level.WARNING
    assert finding.signal is Signal.POISONING
    assert finding.column in {"minutes", "distance"}
    assert set(PLANTED.tolist()) <= set(finding.rows)
    assert len(finding.rows) <= len(PLANTED) + 0.005 * ROWS
    model = RowModel.fit(table, ("distance", "minutes", "load"), ("kind",))
    assert model is not None
    assert model.surprise(table)[PLANTED].max() < np.log10(ROWS / 0.05)


def test_honest_rows_stay_silent() -> None:
    assert run_check(CARD, flights()).findings == ()
    assert run_check(CARD, flights(), flights().slice(0, 1_000)).findings == ()


def test_only_new_rows_are_named_against_a_reference() -> None:
    late = np.arange(1_003, ROWS, 20)
    (finding,) = run_check(CARD, swapped(flights(), late), flights().slice(0, 1_000)).findings
    assert finding.compared_with == "reference"
    assert set(finding.rows) >= set(late.tolist())
    assert min(finding.rows) >= 1_000


def test_a_dependence_that_changed_for_all_is_drift_and_not_this() -> None:
    minutes = np.asarray(flights()["minutes"]).copy()
    minutes[1_000:] *= 1.2
    table = with_minutes(flights(), minutes)
    assert run_check(CARD, table, table.slice(0, 1_000)).findings == ()


def test_a_code_for_unknown_contradicts_nothing() -> None:
    minutes = np.asarray(flights()["minutes"]).copy()
    minutes[PLANTED] = 150.0
    assert run_check(CARD, with_minutes(flights(), minutes)).findings == ()


def test_errors_to_one_side_are_a_group_or_a_fault() -> None:
    minutes = np.asarray(flights()["minutes"]).copy()
    low = PLANTED[minutes[PLANTED] < 150]
    minutes[low] += np.random.default_rng(1).uniform(200, 300, len(low))
    assert run_check(CARD, with_minutes(flights(), minutes)).findings == ()


def test_findings_and_scores_do_not_depend_on_the_cut() -> None:
    table = swapped(flights(), PLANTED)
    whole, cut = run_check(CARD, table), run_check(CARD, table, cuts=(3, 700, 1_100), workers=2)
    assert [list(item.rows) for item in whole.findings] == [list(item.rows) for item in cut.findings]
    assert whole.book is not None
    assert cut.book is not None
    assert np.array_equal(whole.book.scores[CARD], cut.book.scores[CARD])


def test_nulls_constants_and_endless_numbers_are_no_obstacle() -> None:
    rng = np.random.default_rng(2)
    minutes = np.asarray(flights()["minutes"]).copy()
    minutes[::17] = np.inf
    table = with_minutes(flights(), minutes).append_column("empty", pa.array([None] * ROWS, pa.float64()))
    table = table.append_column("constant", pa.array(np.ones(ROWS)))
    table = table.append_column("gaps", pa.array(np.where(rng.random(ROWS) < 0.9, np.nan, rng.random(ROWS))))
    run = run_check(CARD, table, columns={"feature": "gaps"})
    assert isinstance(run.outcome, Ran)
    assert run.findings == ()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"label": ["a", "b"] * 300}), "feature"),
        (pa.table({"x": np.arange(900.0) ** 2}), "feature"),
        (flights().slice(0, 90), "too few"),
        (pa.table({"x": np.arange(600.0) ** 2, "constant": np.ones(600), "label": ["a", "b"] * 300}), "varies"),
    ],
)
def test_where_it_cannot_judge_it_says_why(table: pa.Table, reason: str) -> None:
    outcome = run_check(CARD, table).outcome
    text = outcome.reason if isinstance(outcome, Skipped) else outcome.coverage.note
    assert reason in text


def test_without_a_card_the_parameters_are_the_same() -> None:
    params = load_card(checks_folder() / "cards" / f"{CARD}.yaml").params
    assert ContradictedNumbersParams(**params) == ContradictedNumbersParams()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_normal_scores_follow_the_order_and_stay_finite(values: list[float]) -> None:
    numbers = np.asarray(values)
    scores = normal_scores(numbers, np.sort(numbers))
    order = np.argsort(numbers, kind="stable")
    assert np.isfinite(scores).all()
    assert (np.diff(scores[order]) >= 0).all()


@given(st.integers(0, 10_000), st.floats(0, 1_000))
def test_more_rows_and_fewer_expected_are_more_evidence(count: int, expected: float) -> None:
    assert orders(count + 1, expected) >= orders(count, expected) >= 0
    assert orders(count, expected) >= orders(count, expected + 1)


def test_the_law_expects_what_an_exponential_tail_holds() -> None:
    errors = np.random.default_rng(4).exponential(size=100_000)
    assert expected_beyond(errors, 6.0) == pytest.approx((errors > 6.0).sum(), rel=0.5)
    assert expected_beyond(np.zeros(100), 1.0) == 0
