"""What copies of one input say about whether it decides the label."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.copy_agreement import undecided

FLOOD = 12


def pairs(first: list[int], second: list[int]) -> tuple[np.ndarray, np.ndarray]:
    groups = np.repeat(np.arange(len(first)), 2)
    return groups, np.column_stack([first, second]).ravel().astype(np.uint64)


def test_ratings_by_many_people_are_undecided() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 8)
    assert undecided(groups, rng.integers(0, 5, 800).astype(np.uint64), FLOOD).all()


def test_relabelled_pairs_contradict_each_other() -> None:
    assert not undecided(*pairs([0, 1] * 20, [1, 0] * 20), FLOOD).any()


def test_pairs_that_mostly_agree_are_decided() -> None:
    assert not undecided(*pairs([0, 1] * 20, [0, 1] * 18 + [1, 0] * 2), FLOOD).any()


def test_a_flood_among_few_others_is_decided_whatever_they_are() -> None:
    groups, labels = pairs([0, 1, 2, 3] * 2, [0, 1, 3, 2] * 2)
    found = undecided(np.append(groups, np.full(20, 100)), np.append(labels, [7] * 19 + [3]).astype(np.uint64), FLOOD)
    assert found[:16].all()
    assert not found[16:].any()


def test_uneven_labels_make_floods_among_many_others() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(1_400) < 0.2).astype(np.uint64)
    assert undecided(np.repeat(np.arange(100), 14), labels, FLOOD).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=40))
def test_names_of_groups_and_order_of_rows_do_not_matter(rows: list[tuple[int, int]]) -> None:
    groups = np.array([row[0] for row in rows], dtype=np.int64)
    labels = np.array([row[1] for row in rows], dtype=np.uint64)
    found = undecided(groups, labels, FLOOD)
    order = np.random.default_rng(2).permutation(len(rows))
    assert np.array_equal(undecided(7 - groups[order], labels[order] + 9, FLOOD), found[order])
