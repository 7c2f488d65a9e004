"""Column summaries of numbers at the ends of what a double holds: no warning, sound figures."""

from __future__ import annotations

import numpy as np
import pytest

from poisonguard.engine import summary

VALUES = {
    "whole range": np.array([-1.7e308, 0.0, 1.7e308]),
    "one huge": np.array([1.7e308]),
    "tiny": np.array([0.0, 5e-324]),
    "none": np.array([]),
}


@pytest.mark.parametrize("name", VALUES)
def test_bars_count_every_value(name: str) -> None:
    values = VALUES[name]
    labels, counts, other = summary._numeric_bars(values, values)
    assert len(labels) == len(counts) == len(other)
    assert sum(counts) == sum(other) == len(values)
