"""What sketches share is made once for a block, and few things are kept."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pyarrow as pa
from sketch_blocks import block_of

from poisonguard.sketches.base import MADE, Block
from poisonguard.sketches.ordered_numbers import ordered_numbers


def test_is_made_once() -> None:
    block, made = block_of(pa.table({"x": [1.0]})), Counter[str]()

    def make(name: str) -> str:
        made[name] += 1
        return name

    for name in ("a", "b", "a", "b"):
        assert block.once(name, partial(make, name)) == name
    assert made == {"a": 1, "b": 1}


def test_the_oldest_are_forgotten() -> None:
    block = block_of(pa.table({"x": [1.0]}))
    for number in range(3 * MADE):
        assert block.once(number, partial(int, number)) == number
    assert list(block.made) == list(range(2 * MADE, 3 * MADE))


def test_blocks_share_nothing() -> None:
    first, second = (block_of(pa.table({"x": [value]})) for value in (1.0, -1.0))
    assert ordered_numbers(first, "x").ends == (1.0, 1.0)
    assert ordered_numbers(second, "x").ends == (-1.0, -1.0)
    assert ordered_numbers(first, "x") is ordered_numbers(first, "x")
    assert isinstance(first, Block)
