"""Sets are named by their smallest member, whatever the order of joins."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.unionfind import join, join_all, roots

MEMBERS = 12
pairs = st.lists(st.tuples(st.integers(0, MEMBERS - 1), st.integers(0, MEMBERS - 1)), max_size=20)


def labels(joined: list[tuple[int, int]]) -> list[int]:
    parent = np.arange(MEMBERS, dtype=np.int64)
    for left, right in joined:
        join(parent, left, right)
    return roots(parent, np.arange(MEMBERS, dtype=np.int64)).tolist()


def expected(joined: list[tuple[int, int]]) -> list[int]:
    found = list(range(MEMBERS))
    for _ in range(MEMBERS):
        for left, right in joined:
            found[left] = found[right] = min(found[left], found[right])
    return found


@settings(deadline=None)
@given(pairs, st.randoms(use_true_random=False))
def test_labels_are_smallest_members_in_any_order(joined: list[tuple[int, int]], random: object) -> None:
    shuffled = list(joined)
    random.shuffle(shuffled)
    assert labels(joined) == labels(shuffled) == labels([(right, left) for left, right in joined]) == expected(joined)


@settings(deadline=None)
@given(st.lists(pairs, max_size=4))
def test_joining_part_by_part_gives_flat_labels(parts: list[list[tuple[int, int]]]) -> None:
    found = np.arange(MEMBERS, dtype=np.int64)
    for part in parts:
        join_all(found, [np.array(part, dtype=np.int64).reshape(-1, 2)])
    assert found.tolist() == expected([pair for part in parts for pair in part])
