"""Contradicted labels among new rows are counted, too: how strongly models contradict them is not enough."""

from __future__ import annotations

import pytest
from scipy.stats import poisson

from poisonguard.detectors.label_excess import Excess


@pytest.mark.parametrize(("wrong", "expected"), [(46, 32.0), (129, 127.0), (24, 6.5), (1, 0.2)])
def test_the_count_has_the_chance_of_poisson(wrong: int, expected: float) -> None:
    assert Excess(0, 1_000, wrong, expected, 0.0).by_count == pytest.approx(poisson.sf(wrong - 1, expected))


def test_nothing_contradicted_is_certain() -> None:
    assert Excess(None, 1_000, 0, 3.0, 0.0).by_count == 1.0
