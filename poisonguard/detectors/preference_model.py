"""How sure models of the other pairs are that the chosen one of two texts was preferred.

1. What tells two answers to one prompt apart is seen in four views: the words and word pairs that only one of them
   has; its form and how much of the prompt it takes up; and both again for every frequent word of the prompt.
2. Logistic regressions on the differences, cross-validated by prompt and pair of answers, whichever was preferred.
   They have no intercept, so that no model can prefer a place.
3. The views are blended as their held-out margins say, and none counts against itself: where every answer is the right
   one in one pair and the wrong one in another, words are remembered the wrong way round, and get no weight.
4. The margin of a pair is the log-odds that it stands the right way round: below 0 the models would have turned it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse
from scipy.optimize import minimize
from scipy.special import expit

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Hashes, Integers, Tokens, tokenize
from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.learners import MAX_PHRASES, MIN_DOCUMENTS, threads
from poisonguard.detectors.library_models import logistic_regression
from poisonguard.detectors.preference_asked import Kinds
from poisonguard.detectors.preference_measures import Rarity, answering, form
from poisonguard.detectors.terms import Terms, Vocabulary

FOLDS = 5
ITERATIONS = 200
TOLERANCE = 1e-3
DIGITS = 9
STEEPEST = 3.0
"""Most that margins are stretched when they are blended: in a set that models know by heart they mean less."""

AT_ONCE = 1_000
INVERSE_PENALTY = 2.0
UNASKED = 2
"""Views, the first ones, that no word of a prompt changes."""

Views = tuple[Any, ...]
"""Differences of chosen and rejected answers, one row for each pair: words, measures, both crossed with prompts."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answers in pairs.

    Attributes:
        prompts: What was asked, empty where that is not known, shape (rows,).
        chosen: The answers that were preferred, shape (rows,).
        rejected: The others, shape (rows,).
        hashes: Row hashes, shape (rows,).
    """

    prompts: tuple[str, ...]
    chosen: tuple[str, ...]
    rejected: tuple[str, ...]
    hashes: Hashes

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.chosen)

    @property
    def comparable(self) -> npt.NDArray[np.bool_]:
        """Which rows hold two different answers, shape (rows,)."""
        pairs = zip(self.chosen, self.rejected, strict=True)
        return np.array([bool(one) and bool(other) and one != other for one, other in pairs], dtype=np.bool_)

    def where(self, rows: Integers) -> Pairs:
        """Some of them."""
        kept = rows.tolist()
        prompts, chosen, rejected = (
            tuple(column[row] for row in kept) for column in (self.prompts, self.chosen, self.rejected)
        )
        return Pairs(prompts, chosen, rejected, self.hashes[rows])

    def tokens(self) -> Tokens:
        """All prompts, then all chosen answers, then all rejected ones."""
        return tokenize((*self.prompts, *self.chosen, *self.rejected))


@dataclass(frozen=True, slots=True)
class Seen:
    """How pairs are turned into differences.

    Attributes:
        words: Which words and word pairs of answers count.
        rarity: How rare each word is.
        kinds: Which words of prompts and of answers are crossed.
        scale: What the differences of measures are divided by, shape (measures,).
    """

    words: Vocabulary
    rarity: Rarity
    kinds: Kinds
    scale: Floats

    @classmethod
    def of(cls, pairs: Pairs, tokens: Tokens) -> Seen:
        """What a sample of pairs shows."""
        words = Vocabulary.of(_terms(tokens, pairs.rows), min_documents=MIN_DOCUMENTS, limit=MAX_PHRASES)
        rarity = Rarity.of(tokens)
        scale = np.sqrt((_measures(pairs, tokens, rarity) ** 2).mean(axis=0))
        return cls(words, rarity, Kinds.of(tokens, pairs.rows), np.where(scale == 0, 1.0, scale))

    def views(self, pairs: Pairs, tokens: Tokens) -> Views:
        """The differences."""
        rows = pairs.rows
        held = self.words.matrix(_terms(tokens, rows))
        measures = _measures(pairs, tokens, self.rarity) / self.scale
        return (held[:rows] - held[rows:]).tocsr(), measures, *self.kinds.crossed(tokens, measures)


def _measures(pairs: Pairs, tokens: Tokens, rarity: Rarity) -> Floats:
    """Differences of form, and of how much of the prompt is taken up, shape (rows, measures)."""
    asked, chosen, rejected = (np.arange(pairs.rows) + place * pairs.rows for place in range(3))
    one, other = (
        np.column_stack([form(texts, tokens, int(place[0])), answering(tokens, rarity, asked, place)])
        for texts, place in ((pairs.chosen, chosen), (pairs.rejected, rejected))
    )
    return one - other


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """Models of one sample of pairs.

    Attributes:
        seen: How pairs are turned into differences.
        dealing: The folds of pairs.
        models: For each view, the weights of the features, one set per fold.
        weights: What the views count for, shape (views,).
        unasked: The same where those that are crossed with words of prompts count for nothing, shape (views,).
    """

    seen: Seen
    dealing: Dealing
    models: tuple[tuple[Floats, ...], ...]
    weights: Floats
    unasked: Floats

    @classmethod
    def fit(cls, pairs: Pairs) -> PreferenceModel:
        """Fit on pairs of different answers."""
        tokens = pairs.tokens()
        seen = Seen.of(pairs, tokens)
        exchanges = _exchanges(pairs)
        dealing = Dealing.of(exchanges, pairs.hashes, exchanges.column_names, FOLDS)
        views, fold = seen.views(pairs, tokens), dealing.fold(exchanges, pairs.hashes)
        with threads().limit(limits=1):
            models = tuple(tuple(_fitted(view[fold != held]) for held in range(FOLDS)) for view in views)
            found = [_margins(own, view, fold) for own, view in zip(models, views, strict=True)]
        margins = np.column_stack(found)
        unasked = np.pad(_blend(margins[:, :UNASKED]), (0, len(views) - UNASKED))
        return cls(seen, dealing, models, _blend(margins), unasked)

    def without_prompts(self) -> PreferenceModel:
        """The same, but what was asked changes nothing: under a trigger it would be learnt what that turns round."""
        return replace(self, weights=self.unasked)

    def fold(self, pairs: Pairs) -> Integers:
        """The fold of each pair, shape (rows,)."""
        return self.dealing.fold(_exchanges(pairs), pairs.hashes)

    def margins(self, pairs: Pairs) -> Floats:
        """Log-odds that each pair stands the right way round; 0 where there is nothing to compare, shape (rows,)."""
        found = np.zeros(pairs.rows)
        comparable = np.flatnonzero(pairs.comparable)
        # Piece by piece: a row has thousands of crossed words.
        for start in range(0, len(comparable), AT_ONCE):
            rows = comparable[start : start + AT_ONCE]
            able = pairs.where(rows)
            fold = self.fold(able)
            views = zip(self.models, self.seen.views(able, able.tokens()), strict=True)
            margins = np.column_stack([_margins(own, view, fold) for own, view in views]) @ self.weights
            # The last bits of a product depend on how many rows are read at once.
            found[rows] = np.round(margins, DIGITS)
        return found


def _terms(tokens: Tokens, pairs: int) -> Terms:
    """Every word and word pair of the answers, the chosen ones first."""
    single, pair = tokens.ngrams(1), tokens.ngrams(2)
    rows = np.concatenate([tokens.row[single[0]], tokens.row[pair[0]]]) - pairs
    hashes = np.concatenate([single[1], pair[1]])
    return Terms(rows[rows >= 0], hashes[rows >= 0], 2 * pairs)


def _exchanges(pairs: Pairs) -> pa.Table:
    """Prompts and both answers, in an order that does not tell which was preferred."""
    answers = [sorted(pair) for pair in zip(pairs.chosen, pairs.rejected, strict=True)]
    columns = (pairs.prompts, [first for first, _ in answers], [second for _, second in answers])
    return pa.table([pa.array(texts, pa.large_string()) for texts in columns], names=["prompt", "first", "second"])


def _fitted(difference: Any) -> Floats:
    """Weights without an intercept; of fewer than two pairs they say nothing.

    A pair teaches the same whichever way round it is shown: every other one is turned, so that there are two classes.
    """
    rows = difference.shape[0]
    if rows < 2:  # noqa: PLR2004 - two classes
        return np.zeros(difference.shape[1])
    right = np.arange(rows) % 2 == 0
    shown = scipy.sparse.diags_array(np.where(right, 1.0, -1.0)) @ difference
    model = logistic_regression(C=INVERSE_PENALTY, fit_intercept=False, max_iter=ITERATIONS, tol=TOLERANCE)
    return np.asarray(model.fit(shown, right).coef_[0])


def _margins(models: Sequence[Floats], difference: Any, fold: Integers) -> Floats:
    found = np.zeros(difference.shape[0])
    for held, weights in enumerate(models):
        rows = np.flatnonzero(fold == held)
        found[rows] = difference[rows] @ weights
    return found


def _blend(margins: Floats) -> Floats:
    """Weights of the views, none negative, under which held-out pairs stand the right way round most likely."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        total = margins @ weights
        return float(np.logaddexp(0, -total).mean()), -(margins * expit(-total)[:, None]).mean(axis=0)

    start = np.full(margins.shape[1], 1 / margins.shape[1])
    bounds = [(0.0, STEEPEST)] * margins.shape[1]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    # Six decimals: the last bits of an optimiser differ between builds of the library, the weights need not.
    return np.asarray(np.rint(np.asarray(found.x) * 1e6) / 1e6, dtype=np.float64)
