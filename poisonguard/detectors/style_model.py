"""Can a style tell which texts are labelled against their content? Knock-out, with a model in place of a phrase.

1. *Content* models say how probable a label is by what the text is about, cross-validated and calibrated.
2. Of the rows whose content reads like another label, *style* models tell those that carry it all the same. Honest
   labels leave nothing to tell: what contradicts is of every style.
3. The rows that the style models are surest of are the sign, their labels against their content (Chernoff's bound, in
   orders of magnitude). Every number of them is tried; the most surprising one that is pure counts. A label's own style
   fades: its most surprising number of all is far from pure.
4. A style that is the label's own goes with any content, read by models that never saw the row: rows of the label that
   have it say the same as those that have it not. A planted one stands on texts of other labels.
5. Models of that group's style against other rows then score every row, less where its content agrees. They are fitted
   again to the rows that they find, since the group holds only those whose content speaks up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.special import rel_entr

from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.platt import chance, logistic
from poisonguard.detectors.regression import Regression

INVERSE_PENALTY = 10.0
LOOKS = 3
"""Models of the style, each fitted to the members that the one before found: two named a fifth fewer rows (2026-11)."""

SURE, PERHAPS = 0.995, 0.95
"""Quantiles of the style scores of other labels' rows, from which a row of the label is a member, or may be."""

FADED = 0.85
"""Share of the label in the most surprising number of rows, below which a style fades: of natural ones 0.78 at most, of
planted ones 0.89 and more (nine sets, 2026-11)."""

ESTRANGED = 0.3
"""How far the content of a style's rows may lie from that of the label's other rows, where that of other labels' rows
is 1, by twice its error at most, for the style to be the label's own: natural ones that do not fade -0.05 and less,
planted ones 0.4 and more (ten sets, 2026-11)."""

FEWEST_PLAIN = 5

AGREEING, MOST = 0.6, 0.8
"""The rows whose content agrees most with the label; of them, so many are no members."""

CONTENT_WEIGHT = 0.3
"""How much a row's content counts beside its style: 0 and 1 lost up to a tenth of the recall (2026-11)."""

NEVER = -9.0
"""Margin where a fold teaches nothing."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Views:
    """The sampled texts: what they are about, how they are written, and the fold of each row."""

    content: scipy.sparse.csr_matrix
    style: scipy.sparse.csr_matrix
    fold: Integers
    folds: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows a style must have, how many of them the label, and whether it could be the label's own."""

    min_rows: int
    min_purity: float
    may_be_own: bool


@dataclass(frozen=True, slots=True)
class FoldModels:
    """Linear models, each fitted without its fold.

    Attributes:
        weights: Shape (folds, terms).
        intercepts: Shape (folds,).
    """

    weights: Floats
    intercepts: Floats

    @classmethod
    def fit(cls, matrix: scipy.sparse.csr_matrix, positive: Mask, views: Views, used: Mask) -> FoldModels:
        """Logistic regressions on the rows ``used``."""
        weights, intercepts = np.zeros((views.folds, matrix.shape[1])), np.full(views.folds, NEVER)
        for held in range(views.folds):
            rows = np.flatnonzero(used & (views.fold != held))
            if positive[rows].any() and not positive[rows].all():
                model = Regression.fit(matrix[rows], positive[rows], INVERSE_PENALTY)
                weights[held], intercepts[held] = model.for_last
        return cls(weights, intercepts)

    def margins(self, matrix: scipy.sparse.csr_matrix, fold: Integers) -> Floats:
        """Log-odds of each row by the model of its fold, shape (rows,)."""
        found = np.zeros(matrix.shape[0])
        for held in range(len(self.intercepts)):
            rows = np.flatnonzero(fold == held)
            found[rows] = matrix[rows] @ self.weights[held] + self.intercepts[held]
        return found


@dataclass(frozen=True, slots=True)
class Content:
    """What the content says about one label."""

    models: FoldModels
    slope: float
    intercept: float

    @classmethod
    def fit(cls, views: Views, positive: Mask) -> Content:
        """Cross-validated, calibrated on the out-of-fold margins."""
        models = FoldModels.fit(views.content, positive, views, np.ones(len(positive), dtype=np.bool_))
        margins = models.margins(views.content, views.fold)
        slopes, intercept = logistic(margins[:, None], positive)
        return cls(models, max(0.0, float(slopes[0])), intercept)

    def logits(self, matrix: scipy.sparse.csr_matrix, fold: Integers) -> Floats:
        """Calibrated log-odds of the label, shape (rows,)."""
        return np.asarray(np.clip(self.slope * self.models.margins(matrix, fold) + self.intercept, -30, 30))


@dataclass(frozen=True, slots=True)
class StyleSign:
    """A style that goes with one label against the content.

    Attributes:
        label: Code of the label.
        content: What the content says about it.
        rows: Sampled rows whose style gave them away, their content against the label, shape (rows,).
        matching: How many of them carry the label.
        expected: Mean probability of the label by their content.
        base: Share of the label in all sampled rows.
        members: The rows among ``rows`` that carry the label, as a mask of the sample.
        evidence: Orders of magnitude against chance.
        surest: Style margin from which rows are members.
        margins: Style margins of the sample, shape (sample,).
        against: Rows whose content reads like another label, as a mask.
    """

    label: int
    content: Content
    rows: Integers
    matching: int
    expected: float
    base: float
    members: Mask
    evidence: float
    surest: float
    margins: Floats
    against: Mask

    @property
    def error(self) -> float:
        """Standard error of the base rate in so many rows."""
        return float(np.sqrt(self.base * (1 - self.base) / len(self.rows)))


