"""Whether more of the new pairs were turned round than of the reference's, like held against like.

1. New kinds of prompts bring preferences of their own, or such as no model can tell. So a classifier, cross-validated,
   says of every pair how new its words look, whichever answer was preferred, and pairs are compared with those of the
   reference that look as new (strata of the propensity score, Rosenbaum and Rubin 1983).
2. What looks newer than nearly all of the reference, or older than nearly all that is new, is left out (common
   support), and so is a stratum in which the reference has hardly any pairs.
3. Shares of the strata (``preference_share``) are averaged by the inverse of their variances.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers, tokenize
from poisonguard.detectors.learners import MAX_PHRASES, MIN_DOCUMENTS, threads
from poisonguard.detectors.library_models import logistic_regression
from poisonguard.detectors.preference_model import FOLDS, Pairs
from poisonguard.detectors.preference_share import Share, Turning
from poisonguard.detectors.terms import Terms, Vocabulary

STRATA = 5
"""Most strata; fewer where the reference is small."""

FEWEST = 50
"""Pairs of the reference that a stratum needs."""

SUPPORT = 0.95
"""Share of the reference's pairs than which a pair may look newer, and the other way: beyond, nothing is like it."""

ITERATIONS = 100
TOLERANCE = 1e-2

Mask = npt.NDArray[np.bool_]


def turned_share(pairs: Pairs, margins: Floats, fold: Integers, is_new: Mask) -> Share:
    """The share of the new pairs that was turned round, beyond what the reference holds."""
    if not is_new.any() or is_new.all():
        return Share(0.0, np.inf)
    newness = _newness(pairs, fold, is_new)
    shared = (newness <= np.quantile(newness[~is_new], SUPPORT)) & (
        newness >= np.quantile(newness[is_new], 1 - SUPPORT)
    )
    margins, newness, is_new = margins[shared], newness[shared], is_new[shared]
    strata = max(1, min(STRATA, int((~is_new).sum()) // (2 * FEWEST)))
    edges = np.unique(np.quantile(newness, np.arange(1, strata) / strata)) if len(newness) else np.zeros(0)
    stratum = np.searchsorted(edges, newness)
    found = []
    for own in (stratum == place for place in range(len(edges) + 1)):
        old, new = margins[own & ~is_new], margins[own & is_new]
        if len(old) >= FEWEST and len(new):
            found.append(Turning.of(old).share(new))
    return pooled(found)


def pooled(shares: list[Share]) -> Share:
    """Their mean by the inverse of their variances."""
    known = [share for share in shares if np.isfinite(share.error) and share.error > 0]
    if not known:
        return Share(0.0, np.inf)
    weights = np.array([share.error**-2 for share in known])
    value = float(weights @ [share.value for share in known] / weights.sum())
    return Share(value, float(weights.sum() ** -0.5))


def _newness(pairs: Pairs, fold: Integers, is_new: Mask) -> Floats:
    """Log-odds that each pair is new, by models of other pairs, shape (rows,)."""
    exchanges = [" ".join(parts) for parts in zip(pairs.prompts, pairs.chosen, pairs.rejected, strict=True)]
    tokens = tokenize(exchanges)
    terms = Terms(tokens.row, tokens.hashes, tokens.rows)
    matrix = Vocabulary.of(terms, min_documents=MIN_DOCUMENTS, limit=MAX_PHRASES).matrix(terms)
    found = np.zeros(pairs.rows)
    with threads().limit(limits=1):
        for held in range(FOLDS):
            inside, taught = np.flatnonzero(fold == held), np.flatnonzero(fold != held)
            if len(inside) and 0 < is_new[taught].sum() < len(taught):
                model = logistic_regression(C=1.0, max_iter=ITERATIONS, tol=TOLERANCE)
                model.fit(matrix[taught], is_new[taught])
                # Rounded: which stratum a pair is in must not hang on the last bits of an optimiser.
                found[inside] = np.round(model.decision_function(matrix[inside]), 6)
    return found
