"""The tests behind the detectors hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from poisonguard.detectors.statistics_sources import (
    apart_from_peers,
    common_rate,
    ringleaders,
    scatter,
)
from poisonguard.detectors.statistics_tests import (
    Share,
    adjusted,
    kolmogorov_smirnov,
    more_often,
    share_difference,
    total_variation,
)


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_is_benjamini_hochberg(p: list[float]) -> None:
    assert adjusted(np.array(p)) == pytest.approx(stats.false_discovery_control(p))


def test_nothing_adjusts_to_nothing() -> None:
    assert adjusted(np.zeros(0)).shape == (0,)


def test_kolmogorov_smirnov_agrees_with_scipy() -> None:
    random = np.random.default_rng(1)
    new, old = random.normal(0.2, 1, 800), random.normal(0, 1, 1200)
    mine, theirs = kolmogorov_smirnov(new, old), stats.ks_2samp(new, old, method="asymp")
    assert mine.effect == pytest.approx(theirs.statistic)
    assert mine.p == pytest.approx(theirs.pvalue, rel=0.35)


def test_kolmogorov_smirnov_of_nothing_is_no_difference() -> None:
    assert kolmogorov_smirnov(np.zeros(0), np.ones(3)).p == 1.0


def test_shares_agree_with_fisher() -> None:
    new, old = Share(12, 100), Share(5, 200)
    table = [[12, 88], [5, 195]]
    assert more_often(new, old) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    assert share_difference(new, old).effect == pytest.approx(0.095)
    assert share_difference(Share(0, 0), old).p == 1.0


def test_total_variation_does_not_mistake_noise_for_distance() -> None:
    random = np.random.default_rng(2)
    share = np.full(50, 1 / 50)
    found = [total_variation(random.multinomial(500, share), random.multinomial(500, share)) for _ in range(200)]
    assert np.mean([item.effect for item in found]) < 0.02
    assert 0.01 <= np.mean([item.p < 0.05 for item in found]) <= 0.1


def test_total_variation_sees_a_moved_category() -> None:
    found = total_variation(np.array([700, 300]), np.array([500, 500]))
    assert found.effect == pytest.approx(0.2, abs=0.03)
    assert found.p < 1e-10


def test_one_category_cannot_differ() -> None:
    assert total_variation(np.array([5]), np.array([9])).p == 1.0


@given(seed=st.integers(0, 30), rho=st.sampled_from([0.002, 0.02, 0.1]))
def test_scatter_finds_the_order_of_magnitude(seed: int, rho: float) -> None:
    random = np.random.default_rng(seed)
    rows = np.full(400, 300)
    strength = (1 - rho) / rho
    hits = random.binomial(rows, random.beta(0.3 * strength, 0.7 * strength, 400))
    assert rho / 3 < scatter(hits, rows, common_rate(hits, rows)) < rho * 3


def test_two_populations_are_no_conspiracy() -> None:
    rows = np.full(20, 200)
    hits = np.where(np.arange(20) < 7, 150, 40)
    assert not ringleaders(apart_from_peers(hits, rows)).any()


def test_ringleaders_need_a_gap() -> None:
    assert not ringleaders(np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0])).any()
    assert ringleaders(np.array([9.0, 2.0, 1.0, 1.0, 0.0])).tolist() == [True, False, False, False, False]
    assert not ringleaders(np.array([3.0, 0.0, 0.0])).any()
