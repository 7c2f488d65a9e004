"""Proofs from stored subtrees are the proofs that the whole tree gives."""

from __future__ import annotations

import pytest

from poisonguard.domain import merkle
from poisonguard.domain.merkle import Frontier, leaf_hash
from poisonguard.store.nodes import Span, completed, consistency, inclusion

LARGEST = 70
LEAVES = [leaf_hash(bytes([number])) for number in range(LARGEST)]


def rows_of(leaves: list[bytes]) -> list[bytes]:
    """What the rows of a log of ``leaves`` hold."""
    frontier, rows = Frontier(), []
    for leaf in leaves:
        rows.append(leaf + completed(frontier, leaf))
        frontier = frontier.append(leaf)
    return rows


ROWS = rows_of(LEAVES)


def root_of(span: Span) -> bytes:
    return Frontier(span.high - span.low, tuple(item.root_in(ROWS[item.row]) for item in span.subtrees())).root()


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_inclusion_proofs_are_those_of_the_whole_tree(size: int) -> None:
    for position in range(size):
        proof = tuple(root_of(span) for span in inclusion(position, size))
        assert proof == merkle.inclusion_proof(LEAVES[:size], position)


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_consistency_proofs_are_those_of_the_whole_tree(size: int) -> None:
    for old in range(1, size + 1):
        proof = tuple(root_of(span) for span in consistency(old, size))
        assert proof == merkle.consistency_proof(LEAVES[:size], old)


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_the_whole_log_is_covered_by_the_peaks_of_its_frontier(size: int) -> None:
    assert root_of(Span(0, size)) == merkle.root(LEAVES[:size])
    assert sum(1 for _ in Span(0, size).subtrees()) == size.bit_count()


def test_every_subtree_is_stored_once() -> None:
    assert sum(len(row) for row in ROWS[:64]) == (64 + 63) * merkle.HASH_SIZE, "leaves and inner nodes"


def test_a_subtree_that_a_row_does_not_hold_is_empty() -> None:
    assert next(Span(0, 2).subtrees()).root_in(ROWS[0]) == b""


@pytest.mark.parametrize(("position", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(position: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"no leaf {position} in a log of {size}"):
        inclusion(position, size)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_proof_of_a_log_that_never_was(old: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"no log of {old} statements in one of {size}"):
        consistency(old, size)