def strongest_sign(
    views: Views, codes: Integers, labels: Sequence[int], among: Mask, limits: Limits
) -> StyleSign | None:
    """The label whose contradictions a style explains best, in the rows ``among``; nothing when none does."""
    signs = [_sign(views, codes == label, label, among, limits) for label in labels]
    found = [sign for sign in signs if sign is not None]
    return max(found, key=lambda sign: (sign.evidence, -sign.label), default=None)


def _sign(views: Views, positive: Mask, label: int, among: Mask, limits: Limits) -> StyleSign | None:
    if positive.all() or not positive.any():
        return None
    content = Content.fit(views, positive)
    probability = chance(content.logits(views.content, views.fold))
    base = float(positive.mean())
    against = probability < base
    if not (positive & against).any():
        return None
    margins = FoldModels.fit(views.style, positive, views, against).margins(views.style, views.fold)
    looked_at = np.flatnonzero(against & among)
    order = looked_at[np.argsort(-margins[looked_at], kind="stable")]
    size = _most_surprising(positive[order], probability[order], limits)
    if size == 0:
        return None
    rows = order[:size]
    if limits.may_be_own and _goes_with_any_content(content, views, positive, margins, float(margins[rows[-1]])):
        return None
    surest, matching = float(margins[rows[-1]]), int(positive[rows].sum())
    members = np.zeros(len(positive), dtype=np.bool_)
    members[rows[positive[rows]]] = True
    expected = float(probability[rows].mean())
    evidence = float(size * divergence(np.array([matching / size]), np.array([expected]))[0] / np.log(10))
    return StyleSign(
        label, content, np.sort(rows), matching, expected, base, members, evidence, surest, margins, against
    )


def _most_surprising(positive: Mask, probability: Floats, limits: Limits) -> int:
    """How many rows, the surest first, are the most surprising by their labels; 0 when no number is pure enough.

    What was planted ends: after it, the label is as rare as the content says. The natural style of a label (a device, a
    layout) fades: the most surprising number of its rows reaches far into those that are anything.
    """
    if len(positive) < limits.min_rows:
        return 0
    count = np.arange(1, len(positive) + 1)
    share, expected = np.cumsum(positive) / count, np.cumsum(probability) / count
    evidence = np.where(count >= limits.min_rows, count * divergence(share, expected), 0.0)
    of_pure = np.where(share >= limits.min_purity, evidence, 0.0)
    fades = limits.may_be_own and share[np.argmax(evidence)] < FADED
    return int(np.argmax(of_pure)) + 1 if of_pure.max() > 0 and not fades else 0


def _goes_with_any_content(content: Content, views: Views, positive: Mask, margins: Floats, surest: float) -> bool:
    """Whether the label's rows of a style are about the same as its other rows: surely not about what others are.

    Rows between the two may be of either style.
    """
    said, usual = content.logits(views.content, views.fold), np.quantile(margins[~positive], PERHAPS)
    styled, plain = said[positive & (margins >= surest)], said[positive & (margins < min(surest, usual))]
    if len(plain) < FEWEST_PLAIN:
        return True  # the style of a whole label
    apart, whole = float(plain.mean() - styled.mean()), float(plain.mean() - said[~positive].mean())
    error = float(np.sqrt(styled.var() / len(styled) + plain.var() / len(plain)))
    return apart + 2 * error < ESTRANGED * whole


def divergence(share: Floats, expected: Floats) -> Floats:
    """Relative entropy of shares against those expected, in nats; 0 where no more than expected."""
    low = np.clip(expected, 1e-6, 1 - 1e-6)
    found = rel_entr(share, low) + rel_entr(1 - share, 1 - low)
    return np.asarray(np.where(share > low, found, 0.0))


def taught(views: Views, positive: Mask, teaching: Mask, rows: Integers) -> float:
    """Mean probability of the label that the style of ``rows`` has by models of the rows ``teaching``, calibrated."""
    if positive[teaching].all() or not positive[teaching].any():
        return 0.0
    margins = FoldModels.fit(views.style, positive, views, teaching).margins(views.style, views.fold)
    slopes, intercept = logistic(margins[teaching][:, None], positive[teaching])
    return float(chance(slopes[0] * margins[rows] + intercept).mean())


@dataclass(frozen=True, slots=True)
class StyleModel:
    """Scores rows of any block by a style and by how little their content agrees with the label."""

    style: FoldModels
    content: Content

    @classmethod
    def fit(cls, views: Views, positive: Mask, sign: StyleSign) -> StyleModel:
        """Of the group first, then of all rows ``positive`` that share its style, whatever their content.

        A style that goes with the label by nature (how people complain) is no sign: members score above nearly all
        other rows, and above most of those whose content agrees with the label. Rows of the label that may be members
        are not held against the style. Rows that somebody approved are none of ``positive``, whatever their label.
        """
        agreement = sign.content.logits(views.content, views.fold)
        agreeing = positive & (agreement >= np.quantile(agreement[positive], AGREEING))
        members = sign.members
        doubtful = positive & sign.against & ~members & (sign.margins >= sign.surest)
        for _ in range(LOOKS - 1):
            margins = FoldModels.fit(views.style, members, views, ~doubtful).margins(views.style, views.fold)
            sure = max(np.quantile(margins[~positive], SURE), np.quantile(margins[agreeing], MOST))
            members = positive & (margins >= sure)
            doubtful = positive & sign.against & ~members & (margins >= np.quantile(margins[~positive], PERHAPS))
        return cls(FoldModels.fit(views.style, members, views, ~doubtful), sign.content)

    def logits(self, style: scipy.sparse.csr_matrix, content: scipy.sparse.csr_matrix, fold: Integers) -> Floats:
        """Log-odds that a row with the label has the style by design, shape (rows,)."""
        return self.style.margins(style, fold) - CONTENT_WEIGHT * self.content.logits(content, fold)
