"""What chance explains, and what it does not."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.copies import Groups, content_groups, distinct_keys, groups_of, held, key_groups, unexplained
from poisonguard.sketches.base import Block
from poisonguard.sketches.contents import ContentHashes

ROWS = 3000


def state_of(columns: np.ndarray) -> pa.Table:
    names = [f"c{number}" for number in range(columns.shape[1])]
    batch = pa.record_batch([pa.array(columns[:, number]) for number in range(columns.shape[1])], names=names)
    return ContentHashes(tuple(names)).fold(Block(0, 0, batch, np.zeros((len(columns), 32), np.uint8)))


def judged(columns: np.ndarray) -> tuple[Groups, np.ndarray]:
    state = state_of(columns)
    groups = content_groups(state, None)
    return groups, unexplained(state, groups)


def coarse(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 3, (ROWS, 6))


def dependent(random: np.random.Generator) -> np.ndarray:
    hidden = random.integers(0, 4, (ROWS, 1))
    return np.where(random.random((ROWS, 8)) < 0.85, hidden, random.integers(0, 4, (ROWS, 8)))


def almost_fine(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 6, (ROWS, 8))


@pytest.mark.parametrize("make", [coarse, dependent, almost_fine])
@pytest.mark.parametrize("seed", range(4))
def test_chance_explains_coarse_tables(make: Callable[[np.random.Generator], np.ndarray], seed: int) -> None:
    groups, found = judged(make(np.random.default_rng(seed)))
    assert groups.excess > 0, "there are copies"
    assert not found.any()


@pytest.mark.parametrize("seed", range(4))
def test_a_burst_in_a_coarse_table_stands_out(seed: int) -> None:
    columns = almost_fine(np.random.default_rng(seed))
    columns[100:140] = columns[5]
    groups, found = judged(columns)
    assert groups.sizes[found].tolist() == [41]
    assert groups.copies(found).tolist() == list(range(100, 140))


def test_every_copy_of_a_fine_grained_row_is_a_copy() -> None:
    columns = np.random.default_rng(1).normal(size=(ROWS, 4))
    columns[10] = columns[3]
    columns[20] = columns[4]
    groups, found = judged(columns)
    assert groups.firsts[found].tolist() == [3, 4]


def test_a_fine_column_among_coarse_ones_betrays_copies() -> None:
    random = np.random.default_rng(2)
    columns = np.column_stack([random.integers(0, 2, (ROWS, 3)), random.normal(size=ROWS)]).astype(float)
    columns[50:75] = columns[7]
    groups, found = judged(columns)
    assert groups.sizes[found].tolist() == [26]


def labels_of(keys: list[int]) -> np.ndarray:
    return np.array([keys.index(key) for key in keys], dtype=np.int64)


def chunked(keys: list[int], size: int) -> list[np.ndarray]:
    # Keys far apart, so that they fall into different heaps.
    spread = np.array(keys, dtype=np.uint64) << np.uint64(61)
    return [spread[start : start + size] for start in range(0, len(keys), size)]


@given(st.lists(st.integers(0, 7), max_size=30), st.integers(0, 30), st.integers(1, 9))
def test_keys_lead_to_the_same_groups_as_labels_in_any_chunks(keys: list[int], cut: int, size: int) -> None:
    rows = min(cut, len(keys))
    found = key_groups(chunked(keys, size), rows, len(keys) - rows)
    expected = groups_of(labels_of(keys), rows)
    for name in Groups.__slots__:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


@given(st.lists(st.integers(0, 7), max_size=30), st.lists(st.integers(0, 7), max_size=30), st.integers(1, 9))
def test_keys_are_counted_and_found_in_any_chunks(keys: list[int], others: list[int], size: int) -> None:
    assert distinct_keys(chunked(keys, size)) == len(set(keys))
    wanted = np.concatenate([np.empty(0, dtype=np.uint64), *chunked(keys, size)])
    assert held(wanted, chunked(others, size)).tolist() == [key in others for key in keys]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 20))
def test_groups_count_both_versions(keys: list[int], cut: int) -> None:
    rows = min(cut, len(keys))
    groups = groups_of(labels_of(keys), rows)
    candidate, reference = keys[:rows], keys[rows:]
    repeated = [key for key in dict.fromkeys(candidate) if candidate.count(key) > 1]
    assert groups.sizes.tolist() == [candidate.count(key) for key in repeated]
    assert groups.before.tolist() == [reference.count(key) for key in repeated]
    assert groups.excess == len(candidate) - len(set(candidate))
    assert groups.reference_excess == len(reference) - len(set(reference))
    everything = np.ones(len(repeated), dtype=np.bool_)
    later = [row for row, key in enumerate(candidate) if key in candidate[:row]]
    assert groups.copies(everything).tolist() == groups.later.tolist() == later
