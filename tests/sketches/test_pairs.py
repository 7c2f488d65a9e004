"""Pair counts are exact; host names stand for URLs."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch_blocks import block_of

from poisonguard.sketches.pairs import PairCounts, PairTable, hosts, read_pairs

pairs = st.lists(st.tuples(st.none() | st.sampled_from("abcd"), st.none() | st.sampled_from("xyz")), max_size=40)


def read(sketch: PairCounts, rows: list[tuple[str | None, str | None]]) -> PairTable:
    table = pa.table(
        {
            "s": pa.array([first for first, _ in rows], pa.string()),
            "l": pa.array([second for _, second in rows], pa.string()),
        }
    )
    return read_pairs(sketch, sketch.fold(block_of(table)))


@given(rows=pairs)
def test_counts_what_is_there(rows: list[tuple[str | None, str | None]]) -> None:
    found = read(PairCounts("s", "l"), rows)
    truth = Counter(pair for pair in rows if None not in pair)
    assert found.complete
    assert {
        (first, second): int(found.counts[i, j])
        for i, first in enumerate(found.firsts)
        for j, second in enumerate(found.seconds)
        if found.counts[i, j]
    } == truth


@given(rows=pairs)
def test_over_the_limit_every_source_kept_is_whole(rows: list[tuple[str | None, str | None]]) -> None:
    found = read(PairCounts("s", "l", limit=4), rows)
    truth = Counter(first for first, second in rows if first is not None and second is not None)
    assert all(found.counts[i].sum() == truth[first] for i, first in enumerate(found.firsts))
    assert len(found.firsts) == len(truth) or not found.complete


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://User:pw@Example.ORG:8080/a?b#c", "example.org"),
        ("//cdn.example/x", "cdn.example"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("not a url", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts(url: str | None, host: str | None) -> None:
    assert hosts(pa.array([url], pa.string())).to_pylist() == [host]


def test_counts_by_host() -> None:
    rows = [("https://a.example/1", "x"), ("https://A.example/2", "x"), ("no url", "x")]
    found = read(PairCounts("s", "l", host=True), rows)  # type: ignore[arg-type] # list is invariant
    assert (found.firsts, found.counts.tolist()) == (("a.example",), [[2]])
