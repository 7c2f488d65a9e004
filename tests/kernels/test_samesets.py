"""Equal sets have equal digests, and of equal sets the first one stands for all."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.buckets import place_bits
from poisonguard.kernels.prints import Indices, Keys, Sets
from poisonguard.kernels.samesets import copies_of, digest_sets

members = st.lists(st.integers(0, 6), max_size=4, unique=True)


def digests(sets: list[list[int]], seed: int) -> Keys:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    flat = np.array([member for one in sets for member in one], dtype=np.uint32)
    out = np.zeros((2, len(sets)), dtype=np.uint64)
    digest_sets(Sets(offsets, flat), np.arange(len(sets)), seed, out, 0)
    return out


def brute(sets: list[list[int]], nodes: Indices) -> dict[int, int]:
    first: dict[frozenset[int], int] = {}
    return {
        node: earlier
        for node, one in zip(nodes.tolist(), sets, strict=True)
        if (earlier := first.setdefault(frozenset(one), node)) != node
    }


@settings(deadline=None, max_examples=60)
@given(st.lists(members, max_size=20), st.integers(0, 2**64 - 1))
def test_copies_are_equal_sets_whatever_their_order(sets: list[list[int]], seed: int) -> None:
    nodes = np.arange(len(sets), dtype=np.int64) * 3 + 1
    later, firsts = copies_of(digests(sets, seed), nodes, place_bits(3 * len(sets) + 1))
    assert dict(zip(later.tolist(), firsts.tolist(), strict=True)) == brute(sets, nodes)


def test_half_a_digest_makes_no_copy() -> None:
    """Both sums count: those that share one are told apart."""
    lanes = np.array([[5, 5, 7, 5], [1, 2, 1, 1]], dtype=np.uint64) << np.uint64(20)
    later, firsts = copies_of(lanes, np.arange(4), place_bits(4))
    assert (later.tolist(), firsts.tolist()) == ([3], [0])


def test_digests_depend_on_every_bit_of_the_key() -> None:
    found = {tuple(digests([[1, 2, 3]], 1 << bit)[:, 0].tolist()) for bit in range(64)}
    assert len(found) == 64
