"""The delta is exact: what the reference holds is never folded, everything else is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import TableSource, folded_source
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.engine.executor import Serial
from poisonguard.engine.spool import Spool
from poisonguard.sketches.base import DigestArray
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import DigestSet, NewRows
from poisonguard.sketches.sample import RowSample, sample_rows

values = st.lists(st.integers(0, 30), min_size=1, max_size=40)


def digests(numbers: list[tuple[int, int]]) -> DigestArray:
    """Digests whose first two words are the given numbers."""
    found = np.zeros((len(numbers), 32), dtype=np.uint8)
    for row, (first, second) in enumerate(numbers):
        found[row, :8] = np.frombuffer(first.to_bytes(8), np.uint8)
        found[row, 8:16] = np.frombuffer(second.to_bytes(8), np.uint8)
    return found


@given(values, values, st.integers(0, 40))
def test_the_delta_is_what_the_reference_does_not_hold(old: list[int], new: list[int], cut: int) -> None:
    wanted = [RowDigests(), NewRows(RowSample(limit=1000))]
    with Spool() as spool:
        reference, _ = folded_source(TableSource(pa.table({"a": old})), wanted[:1], spool, Serial())
        known = DigestSet([reference.digests.of(0, len(old))])
        candidate = TableSource(pa.table({"a": new}), cuts=[min(cut, len(new))])
        _, evidence = folded_source(candidate, wanted, spool, Serial(), known)
        found = sample_rows(evidence[wanted[1]])
    expected = sorted(value for value in new if value not in old)
    assert sorted(found.to_pydict().get("a", [])) == expected


words = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30)


@given(words, words)
def test_digests_that_share_their_beginning_are_told_apart(
    held: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    found = DigestSet([digests(held[:3]), digests(held[3:])]).holds(digests(asked))
    assert found.tolist() == [item in held for item in asked]


def test_without_a_reference_there_is_no_delta() -> None:
    wanted = NewRows(RowSample(limit=10))
    with Spool() as spool:
        _, evidence = folded_source(TableSource(pa.table({"a": [1]})), [RowDigests(), wanted], spool, Serial())
        assert wanted not in evidence


def test_an_entry_per_row_is_refused() -> None:
    with pytest.raises(ValueError, match="bulky"):
        NewRows(RowDigests())
