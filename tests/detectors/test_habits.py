"""What small groups let expect of large ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.habits import SMALLEST, UNUSUAL, expected, is_unusual

SIZES = st.lists(st.integers(2, 40), max_size=60)


@given(SIZES, st.integers(SMALLEST, 60))
def test_larger_is_rarer(sizes: list[int], size: int) -> None:
    assert expected(sizes, size + 1) <= expected(sizes, size)


@given(SIZES, st.integers(SMALLEST, 60), st.randoms(use_true_random=False))
def test_the_order_of_the_groups_makes_no_difference(sizes: list[int], size: int, random: object) -> None:
    del random
    assert expected(sizes, size) == expected(sizes[::-1], size)


@given(SIZES)
def test_at_the_smallest_size_all_are_expected(sizes: list[int]) -> None:
    counted = sum(size >= SMALLEST for size in sizes)
    assert expected(sizes, SMALLEST) == pytest.approx(counted)


def test_what_has_no_small_groups_has_no_habit() -> None:
    assert expected([], 8) == expected([2, 3, 4], 8) == 0


def test_eight_languages_list_the_same_names() -> None:
    """Companies of six and seven documents let one of eight expect, and none of twenty-four."""
    others = [6, 7, 7, 6]
    assert expected(others, 8, fewest=8) > UNUSUAL
    assert expected(others, 24, fewest=8) < UNUSUAL / 100


def test_what_is_judged_itself_is_no_habit() -> None:
    """Five planted stories of twenty-five documents each do not vouch for each other."""
    assert expected([25] * 5, 25, fewest=12) == 0


def test_much_larger_than_all_others() -> None:
    assert is_unusual(15, [2, 2, 3])
    assert not is_unusual(15, [2, 8])
    assert not is_unusual(59, [5, 6, 9, 12, 15, 20, 30])
    assert is_unusual(12, [])
