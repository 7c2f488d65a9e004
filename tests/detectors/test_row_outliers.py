"""Odd rows are ranked ahead of ordinary ones, better than an isolation forest does, and named with restraint."""

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import run_check
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score

from poisonguard.detectors.calibration import UpperTail
from poisonguard.detectors.copula import RowModel
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Ran, Skipped

CARD = "PG-OUT-001"
Rows = npt.NDArray[np.float64]


@functools.cache
def generated() -> Rows:
    """Correlated columns: one skewed, one of whole numbers, one mostly zero."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4_000, 3)) @ rng.normal(size=(3, 8)) + 0.6 * rng.normal(size=(4_000, 8))
    rows[:, 0] = np.exp(rows[:, 0])
    rows[:, 1] = np.round(rows[:, 1])
    rows[:, 2] = np.where(rng.random(4_000) < 0.6, 0, np.abs(rows[:, 2]))
    return rows


@functools.cache
def tumours() -> Rows:
    rows = np.asarray(load_breast_cancer().data, dtype=np.float64)
    return rows[np.random.default_rng(0).permutation(len(rows))]


def table_of(rows: Rows) -> pa.Table:
    return pa.table({f"x{place}": rows[:, place] for place in range(rows.shape[1])})


def plant(kind: str, clean: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    rng = np.random.default_rng(7)
    rows, count = clean.copy(), max(4, len(clean) // 200)
    chosen = rng.choice(len(rows), count, replace=False)
    low, high = np.quantile(clean, [0.03, 0.97], axis=0)
    for row in chosen:
        if kind == "extreme":
            place = rng.integers(rows.shape[1])
            rows[row, place] = clean[:, place].mean() + rng.uniform(12, 25) * clean[:, place].std()
        elif kind == "mild":
            rows[row] = np.where(rng.random(rows.shape[1]) < 0.5, high, low)
        else:
            rows[row] = [clean[rng.integers(len(clean)), place] for place in range(rows.shape[1])]
    truth = np.zeros(len(rows), dtype=np.bool_)
    truth[chosen] = True
    return rows, truth


@pytest.mark.parametrize("kind", ["extreme", "mild", "dependence"])
@pytest.mark.parametrize("data", [generated, tumours])
def test_ranks_better_than_an_isolation_forest(kind: str, data: Callable[[], Rows]) -> None:
    rows, truth = plant(kind, data())
    book = run_check(CARD, table_of(rows)).book
    assert book is not None
    forest = -IsolationForest(n_estimators=100, random_state=0).fit(rows).score_samples(rows)
    ours = average_precision_score(truth, book.scores[CARD])
    assert ours >= average_precision_score(truth, forest)
    assert ours > 0.3


def test_clean_rows_stay_silent() -> None:
    assert not run_check(CARD, table_of(tumours())).findings
    assert not run_check(CARD, table_of(generated()[:2_000])).findings


def test_an_honest_next_version_is_no_drift() -> None:
    for rows in (tumours(), generated()):
        findings = run_check(CARD, table_of(rows), table_of(rows[: len(rows) // 2])).findings
        assert {item.level for item in findings} <= {Level.NOTE}
        assert sum(item.row_count for item in findings) <= 2


def test_without_a_reference_outliers_scattered_over_the_columns_are_a_sign() -> None:
    rows, truth = plant("extreme", generated())
    (finding,) = run_check(CARD, table_of(rows)).findings
    assert finding.level is Level.WARNING
    assert finding.signal is Signal.POISONING
    assert truth[np.asarray(finding.rows)].mean() > 0.8


def test_heavy_columns_do_not_hide_broken_dependence() -> None:
    """The fitted tail of a heavy column is sometimes too light: its extremes are no odder than others are."""
    rng = np.random.default_rng(2)
    clean = np.column_stack([generated(), rng.standard_t(2, (4_000, 4))])
    rows, truth = plant("dependence", clean)
    model = RowModel.fit(table_of(rows), tuple(table_of(rows).column_names), ())
    assert model is not None
    calibrated, believed = (item.surprise(table_of(rows)) for item in (model, model.believed()))
    assert average_precision_score(truth, calibrated) > average_precision_score(truth, believed)


def test_many_odd_new_rows_are_drift() -> None:
    rows = tumours().copy()
    rng = np.random.default_rng(1)
    rows[350:400] = np.column_stack([rng.permutation(column[:50]) * 3 for column in rows.T])
    (finding,) = run_check(CARD, table_of(rows), table_of(rows[:350])).findings
    assert finding.level is Level.WARNING
    assert finding.signal is Signal.DRIFT
    assert set(range(350, 400)) & set(finding.rows)


def test_findings_and_scores_do_not_depend_on_the_cut() -> None:
    table = table_of(plant("dependence", generated())[0])
    whole, cut = run_check(CARD, table), run_check(CARD, table, cuts=(3, 1_000, 2_500), workers=2)
    assert whole.book is not None
    assert cut.book is not None
    assert np.array_equal(whole.book.scores[CARD], cut.book.scores[CARD])


def test_nulls_constants_atoms_and_categories_are_no_obstacle() -> None:
    rng = np.random.default_rng(5)
    colour = rng.choice(["red", "green", "blue"], 500).astype(object)
    colour[17] = "ultraviolet"
    table = pa.table(
        {
            "size": pa.array(
                [None if row % 9 == 0 else float(value) for row, value in enumerate(rng.normal(size=500))]
            ),
            "constant": np.ones(500),
            "mostly_zero": np.where(rng.random(500) < 0.95, 0.0, 1.0),
            "infinite": np.where(np.arange(500) == 3, np.inf, rng.normal(size=500)),
            "flag": pa.array(rng.random(500) < 0.5),
            "empty": pa.array([None] * 500, pa.float64()),
            "colour": pa.array(colour, pa.string()),
        }
    )
    run = run_check(CARD, table, columns={"feature": "colour"})
    assert isinstance(run.outcome, Ran)
    assert run.book is not None
    oddest = np.argsort(-run.book.scores[CARD])[:3]
    assert 17 in oddest.tolist(), oddest


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"label": ["a", "b"] * 80}), "feature"),
        (pa.table({"x": np.ones(200)}), "varies"),
        (pa.table({"x": np.arange(20.0) ** 2}), "too few"),
    ],
)
def test_where_it_cannot_judge_it_says_why(table: pa.Table, reason: str) -> None:
    columns = {"feature": "x"} if "x" in table.column_names else {}
    outcome = run_check(CARD, table, columns=columns).outcome
    text = outcome.reason if isinstance(outcome, Skipped) else outcome.coverage.note
    assert reason in text


values = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=60)


@given(values, values)
def test_a_tail_falls_from_one_and_never_below_zero(sample: list[float], asked: list[float]) -> None:
    tail = UpperTail.fit(np.array(sample))
    chance = tail.chance(np.sort(np.array(asked)))
    assert ((chance > 0) & (chance <= 1)).all()
    assert (np.diff(chance) <= 1e-12).all()


def test_planted_extremes_are_judged_by_the_honest_tail() -> None:
    honest = np.random.default_rng(0).exponential(size=5_000)
    spiked = np.concatenate([honest, np.full(25, 1_000.0)])
    assert UpperTail.fit(spiked).chance(np.array([1_000.0]))[0] < 1e-4
    assert UpperTail.fit(honest).chance(np.array([np.nan]))[0] == 1


def test_an_empty_sample_has_no_tail() -> None:
    with pytest.raises(ValueError, match="no values"):
        UpperTail.fit(np.array([np.nan]))
