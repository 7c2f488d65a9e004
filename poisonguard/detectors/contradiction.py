"""How strongly the rest of a row contradicts its label, and from where on a contradiction is no longer natural.

The *margin* of a row is the log-odds of the best other label against the one it carries: positive where the models
would have given another one. Its *surprise* is how much better chance explains the label than the models do: near 0
where they agree, growing slowly with the odds where they do not, so that no single row decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.fold_ensemble import Probabilities
from poisonguard.detectors.labels import UNKNOWN, Codes

ALLOWED_FALSE_FLAGS = 0.003
"""Share of the judged rows that may be flagged although their labels are honest; at 0.005, up to 0.8 % were."""

AGREEING = 0.25
"""Highest score of a row whose label the models agree with."""

APPROVED = 0.5
"""What scores of approved rows are multiplied by: they rank below new ones and are never flagged."""

ELSEWHERE = 0.5
"""The same for rows that are not those whose labels were changed, once it is known which; they count as agreeing."""

IN_CORNER = 0.9
"""Least score of a contradicted row in a corner where labels changed; margins order them."""

UNSURE = 0.45
"""Score of the others that carry the corner's label: suspicious, though nothing in them contradicts it."""

RANDOM_SHARE = 0.05
"""Share of random labels against which surprise is measured; the likelihood ratio at the share that matters."""

QUITE_SURE = 4.0
"""Log-odds beyond which models are as sure as can be: farther out they differ by chance."""

TINY = 1e-6
MIN_MARGIN = 0.7
"""Never flag a row whose other label is less than twice as likely (log 2)."""

Floats = npt.NDArray[np.float64]


def margins(probabilities: Probabilities, codes: Codes) -> Floats:
    """Log-odds of the best other label against the given one; minus infinity without a label, shape (rows,)."""
    rows = np.arange(len(codes))
    others = probabilities.copy()
    given = np.log(others[rows, codes] + TINY)
    others[rows, codes] = 0.0
    margin = np.log(others.max(axis=1, initial=0.0) + TINY) - given
    return np.asarray(np.where(codes == UNKNOWN, -np.inf, margin))


def sureness(probabilities: Probabilities) -> Floats:
    """Log-odds of the likeliest label against the next, whatever the row carries, shape (rows,)."""
    top = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(np.log(top[:, 1] + TINY) - np.log(top[:, 0] + TINY))


def surprise(probabilities: Probabilities, codes: Codes, *, to_one: bool = False) -> Floats:
    """Log-likelihood of each label if a few were random, over that by the models alone, shape (rows,).

    The most powerful statistic against labels flipped at random (Neyman and Pearson), ``to_one`` label or to any; every
    row has a label.
    """
    given = np.maximum(probabilities[np.arange(len(codes)), codes], TINY)
    by_chance = (1 - given) / (1 if to_one else probabilities.shape[1] - 1)
    return np.asarray(np.log1p(RANDOM_SHARE * (by_chance / given - 1)))


def natural_cut(margin: Floats, weight: Floats, *, allowed: float, random_share: float = 0.0) -> float:
    """The smallest margin above which honest contradictions weigh at most ``allowed``.

    ``weight`` says for how many rows each of them stands. Of the contradictions above a margin, as many are not
    honest as ``random_share`` of the rows that the models are so sure of, in either direction.
    """
    order = np.argsort(-margin, kind="stable")
    wrong = order[margin[order] > 0]
    if not len(wrong):
        return MIN_MARGIN
    above = np.cumsum(weight[wrong])
    sizes = np.sort(np.abs(margin))
    as_sure = len(sizes) - np.searchsorted(sizes, margin[wrong])
    honest = above - random_share * as_sure
    good = np.flatnonzero(honest <= allowed)
    cut = margin[wrong[good[-1]]] if len(good) else margin[wrong[0]] + TINY
    return max(float(cut), MIN_MARGIN)


def scores(margin: Floats, cut: float) -> Floats:
    """Margins as scores in [0, 1): 0 without a label, ``AGREEING`` at margin 0, 0.5 at ``cut``."""
    agrees = AGREEING * np.exp(np.minimum(margin, 0))
    against = np.maximum(margin, 0)
    return np.asarray(np.where(margin > 0, AGREEING + (1 - AGREEING) * against / (against + 2 * cut), agrees))


def hardly(found: Floats, rather: npt.NDArray[np.bool_]) -> Floats:
    """Scores of rows that do not stand out: contradicting where they did, those that ``rather`` do above others."""
    room = (UNSURE - AGREEING) / 2
    against = AGREEING + room * rather + room * (found - AGREEING)
    return np.asarray(np.where(found > AGREEING, against, found))


def contradicts(found: npt.NDArray[np.floating[Any]], *, approved: bool = False) -> npt.NDArray[np.bool_]:
    """Which scores, of new rows or of approved ones, say that the rest of the row contradicts the label."""
    part = np.float32(APPROVED if approved else 1.0)
    return np.asarray((found > part * AGREEING) & (found.astype(np.float32) != part * np.float32(UNSURE)))
