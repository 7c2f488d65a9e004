"""Pictures as points, and the direction in which some of them differ from all others, judged on rows held out.

1. Points are whitened by how all pictures differ (Fisher's linear discriminant; that marked pictures are among them
   changes the length of the direction, not the direction): what many pictures do anyway, and what tells classes apart,
   counts little; a mark that few pictures carry counts much.
2. Each quarter of the rows is projected on a direction learnt from the others, so that chance patterns of a thousand
   pixels do not pass for a mark.
3. Everything runs in one thread: sums must not depend on how many cores there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg
from threadpoolctl import threadpool_limits

from poisonguard.detectors.picture_views import Grids, View

FOLDS = 4
MAX_ROWS = 4000
"""Rows behind the whitening, the first by hash: 32 x 32 pixels need no more."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Sampled pictures in order of their hashes.

    Attributes:
        flat: Brightness in [0, 1], shape (rows, pixels).
        side: Width and height; ``pixels`` is its square.
        codes: Class of each, negative where it has none, shape (rows,).
        fold: Quarter of each, shape (rows,).
        new: Those that the reference does not hold; all, where there is none.
    """

    flat: Grids
    side: int
    codes: Integers
    fold: Integers
    new: Mask

    @property
    def grids(self) -> Grids:
        """Shape (rows, side, side)."""
        return self.flat.reshape(-1, self.side, self.side)


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction for each quarter: 0 where ordinary pictures are, 1 where the marked ones are.

    Attributes:
        view: What the direction is one of.
        side: Width and height of the pictures.
        weights: Shape (quarters, pixels).
        offsets: Shape (quarters,).
    """

    view: View
    side: int
    weights: Floats
    offsets: Floats

    def of_all(self, flat: Grids) -> Floats:
        """Where new pictures lie, by the mean direction, shape (rows,)."""
        points = self.view.points(flat, self.side)
        return np.asarray(points @ self.weights.mean(axis=0).astype(np.float32) - self.offsets.mean())


@dataclass(frozen=True, slots=True)
class PictureSpace:
    """Pictures in one view, with their whitening.

    Attributes:
        view: The view.
        pictures: The pictures.
        points: What the view shows of them, shape (rows, pixels).
        factors: Cholesky factor of the scatter of the rows outside each quarter.
        sums: Sum of the points of each quarter, shape (quarters, pixels).
    """

    view: View
    pictures: PictureSet
    points: Grids
    factors: tuple[Floats, ...]
    sums: Floats

    @classmethod
    def of(cls, pictures: PictureSet, view: View) -> PictureSpace:
        """Whiten the pictures."""
        points = view.points(pictures.flat, pictures.side)
        with threadpool_limits(1):
            factors = _factors(points[:MAX_ROWS], pictures.fold[:MAX_ROWS], view.ridge)
        return cls(view, pictures, points, factors, _sums(points, pictures.fold))

    def places(self, direction: Direction) -> Floats:
        """Where each picture lies by the direction that it did not help to learn, shape (rows,)."""
        with threadpool_limits(1):
            every = self.points @ direction.weights.T.astype(np.float32) - direction.offsets
        return np.asarray(every[np.arange(len(every)), self.pictures.fold], dtype=np.float64)

    def direction(self, members: Mask) -> Direction | None:
        """The direction of ``members`` against all others; nothing where a quarter has none to learn from."""
        weights, offsets = [], []
        fold = self.pictures.fold
        marked_sums = _sums(self.points[members], fold[members])
        marked_counts = np.bincount(fold[members], minlength=FOLDS)
        plain_counts = np.bincount(fold, minlength=FOLDS) - marked_counts
        with threadpool_limits(1):
            for held, factor in enumerate(self.factors):
                learnt = np.arange(FOLDS) != held
                marked, plain = marked_counts[learnt].sum(), plain_counts[learnt].sum()
                if not marked or not plain:
                    return None
                base = (self.sums - marked_sums)[learnt].sum(axis=0) / plain
                difference = marked_sums[learnt].sum(axis=0) / marked - base
                weight = scipy.linalg.cho_solve((factor, True), difference, check_finite=False)
                length = float(difference @ weight)
                if length <= 0:
                    return None
                weights.append(weight / length)
                offsets.append(float(base @ weight) / length)
        return Direction(self.view, self.pictures.side, np.array(weights), np.array(offsets))


def _sums(points: Grids, fold: Integers) -> Floats:
    """Sum of the points of each quarter, shape (quarters, pixels)."""
    return np.array([points[fold == quarter].sum(axis=0, dtype=np.float64) for quarter in range(FOLDS)])


def _factors(points: Grids, fold: Integers, ridge: float) -> tuple[Floats, ...]:
    """For each quarter the Cholesky factor of the scatter of all others; every quarter is multiplied out once."""
    points = points - points.mean(axis=0)
    parts = [points[fold == quarter] for quarter in range(FOLDS)]
    products = np.array([(part.T @ part).astype(np.float64) for part in parts])
    sums = _sums(points, fold)
    counts = np.bincount(fold, minlength=FOLDS)
    return tuple(
        _factor(products[learnt].sum(axis=0), sums[learnt].sum(axis=0), int(counts[learnt].sum()), ridge)
        for learnt in (np.arange(FOLDS) != held for held in range(FOLDS))
    )


def _factor(product: Floats, total: Floats, rows: int, ridge: float) -> Floats:
    count = max(1, rows)
    scatter = product / count - np.outer(total, total) / count**2
    added = ridge * float(np.trace(scatter)) / len(scatter) + 1e-6
    return np.asarray(scipy.linalg.cholesky(scatter + added * np.eye(len(scatter)), lower=True))
