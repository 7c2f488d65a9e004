"""Ids for added rows that look like the data's own, so that no id gives a row away."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pyarrow as pa

ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


def fresh_ids(column: pa.ChunkedArray, count: int, rng: np.random.Generator) -> list[Any]:
    """``count`` new ids: free numbers among the numbers in use, or recoded copies of texts in use."""
    held = [value for value in column.to_pylist() if value is not None]
    if pa.types.is_integer(column.type):
        return _integers(held, count, rng)
    if not held or not isinstance(held[0], str):
        return [None] * count
    return _texts(held, count, rng)


def _integers(held: list[int], count: int, rng: np.random.Generator) -> list[int]:
    low, high = min(held, default=0), max(held, default=0)
    taken = set(held)
    gaps = [value for value in rng.integers(low, high + 1, size=4 * count).tolist() if value not in taken]
    free = dict.fromkeys([*gaps, *range(high + 1, high + 1 + count)])
    return list(free)[:count]


def _texts(held: list[str], count: int, rng: np.random.Generator) -> list[str]:
    taken = set(held)
    fresh: list[str] = []
    while len(fresh) < count:
        template = held[int(rng.integers(0, len(held)))]
        # The front of an id often is a prefix that all ids share.
        front = (len(template) + 1) // 2
        made = template[:front] + "".join(_recoded(character, rng) for character in template[front:])
        # A short or fixed template may have no free code left: then it grows.
        made += str(len(taken)) if made in taken else ""
        if made not in taken:
            taken.add(made)
            fresh.append(made)
    return fresh


def _recoded(character: str, rng: np.random.Generator) -> str:
    alphabet = next((letters for letters in ALPHABETS if character in letters), character)
    return alphabet[int(rng.integers(0, len(alphabet)))]
