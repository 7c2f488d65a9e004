"""Tails and ranks, as ``scipy.stats`` has them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from poisonguard.detectors.chances import (
    binomial_tail,
    discovery_rates,
    fisher_tail,
    hypergeometric_tail,
    normal_tail,
    pearson_tail,
    ranks,
)

COUNTS = st.integers(0, 2000)


@given(st.integers(-2, 2002), COUNTS, st.floats(0, 1))
def test_binomial_tail(least: int, trials: int, likely: float) -> None:
    wanted = stats.binom.sf(least - 1, trials, likely)
    assert float(binomial_tail(least, trials, likely)) == pytest.approx(wanted, rel=1e-6, abs=1e-300)


def test_binomial_tail_of_many() -> None:
    found = binomial_tail(np.array([0, 2, 5]), np.array([4, 4, 4]), 0.5)
    assert found.tolist() == pytest.approx([1.0, 11 / 16, 0.0])


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_fisher_tail(one: int, two: int, three: int, four: int) -> None:
    wanted = stats.fisher_exact([[one, two], [three, four]], alternative="greater").pvalue
    assert fisher_tail([[one, two], [three, four]]) == pytest.approx(wanted, rel=1e-6, abs=1e-300)


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 100))
def test_hypergeometric_tail(marked: int, others: int, drawn: int, least: int) -> None:
    total = marked + others + 1  # the library has no answer for none
    wanted = stats.hypergeom.sf(least - 1, total, marked, min(drawn, total))
    assert hypergeometric_tail(least, total, marked, min(drawn, total)) == pytest.approx(wanted, rel=1e-6, abs=1e-300)


def test_hypergeometric_tail_of_many_rows_needs_few_terms() -> None:
    total, tracked = 400_000_000, 100_000_000
    deviation = np.sqrt(total / 16)  # of the marked half among the drawn half
    tracemalloc.start()
    found = hypergeometric_tail(tracked + int(3 * deviation), total, total // 2, total // 2)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    assert found == pytest.approx(normal_tail(3), rel=1e-3)


@given(st.floats(-8, 8), st.one_of(st.floats(0.01, 8), st.floats(-8, -0.01)))
def test_normal_and_pearson_tail(deviation: float, skew: float) -> None:
    assert normal_tail(deviation) == pytest.approx(stats.norm.sf(deviation))
    assert pearson_tail(deviation, skew) == pytest.approx(stats.pearson3.sf(deviation, skew), rel=1e-5, abs=1e-10)


@given(st.lists(st.integers(0, 5)))
def test_ranks(values: list[int]) -> None:
    assert ranks(np.array(values)).tolist() == stats.rankdata(values).tolist()


@given(st.lists(st.floats(0, 1), min_size=1))
def test_discovery_rates(chances: list[float]) -> None:
    assert discovery_rates(np.array(chances)) == pytest.approx(stats.false_discovery_control(chances))
