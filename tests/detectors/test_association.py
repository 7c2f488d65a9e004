"""Bounds on chance: what phrases of one label are measured with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from poisonguard.detectors.association import chernoff

SHARES = st.integers(0, 40)


@given(SHARES, st.floats(0, 1))
def test_it_bounds_the_tail_of_the_binomial(hits: int, expected: float) -> None:
    bound = chernoff(hits / 40, expected, 40)
    assert 0 <= bound <= 1
    assert bound >= binom.sf(hits - 1, 40, expected) * (1 - 1e-9)


@pytest.mark.parametrize(("share", "bound"), [(0.0, 1.0), (0.1, 0.0), (1.0, 0.0)])
def test_what_is_never_expected_is_no_chance(share: float, bound: float) -> None:
    assert chernoff(share, 0.0, 40) == bound
