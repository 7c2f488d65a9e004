"""Log-odds from a few numbers a row: logistic regression on as many dense columns, by Newton's method.

(Platt, "Probabilistic outputs for support vector machines", 1999, calibrates margins so.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

INVERSE_PENALTY = 1e3
"""Next to no penalty: just enough that what is told apart without error has an optimum."""

STEPS = 60
SETTLED = 1e-9
"""Share of the loss that the last step gained."""

Floats = npt.NDArray[np.float64]


def logistic(features: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """Slopes and intercept of the log-odds of ``positive``, in which both kinds occur.

    Args:
        features: Shape (rows, few).
        positive: Shape (rows,).
    """
    design = np.column_stack([features, np.ones(len(positive))])
    penalty = np.append(np.full(features.shape[1], 1 / INVERSE_PENALTY), 0.0)
    weights = np.zeros(len(penalty))
    loss = _loss(design, positive, penalty, weights)
    for _ in range(STEPS):
        step = _newton(design, positive, penalty, weights)
        while (tried := _loss(design, positive, penalty, weights - step)) > loss * (1 + SETTLED):
            step /= 2
        weights, gained, loss = weights - step, loss - tried, tried
        if gained <= SETTLED * loss:
            break
    return weights[:-1], float(weights[-1])


def chance(logit: Floats) -> Floats:
    """Log-odds as probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -500, 500))))


def _loss(design: Floats, positive: npt.NDArray[np.bool_], penalty: Floats, weights: Floats) -> float:
    """What is minimised: of every row the log of one over its probability, and half of the penalised squares."""
    against = np.where(positive, -1.0, 1.0) * (design @ weights)
    return float(np.logaddexp(0.0, against).sum() + 0.5 * penalty @ weights**2)


def _newton(design: Floats, positive: npt.NDArray[np.bool_], penalty: Floats, weights: Floats) -> Floats:
    """What the quadratic that fits best here would take off the weights."""
    probability = chance(design @ weights)
    # Sums that no thread splits: the same bits whatever the machine does besides.
    slope = np.einsum("nf,n->f", design, probability - positive) + penalty * weights
    curve = np.einsum("nf,ng->fg", design * (probability * (1 - probability))[:, None], design) + np.diag(penalty)
    return np.asarray(np.linalg.lstsq(curve, slope, rcond=None)[0])
