"""Where errors gather tells honest ones, in rows that leave a number open, from planted ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from harness import run_check

from poisonguard.detectors.predictable_rows import OPEN, predictable

ROWS = 2_000


def hashes() -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.random.default_rng(7).integers(0, 1 << 62, ROWS).astype(np.uint64)


def test_rows_of_the_noisy_kind_are_not_predictable() -> None:
    rng = np.random.default_rng(0)
    others = rng.random((ROWS, 3))
    dark = others[:, 0] < 0.1
    told = predictable(others, np.where(dark, 1.0, 0.1) * np.abs(rng.normal(size=ROWS)), hashes(), 1)
    assert abs(float(told.mean()) - (1 - OPEN)) < 0.02
    assert told[dark].mean() < 0.1


def test_errors_among_rows_of_every_kind_stay_predictable() -> None:
    rng = np.random.default_rng(1)
    size = 0.1 * np.abs(rng.normal(size=ROWS))
    planted = np.arange(0, ROWS, 80)
    size[planted] = 1.0
    told = predictable(rng.random((ROWS, 3)), size, hashes(), 1)
    assert told[planted].mean() > 0.5


def test_few_rows_and_columns_without_numbers_are_no_obstacle() -> None:
    one = predictable(np.full((1, 2), np.nan), np.ones(1), np.ones(1, dtype=np.uint64), 1)
    assert one.tolist() == [True]
    assert len(predictable(np.full((ROWS, 2), np.nan), np.ones(ROWS), hashes(), 1)) == ROWS


def colours(*, spoilt: bool) -> pa.Table:
    """Saturation follows from two channels, but not in dark pixels; swapped values, if ``spoilt``, lie anywhere."""
    rng = np.random.default_rng(3)
    high = rng.uniform(0.05, 1, ROWS)
    high[:60] = rng.uniform(0, 0.01, 60)
    low = high * rng.random(ROWS)
    saturation = 1 - low / high + rng.normal(0, 0.005, ROWS)
    saturation[:60] = rng.random(60)
    if spoilt:
        rows = np.arange(100, ROWS, 60)
        saturation[rows] = (saturation[rows] + 0.5) % 1
    return pa.table({"high": high, "low": low, "saturation": saturation, "other": rng.normal(size=ROWS)})


def test_swapped_numbers_are_named_beside_rows_that_leave_them_open() -> None:
    assert run_check("PG-OUT-002", colours(spoilt=False)).findings == ()
    (finding,) = run_check("PG-OUT-002", colours(spoilt=True)).findings
    assert len(set(finding.rows) & set(range(100, ROWS, 60))) >= 12
