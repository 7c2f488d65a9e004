"""Log-odds of a few columns, as the library finds them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from poisonguard.detectors.platt import chance, logistic


@pytest.mark.parametrize("rows", [6, 40, 3000])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_optimum_is_that_of_the_library(rows: int, columns: int, scale: float, noise: float) -> None:
    draw = np.random.default_rng(5)
    features = scale * draw.normal(size=(rows, columns))
    positive = features[:, 0] + noise * scale * draw.normal(size=rows) > 0
    positive[:2] = [True, False]
    slopes, intercept = logistic(features, positive)
    theirs = LogisticRegression(C=1e3, max_iter=10_000, tol=1e-8).fit(features, positive)
    found = chance(features @ slopes + intercept)
    assert np.abs(found - theirs.predict_proba(features)[:, 1]).max() < 1e-3


def test_a_column_that_says_nothing_leaves_the_share() -> None:
    slopes, intercept = logistic(np.zeros((10, 1)), np.arange(10) < 3)
    assert slopes[0] == 0
    assert chance(np.array(intercept)) == pytest.approx(0.3)
