"""Each source beside the others: what stands apart is found, what differs by nature is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from poisonguard.detectors.source_spread import Group, Spread, _loss, tails_beside_others
from poisonguard.detectors.source_suspects import Limits, Sample, suspects


def drawn(seed: int, first: float, second: float, sources: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    rows = random.integers(10, 200, sources)
    return random.binomial(rows, random.beta(first, second, sources)), rows


@settings(max_examples=25)
@given(seed=st.integers(0, 100), shape=st.sampled_from([(2, 8), (0.3, 0.5), (20, 30), (1, 60)]))
def test_honest_sources_of_any_shape_are_usual(seed: int, shape: tuple[float, float]) -> None:
    tails, _ = tails_beside_others(Group.alike(*drawn(seed, *shape)))
    assert tails.min() * len(tails) > 1e-5


def test_one_more_pure_source_among_pure_sources_is_nothing() -> None:
    rows = np.arange(20, 140, 6)
    hits = np.where(np.arange(20) % 3 == 0, rows, 0)
    assert tails_beside_others(Group.alike(hits, rows))[0].min() > 0.05


def test_a_pure_source_among_mixed_ones_stands_apart() -> None:
    hits, rows = drawn(3, 20, 60)
    hits[4] = rows[4] = 60
    tails, expected = tails_beside_others(Group.alike(hits, rows))
    assert tails.argmin() == 4
    assert tails[4] < 1e-8
    assert expected[4] == pytest.approx(0.25, abs=0.03)


def test_two_guilty_sources_do_not_hide_each_other() -> None:
    hits, rows = drawn(4, 20, 60, 30)
    rows[:2] = 100
    hits[0], hits[1] = 95, 80
    assert (tails_beside_others(Group.alike(hits, rows))[0][:2] < 1e-5).all()


def test_a_source_is_expected_to_be_as_it_was() -> None:
    rows = np.full(12, 200)
    before = np.arange(12) * 15 + 10
    now = before.copy()
    now[3] = 150
    tails, _ = tails_beside_others(Group.with_past(now, rows, before, rows))
    assert tails[3] < 1e-8
    assert np.delete(tails, 3).min() > 0.05


def test_a_shared_movement_is_drift() -> None:
    rows = np.full(12, 200)
    moved = Group.with_past(np.full(12, 120), rows, np.full(12, 40), rows)
    assert tails_beside_others(moved)[0].min() > 0.2


def test_a_pure_source_that_turns_is_seen_where_all_are_pure() -> None:
    rows = np.full(14, 50)
    before = np.where(np.arange(14) % 2 == 0, 50, 0)
    now = before.copy()
    now[1] = 49
    tails, _ = tails_beside_others(Group.with_past(now, rows, before, rows))
    assert tails[1] < 1e-6
    assert np.delete(tails, 1).min() > 0.05


@pytest.mark.parametrize("place", [(-1.0, 2.0), (0.3, -1.0), (-3.0, 5.0)])
def test_the_slope_is_that_of_the_likelihood(place: tuple[float, float]) -> None:
    hits, rows = drawn(1, 2, 8)
    groups = (Group.alike(hits, rows), Group.with_past(hits, rows, hits // 2, rows))
    errors = [
        check_grad(lambda x, of: _loss(x, of)[0], lambda x, of: _loss(x, of)[1], np.array(place), group)
        for group in groups
    ]
    assert max(errors) < 1e-2


@pytest.mark.parametrize("hits", [0, 40])
def test_sources_without_a_difference(hits: int) -> None:
    group = Group.alike(np.full(9, hits), np.full(9, 40))
    assert np.isfinite(tails_beside_others(group)).all()
    assert Spread.of(group).rate == pytest.approx(hits / 40, abs=0.02)


@pytest.mark.parametrize("now", [20, 119, 187])
def test_a_source_that_stayed_behind_gives_no_label_too_often(now: int) -> None:
    """All others moved far away from the label; this one gives it no more often than it did."""
    sources = 8
    rows, before = np.full(sources, 189), np.full(sources, 300)
    hits, hits_before = np.full((sources, 1), 6), np.full((sources, 1), 210)
    hits[0], hits_before[0] = now, 297
    sample = Sample(hits, rows, hits_before, before, (hits, rows))
    assert suspects(sample, Limits(fdr=0.001, rows=12, effect=0.15)) == []


def test_a_source_that_moved_alone_gives_a_label_too_often() -> None:
    rows, before = np.full(8, 189), np.full(8, 300)
    hits, hits_before = np.full((8, 1), 19), np.full((8, 1), 30)
    hits[0] = 119
    sample = Sample(hits, rows, hits_before, before, (hits, rows))
    (found,) = suspects(sample, Limits(fdr=0.001, rows=12, effect=0.15))
    assert (found.source, found.past) == (0, True)
    assert found.expected == pytest.approx(0.1, abs=0.02)
