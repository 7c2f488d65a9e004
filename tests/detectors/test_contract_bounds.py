"""A contract derived from extreme numbers holds for the numbers it was derived from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

ROWS = 400
EXTREMES: dict[str, Any] = {
    "infinite": np.where(np.arange(ROWS) % 7 == 0, np.inf, np.arange(ROWS) / 3),
    "both infinite": np.where(np.arange(ROWS) % 2 == 0, np.inf, -np.inf),
    "huge": np.arange(-1.0, 1.0, 2 / ROWS) * 1.7e308,
    "unsigned": pa.array([2**64 - 1 - row for row in range(ROWS)], pa.uint64()),
    "hash": pa.array([2**62 + row * 10**15 for row in range(ROWS)], pa.int64()),
    "large codes": pa.array([2**53 + row % 4 for row in range(ROWS)], pa.int64()),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_the_version_itself_holds_its_contract(name: str) -> None:
    table = pa.table({"x": EXTREMES[name]})
    assert run_check("PG-CONTRACT-001", table, table).findings == ()
