"""Logistic regression on rows of terms: the textbook's optimum, the same bits every time."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from poisonguard.detectors.regression import Regression


def made(rows: int = 300, classes: int = 3) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    draw = np.random.default_rng(3)
    matrix = scipy.sparse.random_array((rows, 60), density=0.1, rng=draw, format="csr")
    truth = matrix @ draw.normal(size=(60, classes)) + draw.gumbel(size=(rows, classes)) / 2
    return scipy.sparse.csr_matrix(matrix), np.asarray(truth.argmax(axis=1)) * 10


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_the_optimum_is_that_of_the_library(classes: int) -> None:
    matrix, codes = made(classes=classes)
    ours = Regression.fit(matrix, codes, 10.0)
    theirs = LogisticRegression(C=10.0, max_iter=2000, tol=1e-8).fit(matrix, codes)
    assert (ours.classes_ == theirs.classes_).all()
    assert np.abs(ours.predict_proba(matrix) - theirs.predict_proba(matrix)).max() < 0.04


def test_two_classes_have_one_margin() -> None:
    matrix, codes = made(classes=2)
    model = Regression.fit(matrix, codes > 0, 10.0)
    weights, intercept = model.for_last
    chances = 1 / (1 + np.exp(-(matrix @ weights + intercept)))
    assert np.allclose(model.predict_proba(matrix)[:, 1], chances, atol=1e-6)


def test_the_same_rows_give_the_same_bits() -> None:
    matrix, codes = made()
    one, two = (Regression.fit(matrix.copy(), codes, 10.0) for _ in range(2))
    assert (one.weights == two.weights).all()
    assert (one.intercepts == two.intercepts).all()


def test_rows_without_terms_get_the_shares_of_the_classes() -> None:
    codes = np.repeat([0, 1], [30, 10])
    found = Regression.fit(scipy.sparse.csr_matrix((40, 5)), codes, 10.0).predict_proba(scipy.sparse.csr_matrix((1, 5)))
    assert found[0] == pytest.approx([0.75, 0.25], abs=0.02)
