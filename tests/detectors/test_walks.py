"""What is worth telling of: walks and leaps, not chance, not what wavers, not what was told before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.statistics_tests import Test as Compared
from poisonguard.detectors.statistics_tests import kolmogorov_smirnov
from poisonguard.detectors.version_steps import ABSENT, NUMBERS, Way
from poisonguard.detectors.walks import Limits, Told, by_chance_as_orderly, worth_telling

LIMITS = Limits(0.01, {NUMBERS: 0.05, ABSENT: 0.01}, is_broken=False)
SURE = 1e-9


def line(*places: float, column: str = "x", told: Sequence[int] = (), p: float = SURE) -> Way:
    """A column whose versions, the candidate last, lie on a line: they are as far apart as their places."""
    versions, candidate = places[:-1], places[-1]
    steps: list[Compared | None] = [None, *(Compared(abs(later - earlier), p) for earlier, later in pairwise(versions))]
    since: list[Compared | None] = [Compared(abs(candidate - place), p) for place in versions]
    return Way(column, NUMBERS, steps, since, [place in told for place in range(len(versions))])


def even(steps: int, size: float, column: str = "x", told: Sequence[int] = (), p: float = SURE) -> Way:
    return line(*(size * place for place in range(steps + 1)), column=column, told=told, p=p)


def told(*found: Way, limits: Limits = LIMITS) -> list[Told]:
    return list(worth_telling(found, limits))


def test_a_walk_is_told_from_where_it_began() -> None:
    (found,) = told(even(6, 0.02))
    assert (found.place, found.usual) == (0, None)
    assert found.test.effect == pytest.approx(0.12)
    assert found.steps == pytest.approx((0.02,) * 6)


def test_steps_that_do_not_add_up_to_the_minimum_are_no_walk() -> None:
    assert told(even(6, 0.008)) == []


def test_chance_is_no_walk() -> None:
    assert told(even(6, 0.02, p=0.02)) == []


def test_fewer_than_five_approved_versions_say_nothing() -> None:
    assert told(even(4, 0.04)) == []
    assert len(told(even(5, 0.04))) == 1


@pytest.mark.parametrize("told_at", [2, 4])
def test_who_was_warned_and_approved_knew(told_at: int) -> None:
    """Told at version 4 of 13, the walk is told again from there on; at its reference, not again."""
    (found,) = told(even(12, 0.02, told=(told_at,)))
    assert found.place == told_at
    assert told(even(12, 0.02, told=(11,))) == []


def test_what_jumped_at_once_was_told_then() -> None:
    assert told(line(0, 0.3, 0.301, 0.302, 0.303, 0.304, 0.305)) == []
    (found,) = told(line(0, 0.3, *(0.3 + 0.02 * step for step in range(1, 7))))
    assert found.place == 1


def test_what_jumps_now_is_told_by_the_comparison_with_the_reference() -> None:
    assert told(line(0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2)) == []


def test_what_wavers_does_not_walk() -> None:
    assert told(line(0, 0.04, 0.0, 0.045, 0.002, 0.04, 0.06)) == []


def test_a_figure_that_a_version_lacks_is_compared_from_there_on() -> None:
    way = even(9, 0.02)
    way.since[2] = way.steps[2] = way.steps[3] = None
    (found,) = told(way)
    assert found.place == 3
    way.since[-1] = way.steps[-1] = None
    assert told(way) == []


def test_the_step_over_versions_that_were_not_looked_at_is_no_step() -> None:
    """Forty versions lie between the first and the second: what they moved in all is no step of theirs."""
    way = line(0, *(0.049 + 0.002 * step for step in range(12)))
    assert told(way) == []
    (found,) = told(way, limits=Limits(0.01, LIMITS.minima, is_broken=True))
    assert (found.place, len(found.steps)) == (0, 11)


def test_a_leap_is_larger_than_every_step_before() -> None:
    (found,) = told(line(0, 0.002, 0.004, 0.002, 0.005, 0.035))
    assert (found.place, found.usual) == (4, 0.01)
    assert found.test.effect == pytest.approx(0.03)
    assert told(line(0, 0.002, 0.004, 0.002, 0.032)) == [], "four versions say nothing of what is usual"
    assert told(line(0, 0.002, 0.004, 0.024, 0.005, 0.035)) == [], "it was nearly as large before"
    assert told(line(0, 0.001, 0.002, 0.001, 0.002, 0.011)) == [], "it is small"


def test_one_finding_of_each_column_the_farthest() -> None:
    absent = Way("x", ABSENT, even(6, 0.005).steps, even(6, 0.005).since, [False] * 6)
    found = told(even(6, 0.02), absent, even(6, 0.02, column="y"))
    assert [(item.way.column, item.way.test) for item in found] == [("x", ABSENT), ("y", NUMBERS)]


@pytest.mark.parametrize("length", range(1, 7))
def test_orders_are_counted_exactly(length: int) -> None:
    sizes = [by_chance_as_orderly(order) for order in permutations(range(length))]
    for size in set(sizes):
        assert sum(other <= size for other in sizes) / factorial(length) == pytest.approx(size)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=13))
def test_a_share_of_orders_is_a_share(sizes: list[float]) -> None:
    assert 0 < by_chance_as_orderly(sizes) <= 1


def drawn(shift: Callable[[int], float], rows: int, random: np.random.Generator, column: str) -> Way:
    values = [random.normal(shift(version), 1, rows) for version in range(21)]
    steps: list[Compared | None] = [
        None,
        *(kolmogorov_smirnov(later, earlier) for earlier, later in pairwise(values[:-1])),
    ]
    since: list[Compared | None] = [kolmogorov_smirnov(values[-1], version) for version in values[:-1]]
    return Way(column, NUMBERS, steps, since, [False] * 20)


@pytest.mark.parametrize("rows", [200, 1000])
def test_twenty_versions_of_one_population_are_silent(rows: int) -> None:
    random = np.random.default_rng(rows)
    found = [drawn(lambda _: 0.0, rows, random, f"column {number}") for number in range(60)]
    assert told(*found) == []


def test_versions_that_waver_more_than_their_rows_seldom_alarm() -> None:
    """Each version lies elsewhere by 0.06 standard deviations: a KS of 0.03 is nothing here, and 0.05 not rare."""
    random = np.random.default_rng(1)
    found = [drawn(lambda _: random.normal(0, 0.06), 4000, random, f"column {number}") for number in range(60)]
    assert sum(item.usual is None for item in told(*found)) <= 1


def test_a_walk_among_rows_that_scatter_is_found() -> None:
    random = np.random.default_rng(2)
    found = [drawn(lambda version: 0.03 * version, 2000, random, f"column {number}") for number in range(10)]
    assert len(told(*found)) >= 9
