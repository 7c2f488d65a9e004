"""Dual ascent: the two sides of a model stay in step, and passes lead to its optimum."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from poisonguard.kernels.ascent import SparseRows, ascend

STRENGTH = np.float32(2.0)


def made(rows: int, terms: int, classes: int) -> tuple[scipy.sparse.csr_matrix, np.ndarray, SparseRows]:
    draw = np.random.default_rng(7)
    matrix = scipy.sparse.random_array((rows, terms), density=0.2, rng=draw, format="csr").astype(np.float32)
    held = SparseRows(matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data)
    return scipy.sparse.csr_matrix(matrix), np.eye(classes, dtype=np.float32)[draw.integers(0, classes, rows)], held


def passes(held: SparseRows, given: np.ndarray, terms: int, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    weights, chances = np.zeros((terms + 1, given.shape[1]), np.float32), given.copy()
    for _ in range(count):
        moved = ascend(held, np.arange(len(given)), STRENGTH, weights, chances)
    return weights, chances, moved


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_weights_are_what_the_chances_imply(classes: int) -> None:
    matrix, given, held = made(80, 30, classes)
    weights, chances, _ = passes(held, given, 30, 3)
    ones = scipy.sparse.hstack([matrix, np.ones((80, 1))])
    assert np.allclose(weights, STRENGTH * (ones.T @ (given - chances)), atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_chances_are_what_the_weights_imply_in_the_end(classes: int) -> None:
    matrix, given, held = made(80, 30, classes)
    weights, chances, moved = passes(held, given, 30, 300)
    scores = matrix @ weights[:-1] + weights[-1]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    assert moved < 0.2
    assert np.abs(odds / odds.sum(axis=1, keepdims=True) - chances).max() < 1e-2


def test_a_row_that_nothing_moves_stays() -> None:
    held = SparseRows(np.array([0, 0], np.int32), np.array([], np.int32), np.array([], np.float32))
    weights, chances = np.zeros((1, 2), np.float32), np.full((1, 2), 0.5, np.float32)
    assert ascend(held, np.arange(1), STRENGTH, weights, chances) == 0
    assert (weights == 0).all()
    assert (chances == 0.5).all()
