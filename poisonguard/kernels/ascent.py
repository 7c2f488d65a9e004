"""Passes over sparse rows that bring a multinomial logistic regression nearer to its optimum (dual ascent).

1. A model is held twice: as the chances that it gives each taught row, and as the weights that they imply: strength
   times the sum over rows of (what the row is, less its chances) times its terms. The two are kept in step.
2. A step takes one row and solves for its chances exactly, all others as they are: a row without common terms needs
   no second one. (Yu, Huang & Lin, "Dual coordinate descent methods for logistic regression and maximum entropy
   models", 2011; the row's own equations by Newton's method, whose matrix is diagonal but for a rank of one.)
3. The intercept is the weight of a term of value 1 that every row holds: the last one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part

Reals = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

_SOLVED = np.float32(1e-3)
"""What a row's chances may be off, summed over the classes."""

_STEPS = 20
_LONGEST = np.float32(2)
"""Farthest that one of Newton's steps goes in any score, from where its own chances are no guide."""

_ZERO, _ONE = np.float32(0), np.float32(1)


class SparseRows(NamedTuple):
    """Rows as of a CSR matrix: where each starts, terms and values."""

    starts: Places
    terms: Places
    values: Reals


@compiled
def ascend(
    rows: SparseRows, order: npt.NDArray[np.int64], strength: np.float32, weights: Reals, chances: Reals
) -> float:
    """One step for each row of ``order``; how far their chances moved in all, summed over rows and classes.

    Args:
        rows: The taught rows.
        order: In which order they are taken.
        strength: Inverse of the penalty.
        weights: Changed in place, shape (terms + 1, classes).
        chances: Changed in place, shape (rows, classes).
    """
    classes = weights.shape[1]
    scores, solved, change = np.empty(classes, np.float32), np.empty(classes, np.float32), np.empty(classes, np.float32)
    moved = 0.0
    for row in order:
        own = strength * _score(rows, row, weights, scores)
        distance = _solve(scores, chances[row], own, solved, change)
        moved += distance
        if distance > _SOLVED:
            for code in range(classes):
                change[code] = strength * (chances[row, code] - solved[code])
                chances[row, code] = solved[code]
            _teach(rows, row, weights, change)
    return moved


@part
def _score(rows: SparseRows, row: int, weights: Reals, scores: Reals) -> np.float32:
    """Fill in the row's scores; its squared length."""
    length = _ONE
    scores[:] = weights[-1]
    for place in range(rows.starts[row], rows.starts[row + 1]):
        value, term = rows.values[place], rows.terms[place]
        length += value * value
        for code in range(scores.size):
            scores[code] += value * weights[term, code]
    return length


@part
def _teach(rows: SparseRows, row: int, weights: Reals, change: Reals) -> None:
    """Add the change to the weights of the row's terms."""
    for code in range(change.size):
        weights[-1, code] += change[code]
    for place in range(rows.starts[row], rows.starts[row + 1]):
        value, term = rows.values[place], rows.terms[place]
        for code in range(change.size):
            weights[term, code] += value * change[code]


@part
def _softmax(scores: Reals, chances: Reals) -> None:
    top, total = scores.max(), _ZERO
    for code in range(scores.size):
        chances[code] = np.exp(scores[code] - top)
        total += chances[code]
    for code in range(scores.size):
        chances[code] /= total


@part
def _solve(scores: Reals, chances: Reals, own: np.float32, solved: Reals, step: Reals) -> float:
    """Chances p that are the softmax of scores + own * (chances - p); how far the scores' own are from ``chances``.

    ``scores`` are changed. A row as far from ``chances`` as is solved stays as it is.
    """
    wanted, distance = scores + own * chances, 0.0
    for count in range(_STEPS):
        _softmax(scores, solved)
        if count == 0:
            for code in range(scores.size):
                distance += abs(solved[code] - chances[code])
        for code in range(scores.size):
            step[code] = scores[code] + own * solved[code] - wanted[code]
        if distance <= _SOLVED or np.abs(step).max() <= _SOLVED * own:
            break
        _newton(solved, own, step)
        scores -= step * min(_ONE, _LONGEST / np.abs(step).max())
    return distance


@part
def _newton(chances: Reals, own: np.float32, step: Reals) -> None:
    """The step that would zero linear equations: of 1 + own * chances on the diagonal, less own * chances squared."""
    slope, left = _ZERO, _ZERO
    for code in range(step.size):
        share = chances[code] / (_ONE + own * chances[code])
        slope += share * step[code]
        left += share
    common = own * slope / left
    for code in range(step.size):
        step[code] = (step[code] + common * chances[code]) / (_ONE + own * chances[code])
