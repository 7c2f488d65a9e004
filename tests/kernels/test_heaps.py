"""Heaps hold what was added, in order, whether or not it was written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.heaps import HEAPS, Heaps


@pytest.mark.parametrize("limit", [1, 100, 1 << 30])
@given(st.lists(st.lists(st.integers(0, 2**16 - 1), max_size=9), max_size=12))
def test_records_come_back_heap_by_heap_in_order(limit: int, batches: list[list[int]]) -> None:
    with Heaps(">u2", limit) as heaps:
        for batch in batches:
            heaps.add(np.array(batch, dtype=">u2"))
        found = [heap.tolist() for heap in heaps]
    added = [value for batch in batches for value in batch]
    assert found == [[value for value in added if value >> 8 == heap] for heap in range(HEAPS)]


def test_a_batch_may_be_changed_after_it_was_added() -> None:
    with Heaps("u1") as heaps:
        batch = np.array([3], dtype=np.uint8)
        heaps.add(batch)
        batch[0] = 7
        assert [heap.tolist() for heap in heaps][3] == [3]
