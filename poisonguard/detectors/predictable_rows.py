"""Rows in which a number can be told from the others at all.

A column that most rows predict well may still be open in a few of them: the hue of something nearly black, the fare of
a group. There honest errors are as large as planted ones, and they stand together; what somebody planted lies among
rows of every kind. Models of the size of the errors, each taught by one half of the rows and asked about the other,
tell where errors are expected.
"""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.features_tabular import Matrix
from poisonguard.detectors.learners import SEED_RANGE, threads
from poisonguard.detectors.library_models import boosted_regressor
from poisonguard.detectors.number_models import Mask
from poisonguard.sketches.values import HashArray

TAUGHT = 8_000
"""Rows that the models learn from, at most."""

OPEN = 0.2
"""Share of the rows, those with the largest errors expected, in which the others are taken to leave the number open."""


def predictable(others: Matrix, size: Floats, hashes: HashArray, seed: int) -> Mask:
    """Which rows are expected to have a small error, shape (rows,).

    Args:
        others: The other columns, shape (rows, columns).
        size: Error of each row, at least 0.
        hashes: The rows' hashes, which share them out to the two models.
        seed: Seed of the models.
    """
    even, taught = np.asarray(hashes % np.uint64(2) == 0), np.arange(len(size)) < TAUGHT
    if min((even & taught).sum(), (~even & taught).sum()) == 0:
        return np.ones(len(size), dtype=np.bool_)
    filled = np.where(np.isnan(others).all(axis=0), 0.0, others)
    expected = np.zeros(len(size))
    with threads().limit(limits=1):
        for side in (even, ~even):
            model = boosted_regressor(
                max_iter=30, max_leaf_nodes=8, early_stopping=False, random_state=seed % SEED_RANGE
            ).fit(filled[side & taught], np.sqrt(size[side & taught]))
            expected[~side] = np.round(model.predict(filled[~side]), 9)
    return np.asarray(expected <= np.quantile(expected, 1 - OPEN))
