"""Counting wanted keys is counting."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.tally import Tally

keys = st.integers(0, 9) | st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.lists(keys, max_size=12), st.lists(st.lists(keys, max_size=12), max_size=3))
def test_counts(wanted: list[int], parts: list[list[int]]) -> None:
    tally = Tally(np.array(wanted, dtype=np.uint64))
    for part in parts:
        tally.add(np.array(part, dtype=np.uint64))
    truth = Counter(key for part in parts for key in part)
    assert tally.counts(np.array(wanted, dtype=np.uint64)).tolist() == [truth[key] for key in wanted]


def test_shapes_are_kept() -> None:
    wanted = np.arange(6, dtype=np.uint64).reshape(2, 3)
    tally = Tally(wanted)
    tally.add(wanted.T)
    assert tally.counts(wanted).tolist() == [[1, 1, 1], [1, 1, 1]]
