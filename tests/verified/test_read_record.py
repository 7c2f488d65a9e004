"""What is remembered of reads: the same bytes, in few ranges, and never too few of them."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.receipt_v1 import Range
from poisonguard.dataset.read_record import ReadRecord, bytes_in, chunks_of, merged, overlapped
from poisonguard.domain.dataset import CHUNK, FileEntry

ROOT = "ab" * 32

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair))), max_size=30)


@given(ranges=RANGES)
def test_merged_ranges_hold_the_same_bytes(ranges: list[Range]) -> None:
    result = list(merged(ranges))
    assert {place for first, last in result for place in range(first, last)} == {
        place for first, last in ranges for place in range(first, last)
    }
    assert all(before[1] < after[0] for before, after in pairwise(result))
    assert bytes_in(result) == len({place for first, last in ranges for place in range(first, last)})


@given(ranges=RANGES)
def test_chunks_are_those_that_hold_a_byte(ranges: list[Range]) -> None:
    wide = [(first * CHUNK // 7, last * CHUNK // 7) for first, last in ranges]
    chunks = {place for first, last in chunks_of(wide) for place in range(first, last)}
    assert chunks == {place // CHUNK for first, last in wide for place in (*range(first, last, CHUNK), last - 1)}


def test_spans_that_hold_a_byte() -> None:
    spans = [[(0, 10)], [(10, 12), (20, 30)], [(12, 20)], [(30, 40)]]
    assert overlapped(spans, [(25, 26)]) == ((1, 2),)
    assert overlapped(spans, [(10, 31)]) == ((1, 4),)
    assert overlapped(spans, []) == ()


ENTRY = FileEntry("a", 3 * CHUNK - 5, ROOT, ROOT, "x", 0, ())


def recorded(reads: Iterable[Range]) -> tuple[Range, ...]:
    record = ReadRecord()
    observer = record.of(ENTRY)
    for start, stop in reads:
        observer.handed_out(start, stop)
    ((found, ranges),) = record.end()
    assert found == ENTRY
    return ranges


@given(ranges=RANGES.filter(bool))
def test_a_record_is_exact(ranges: list[Range]) -> None:
    assert recorded(ranges) == tuple(merged(ranges))


def test_very_many_small_reads_stay_few_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.dataset.read_record.MOST_RANGES", 64)
    draw = np.random.default_rng(1)
    reads = [(place, place + 1) for place in map(int, draw.integers(CHUNK, size=2000))] + [
        (3 * CHUNK - 6, 3 * CHUNK - 5)
    ]
    ranges = recorded(reads)
    assert len(ranges) <= 64
    assert all(any(first <= start < last for first, last in ranges) for start, _ in reads)
    assert chunks_of(ranges) == ((0, 1), (2, 3))
    assert ranges[-1][1] == ENTRY.size
