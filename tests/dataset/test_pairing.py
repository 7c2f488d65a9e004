"""Pairs and parallel streams keep the order and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.pairing import pairs
from poisonguard.dataset.parallel import GROUP_ITEMS, groups, in_order


@dataclass(frozen=True)
class Item:
    path: str


PATHS = st.sets(st.text("abc/", max_size=3))


@given(PATHS, PATHS)
def test_every_path_comes_once_in_order(one: set[str], other: set[str]) -> None:
    found = list(pairs(map(Item, sorted(one)), map(Item, sorted(other))))
    assert [path for path, _, _ in found] == sorted(one | other)
    for path, left, right in found:
        assert (left is not None, right is not None) == (path in one, path in other)
        assert {item.path for item in (left, right) if item is not None} == {path}


@given(st.lists(st.integers(0, 1 << 21), max_size=200))
def test_groups_are_small_and_keep_the_order(sizes: list[int]) -> None:
    found = list(groups(sizes, lambda size: size))
    assert [size for group in found for size in group] == sizes
    assert all(len(group) == 1 or (len(group) <= GROUP_ITEMS and sum(group) <= 1 << 20) for group in found)


@pytest.mark.parametrize("workers", [1, 4])
def test_results_keep_the_order_and_few_items_are_taken(workers: int) -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(5000):
            taken.append(number)
            yield number

    results = in_order(lambda number: number * 2, items(), lambda _: 0, workers)
    assert next(results) == 0
    assert len(taken) <= GROUP_ITEMS * (4 * workers + 2)
    assert list(results) == list(range(2, 10_000, 2))


def test_the_first_error_in_order_is_raised() -> None:
    def half(number: int) -> float:
        return 1 / (number - 100)

    results = in_order(half, range(5000), lambda _: 0, 3)
    with pytest.raises(ZeroDivisionError):
        list(results)
