"""When odd rows are a sign of poisoning, and when they are only odd."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from harness import run_check

from poisonguard.domain.finding import Level, Signal

CARD = "PG-OUT-001"
COLUMNS = 6


def numbers(rows: int = 1500, seed: int = 0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 1))
    return np.asarray(common + 0.2 * rng.normal(size=(rows, COLUMNS)))


def table(values: npt.NDArray[np.float64]) -> pa.Table:
    return pa.table({f"c{place}": values[:, place] for place in range(COLUMNS)})


def test_impossible_numbers_scattered_over_the_columns_are_a_sign() -> None:
    values = numbers()
    rows = np.arange(0, 1500, 50)
    values[rows, rows // 50 % COLUMNS] = 30 + rows / 100
    (finding,) = run_check(CARD, table(values)).findings
    assert finding.signal is Signal.POISONING
    assert finding.level is Level.WARNING
    assert set(finding.rows) == set(rows.tolist())
    assert "hold one impossible number each" in finding.message


def test_impossible_numbers_of_one_column_are_a_note() -> None:
    values = numbers()
    rows = np.arange(0, 1500, 150)
    values[rows, 2] = 30 + rows / 100
    (finding,) = run_check(CARD, table(values)).findings
    assert finding.signal is Signal.QUALITY
    assert finding.level is Level.NOTE


def test_new_rows_that_do_not_go_together_are_a_sign() -> None:
    old, new = numbers(), numbers(800, seed=1)
    new[:40, 0] = np.roll(np.sort(new[:40, 0]), 20)[np.argsort(np.argsort(new[:40, 0]))]
    joined = table(np.concatenate([old, new]))
    (finding,) = run_check(CARD, joined, table(old)).findings
    assert finding.signal is Signal.POISONING
    assert "do not go together" in finding.message


def test_a_population_that_moved_is_drift() -> None:
    old, new = numbers(), numbers(800, seed=1)
    new[:, 0] += 1.5
    joined = table(np.concatenate([old, new]))
    (finding,) = run_check(CARD, joined, table(old)).findings
    assert finding.signal is Signal.DRIFT


def test_few_rows_of_many_columns_are_not_judged_by_a_model_that_knows_them() -> None:
    rng = np.random.default_rng(4)
    names = [f"c{place}" for place in range(40)]
    values = rng.normal(size=(200, 40))
    whole = pa.table({name: values[:, place] for place, name in enumerate(names)})
    assert run_check(CARD, whole, whole.slice(0, 120)).findings == ()


def counts(rows: int = 2000) -> dict[str, npt.NDArray[np.float64]]:
    """Counts that are 0 in many rows, so that a column ends there."""
    rng = np.random.default_rng(3)
    return {f"n{place}": rng.poisson(0.6 + place / 4, rows).astype(float) for place in range(COLUMNS)}


def test_negative_counts_scattered_over_the_columns_are_a_sign() -> None:
    data, rows = counts(), np.arange(0, 2000, 100)
    for row in rows:
        data[f"n{row // 100 % COLUMNS}"][row] = -30 - row / 500
    (finding,) = run_check(CARD, pa.table(data)).findings
    assert finding.signal is Signal.POISONING
    assert set(finding.rows) == set(rows.tolist())


def test_a_code_for_the_unknown_is_no_sign() -> None:
    data = counts()
    for row in range(0, 2000, 100):
        data[f"n{row // 100 % COLUMNS}"][row] = -9
    assert all(finding.signal is Signal.QUALITY for finding in run_check(CARD, pa.table(data)).findings)


def test_most_of_the_impossible_numbers_may_stand_in_one_of_three_columns() -> None:
    values = numbers(3000)[:, :3]
    rows = np.arange(0, 3000, 50)
    values[rows, np.array([0, 0, 0, 1, 2])[rows // 50 % 5]] = (30 + rows / 100) * np.where(rows % 100, 1, -1)
    data = pa.table({f"c{place}": values[:, place] for place in range(3)})
    (finding,) = run_check(CARD, data).findings
    assert finding.signal is Signal.POISONING
