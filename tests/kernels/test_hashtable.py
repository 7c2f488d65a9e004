"""What the table counts and finds is what sorting says, whatever the hashes and the order of the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.hashtable import common, places

OCCURRENCES = st.lists(st.tuples(st.sampled_from([0, 1, 2, 1 << 40, 1 << 63, 2**64 - 1]), st.integers(0, 5)))


def counted(hashes: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64], least: int) -> tuple[list[int], list[int]]:
    """By Python's own sets."""
    held: dict[int, set[int]] = {}
    for key, row in zip(hashes.tolist(), rows.tolist(), strict=True):
        held.setdefault(key, set()).add(row)
    kept = sorted(key for key, those in held.items() if len(those) >= least)
    return kept, [len(held[key]) for key in kept]


@given(OCCURRENCES, st.integers(1, 4))
def test_counts_rows_as_sets_do(occurrences: list[tuple[int, int]], least: int) -> None:
    hashes = np.array([key for key, _ in occurrences], dtype=np.uint64)
    rows = np.array([row for _, row in occurrences], dtype=np.int64)
    found, counts = common(hashes, rows, least)
    assert (found.tolist(), counts.tolist()) == counted(hashes, rows, least)


@pytest.mark.parametrize("least", [1, 2, 300])
@pytest.mark.parametrize("shared_bits", [0, 30])
def test_counts_many_whatever_bits_they_share(least: int, shared_bits: int) -> None:
    draw = np.random.default_rng(5)
    hashes = draw.integers(0, 20_000, 60_000).astype(np.uint64) << np.uint64(shared_bits)
    rows = draw.integers(0, 3_000, 60_000)
    hashes[:500] = 7
    found, counts = common(hashes, rows, least)
    assert (found.tolist(), counts.tolist()) == counted(hashes, rows, least)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=40), st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_finds_places_as_a_dictionary_does(wanted: set[int], others: list[int]) -> None:
    ordered = sorted(wanted)
    asked = [*ordered[::2], *others]
    known = {key: place for place, key in enumerate(ordered)}
    found = places(np.array(ordered, dtype=np.uint64), np.array(asked, dtype=np.uint64))
    assert found.tolist() == [known.get(key, -1) for key in asked]
