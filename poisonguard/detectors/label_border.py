"""Whether contradictions crowd along the line that best parts two classes: the mark of labels flipped at the border.

An attacker who flips the labels that a linear model is least sure of (Xiao, Xiao & Eckert, "Adversarial Label Flips
Attack on Support Vector Machines", 2012) hides among honest doubt: each single flip looks like a mistake. But all lie
in one thin band, and there mistakes are no longer as many as the models' own doubt lets expect.

1. A ridge model of the classes, on standardised numbers and on categories, says how near each row lies to a border.
   Labels decide next to nothing about where one row lies: there are many more rows than dimensions.
2. How often the strong models (``label_models``) err is a smooth function of their sureness and of what the ridge
   model says of their answer. It is fitted *outside* a band (logistic regression, above the share of errors that
   remains where the models are surest) and continued into it, so that classes which honestly are noisy at a linear
   border expect noise there.
3. A band stands out where labels contradict the models far more often than that, and so does its inner half, judged
   alone. And it ends: the shell around it, as many rows, does not exceed its own expectation by nearly as much. Honest
   curvature neither reaches to the border itself nor ends at once.

Several bands are asked; Bonferroni's correction is in the distance that is demanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import expit

from poisonguard.detectors.contradiction import QUITE_SURE, Floats, sureness
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.fold_ensemble import Mask, Probabilities
from poisonguard.detectors.labels import UNKNOWN, Codes
from poisonguard.detectors.learners import threads

SHARES = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15)
"""Shares of the rows, the nearest to a border, that are asked."""

FEWEST = 60
"""A band of fewer rows says nothing."""

DISTANCE = 4.5
"""Standard deviations of the number of contradictions in a band beyond what is expected."""

EFFECT = 0.1
"""Share of contradictions in the band beyond what is expected."""

FADED = 0.5
"""Most that the shell may exceed its expectation, as a part of what the band does."""

RIDGE = 1e-3
ROWS_PER_DIMENSION = 10
MOST_DIMENSIONS = 400
"""With more, the ridge model would cost more seconds and memory than all others together."""

FARTHEST = 10.0
"""Standard deviations at which one number counts as an outlier and goes no farther."""

PRIOR = 0.1
LEAST = 1e-9
MOST_EVERYWHERE = 0.4
SUREST = 0.2
"""Share of the rows, those that the models are surest of, whose errors lie everywhere."""

DIGITS = 6
AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Plane:
    """A ridge model of the classes.

    Attributes:
        encoder: What it reads.
        centre: Means of the numbers.
        scale: Their standard deviations.
        weights: Shape (dimensions + 1, classes).
    """

    encoder: TableEncoder
    centre: Floats
    scale: Floats
    weights: Floats

    @classmethod
    def fit(cls, encoder: TableEncoder, table: pa.Table, codes: Codes, classes: int) -> Plane | None:
        """Fit on rows that all have a label; nothing where there are too many dimensions for them."""
        dimensions = len(encoder.numeric) + sum(len(item.names) for item in encoder.categorical) + 1
        if not 1 < dimensions <= min(MOST_DIMENSIONS, table.num_rows // ROWS_PER_DIMENSION):
            return None
        values = encoder.matrix(table)[:, : len(encoder.numeric)]
        held = np.where(np.isnan(values), np.nan, values)
        # A column may hold nothing at all.
        filled = np.maximum(1, (~np.isnan(held)).sum(axis=0))
        centre = np.nansum(held, axis=0) / filled
        scale = np.sqrt(np.nansum((held - centre) ** 2, axis=0) / filled)
        empty = cls(encoder, centre, np.where(scale > 0, scale, 1.0), np.zeros((0, classes)))
        points = empty.points(table)
        gram = points.T @ points + RIDGE * len(points) * np.eye(points.shape[1])
        own = (codes[:, np.newaxis] == np.arange(classes)).astype(np.float64)
        return cls(encoder, empty.centre, empty.scale, np.linalg.solve(gram, points.T @ own))

    def points(self, table: pa.Table | pa.RecordBatch) -> Floats:
        """Standardised numbers, one column for each category, and one; shape (rows, dimensions + 1)."""
        matrix, numbers = self.encoder.matrix(table), len(self.encoder.numeric)
        standard = np.clip((matrix[:, :numbers] - self.centre) / self.scale, -FARTHEST, FARTHEST)
        parts = [np.nan_to_num(standard)]
        for place, item in enumerate(self.encoder.categorical, start=numbers):
            parts.append((matrix[:, [place]] == np.arange(len(item.names))).astype(np.float64))
        return np.hstack([*parts, np.ones((len(matrix), 1))])

    def placed(self, table: pa.Table | pa.RecordBatch) -> Mask:
        """Which rows hold at least half of what says where they lie, shape (rows,): the others lie at no border."""
        matrix, numbers = self.encoder.matrix(table), len(self.encoder.numeric)
        known = (~np.isnan(matrix[:, :numbers])).sum(axis=1)
        for place, item in enumerate(self.encoder.categorical, start=numbers):
            known = known + (matrix[:, place] < len(item.names))
        return np.asarray(2 * known >= max(1, matrix.shape[1]))

    def scores(self, table: pa.Table | pa.RecordBatch) -> Floats:
        """Score of each class, shape (rows, classes)."""
        # Piece by piece: points have a column for each category.
        parts = [self.points(table.slice(start, AT_ONCE)) @ self.weights for start in range(0, table.num_rows, AT_ONCE)]
        return np.round(np.concatenate([np.zeros((0, self.weights.shape[1])), *parts]), DIGITS)


@dataclass(frozen=True, slots=True)
class Border:
    """A band along a border in which labels are wrong.

    Attributes:
        plane: What says how near a row lies.
        edge: Largest distance of a row in the band.
        rows: Rows in it.
        wrong: Share of them whose label is contradicted.
        expected: Share that was expected.
        distance: Standard deviations between them.
    """

    plane: Plane
    edge: float
    rows: int
    wrong: float
    expected: float
    distance: float

    @property
    def flipped(self) -> float:
        """Share of the rows in it that are taken for flipped: a flip of a row that was missed is none."""
        return min(1.0, (self.wrong - self.expected) / max(1 - 2 * self.expected, EFFECT))

    def holds(self, table: pa.Table | pa.RecordBatch, codes: Codes) -> Mask:
        """Which rows lie in the band and carry a label, shape (rows,)."""
        near = distances(self.plane.scores(table)) <= self.edge
        return np.asarray(near & (codes != UNKNOWN) & self.plane.placed(table))


def distances(scores: Floats) -> Floats:
    """How far each row lies from the nearest border: the best score less the second, shape (rows,)."""
    top = np.partition(scores, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def crowded_border(encoder: TableEncoder, table: pa.Table, probabilities: Probabilities, codes: Codes) -> Border | None:
    """The band that stands out farthest; nothing if none does. Every row has a label."""
    with threads().limit(limits=1):
        plane = Plane.fit(encoder, table, codes, probabilities.shape[1])
        if plane is None:
            return None
        placed = plane.placed(table)
        scores = plane.scores(table)[placed]
        bands = _bands(plane, scores, probabilities[placed], codes[placed])
        found = [item for item in bands if item.distance >= DISTANCE]
    return max(found, key=lambda item: item.distance, default=None)


def _bands(plane: Plane, scores: Floats, probabilities: Probabilities, codes: Codes) -> Iterator[Border]:
    far = distances(scores)
    order = np.argsort(far, kind="stable")
    wrong = probabilities.argmax(axis=1) != codes
    views = _views(scores, probabilities)
    for share in SHARES:
        rows = int(share * len(order))
        if rows < FEWEST:
            continue
        band, shell, inner = order[:rows], order[rows : 2 * rows], order[: rows // 2]
        expected = _continued(views, wrong, order[rows:])
        excess, beyond = (float((wrong[part] - expected[part]).mean()) for part in (band, shell))
        if excess < EFFECT or beyond > FADED * excess:
            continue
        if (wrong - _continued(views, wrong, order[len(inner) :]))[inner].mean() >= EFFECT:
            usual, deviation = float(expected[band].mean()), np.sqrt(float((expected * (1 - expected))[band].sum()))
            distance = excess * rows / max(deviation, 1.0)
            yield Border(plane, float(far[band[-1]]), rows, float(wrong[band].mean()), usual, distance)


def _views(scores: Floats, probabilities: Probabilities) -> Floats:
    """What the errors of the strong models are expected from, shape (rows, 4)."""
    rows, answer = np.arange(len(scores)), probabilities.argmax(axis=1)
    rest = scores.copy()
    rest[rows, answer] = -np.inf
    support = scores[rows, answer] - rest.max(axis=1)
    support = support / (float(support.std()) or 1.0)
    sure = np.minimum(sureness(probabilities), QUITE_SURE)
    return np.column_stack([np.ones(len(scores)), sure, support, np.abs(support)])


def _continued(views: Floats, wrong: Mask, taught: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    """Chance of an error in every row, as the rows ``taught`` have it."""
    matrix, held = views[taught], wrong[taught].astype(np.float64)
    everywhere = min(float(held[matrix[:, 1] >= np.quantile(matrix[:, 1], 1 - SUREST)].mean()), MOST_EVERYWHERE)

    def loss(weights: Floats) -> tuple[float, Floats]:
        chance = np.clip(expit(matrix @ weights), LEAST, 1 - LEAST)
        total = everywhere + (1 - everywhere) * chance
        pull = PRIOR * np.array([0.0, *weights[1:]])
        value = -float(held @ np.log(total) + (1 - held) @ np.log1p(-total)) + float(pull @ weights) / 2
        step = (1 - everywhere) * chance * (1 - chance) * (total - held) / (total * (1 - total))
        return value, matrix.T @ step + pull

    found = minimize(loss, np.zeros(views.shape[1]), jac=True, method="L-BFGS-B")
    # Four decimals: the last bits of an optimiser differ between builds of the library.
    return np.asarray(everywhere + (1 - everywhere) * expit(views @ (np.rint(found.x * 1e4) / 1e4)))
