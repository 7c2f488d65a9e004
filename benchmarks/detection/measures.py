"""What a ranking of rows is worth: recall at a false-positive rate, precision at k, share of rows flagged.

Ties are broken as at random: a score that says nothing finds as much as chance does, whatever the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
"""One score per row, higher is more suspicious; shape (rows,)."""
Mask = npt.NDArray[np.bool_]
FALSE_POSITIVE_RATE = 0.01


def recall_at(scores: Scores, poisoned: Mask, rate: float = FALSE_POSITIVE_RATE) -> float:
    """Expected share of poison above the threshold that ``rate`` of the clean rows pass (a point of the ROC curve)."""
    false_positives, recall = _roc(scores, poisoned)
    return float(np.interp(rate, false_positives, recall))


def precision_at_k(scores: Scores, poisoned: Mask) -> float:
    """Expected share of poison among the k highest scores, k = number of poisoned rows."""
    wanted = int(poisoned.sum())
    threshold = np.sort(scores)[-wanted]
    above, tied = scores > threshold, scores == threshold
    left = wanted - int(above.sum())
    return float((poisoned[above].sum() + left * poisoned[tied].mean()) / wanted)


def _roc(scores: Scores, poisoned: Mask) -> tuple[Scores, Scores]:
    """The ROC curve, one point per distinct score, from (0, 0) to (1, 1)."""
    _, place = np.unique(-scores, return_inverse=True)
    poison = np.bincount(place[poisoned], minlength=int(place.max()) + 1).cumsum() / poisoned.sum()
    clean = np.bincount(place[~poisoned], minlength=int(place.max()) + 1).cumsum() / (~poisoned).sum()
    recall, false_positives = np.r_[0.0, poison], np.r_[0.0, clean]
    # A vertical piece of the curve counts with its upper end.
    last = np.r_[np.diff(false_positives) > 0, True]
    return false_positives[last], recall[last]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How good a ranking is; nothing is measured of poison that is not there."""

    recall: float | None
    precision: float | None


def measure(scores: Scores, poisoned: Mask) -> Ranking:
    """Recall and precision of ``scores``."""
    if not poisoned.any() or poisoned.all():
        return Ranking(None, None)
    return Ranking(recall_at(scores, poisoned), precision_at_k(scores, poisoned))
