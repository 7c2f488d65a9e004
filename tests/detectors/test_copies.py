"""What chance explains, and what it does not."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.copies import Groups, content_groups, equal_labels, groups_of, unexplained
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
def test_chance_explains_coarse_tables(make: object, seed: int) -> None:
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


@given(st.lists(st.integers(0, 3), max_size=20))
def test_labels_name_the_first_equal_row(keys: list[int]) -> None:
    labels = equal_labels(np.array(keys, dtype=np.uint64))
    assert labels.tolist() == [keys.index(key) for key in keys]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 20))
def test_groups_count_both_versions(keys: list[int], cut: int) -> None:
    rows = min(cut, len(keys))
    groups = groups_of(equal_labels(np.array(keys, dtype=np.uint64)), rows)
    candidate, reference = keys[:rows], keys[rows:]
    repeated = [key for key in dict.fromkeys(candidate) if candidate.count(key) > 1]
    assert groups.sizes.tolist() == [candidate.count(key) for key in repeated]
    assert groups.before.tolist() == [reference.count(key) for key in repeated]
    assert groups.excess == len(candidate) - len(set(candidate))
    assert groups.reference_excess == len(reference) - len(set(reference))
    everything = np.ones(len(repeated), dtype=np.bool_)
    assert groups.copies(everything).tolist() == [row for row, key in enumerate(candidate) if key in candidate[:row]]
