"""Rows that agree in all columns but one are found, whatever the column; crowds of them are not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from poisonguard.detectors.copied_rows import MOST_GROUPS, copied_rows
from poisonguard.detectors.value_codes import CodedColumn, Value, coded

COLUMNS = 6


def columns_of(rows: np.ndarray) -> list[CodedColumn]:
    table = pa.table({f"x{place}": rows[:, place] for place in range(rows.shape[1])})
    return coded(table, table.column_names, [], 10)


def values(groups: int, copies: int, changed: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 30, (800, COLUMNS))
    for group in range(groups):
        own = slice(group * copies, (group + 1) * copies)
        rows[own] = rows[group * copies]
        rows[own, changed] = np.arange(copies)
    return rows.astype(np.float64)


@pytest.mark.parametrize("changed", range(COLUMNS))
def test_the_shared_values_are_told(changed: int) -> None:
    rows = values(1, 12, changed)
    ((shared, label),) = copied_rows(columns_of(rows), np.zeros(800, np.int64), 10, 0.9)
    assert label == 0
    assert shared == tuple(
        (place, Value(f"x{place}", rows[0, place], rows[0, place])) for place in range(COLUMNS) if place != changed
    )


def test_copies_without_a_common_label_and_rows_without_any_are_no_group() -> None:
    rows = values(1, 12, 2)
    assert copied_rows(columns_of(rows), np.arange(800) % 2, 10, 0.9) == []
    assert copied_rows(columns_of(rows), np.where(np.arange(800) < 12, -1, 0), 10, 0.9) == []


def test_a_crowd_and_a_narrow_table_hold_none() -> None:
    rows = values(MOST_GROUPS + 1, 12, 2)
    labels = np.zeros(800, np.int64)
    assert copied_rows(columns_of(rows), labels, 10, 0.9) == []
    assert copied_rows(columns_of(rows)[:4], labels, 10, 0.9) == []
