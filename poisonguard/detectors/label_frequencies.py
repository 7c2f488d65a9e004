"""Probabilities adjusted to how frequent labels are among other rows than those that taught the models.

Where a label became more frequent, its log-odds rise by the same amount in every row (Saerens, Latinne & Decaestecker,
"Adjusting the outputs of a classifier to new a priori probabilities", 2002). The shifts are fitted by maximum
likelihood together with a share of labels that ignore the row: without it, flipped labels would pass for frequent
ones. What the models say of a label that they see no sign of is their floor, not evidence, and does not rise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from poisonguard.detectors.fold_ensemble import FLOOR, Probabilities
from poisonguard.detectors.labels import Codes

UNSEEN = 2 * FLOOR
"""Up to here a probability is no sign of the label."""

LEAST = 1e-4
PRIOR_ROWS = 20.0
"""Weight, in rows, of the belief that labels are as frequent as before."""

FIRST_RANDOM = 0.02
ROUNDS = 12
STEPS = 5
"""Rounds of expectation and maximisation, and steps of the optimiser in each."""

Floats = npt.NDArray[np.float64]


def at_own_frequencies(probabilities: Probabilities, codes: Codes) -> Probabilities:
    """Probabilities as models of a version with the labels ``codes`` would say them; shape (rows, classes)."""
    if not len(codes):
        return probabilities
    classes = probabilities.shape[1]
    seen = np.maximum(probabilities - UNSEEN, LEAST)
    logs = np.log(seen / seen.sum(axis=1, keepdims=True))
    adjusted = _softmax(logs + shifts(logs, codes))
    return np.asarray((1 - UNSEEN) * adjusted + UNSEEN / classes)


def shifts(logs: Floats, codes: Codes) -> Floats:
    """How much the log-odds of each label rise, shape (classes,)."""
    classes, rows = logs.shape[1], np.arange(len(codes))
    shift, random = np.zeros(classes), np.full(classes, FIRST_RANDOM / classes)
    for _ in range(ROUNDS):
        given = _softmax(logs + shift)[rows, codes]
        ignoring = random[codes] / ((1 - random.sum()) * given + random[codes])
        random = np.bincount(codes, ignoring, minlength=classes) / len(codes)
        shift = _fitted(logs, codes, 1 - ignoring, shift)
    # Four decimals: the last bits of an optimiser differ between builds of the library.
    return np.asarray(np.rint(shift * 1e4) / 1e4)


def _fitted(logs: Floats, codes: Codes, weights: Floats, start: Floats) -> Floats:
    """A few steps towards the shifts of the greatest likelihood."""
    classes, rows = logs.shape[1], np.arange(len(codes))
    counts = np.bincount(codes, weights, minlength=classes)

    def loss(shift: Floats) -> tuple[float, Floats]:
        total = logs + shift
        scale = logsumexp(total, axis=1, keepdims=True)
        held = PRIOR_ROWS / classes * shift
        slope = weights @ np.exp(total - scale) - counts + held
        return float(weights @ (scale.ravel() - total[rows, codes]) + held @ shift / 2), slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.asarray(found.x, dtype=np.float64)


def _softmax(logs: Floats) -> Probabilities:
    return np.asarray(np.exp(logs - logsumexp(logs, axis=1, keepdims=True)))
