"""Pictures as points, and the direction in which some of them differ from all others, judged on rows held out.

1. Brightness is whitened by how all pictures differ (Fisher's linear discriminant; that marked pictures are among them
   changes the length of the direction, not the direction): what many pictures do anyway, and what tells classes apart,
   counts little; a mark that few pictures carry counts much.
2. Each quarter of the rows is projected on a direction learnt from the others, so that chance patterns of a thousand
   pixels do not pass for a mark.
3. Grain has more dimensions than there are pictures, and no strong ones: each is divided by its own spread.
4. Callers keep everything in one thread: sums must not depend on how many cores there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

from poisonguard.detectors.picture_views import Floats, Grids, Looks

FOLDS = 4
MAX_ROWS = 4000
"""Rows behind the whitening, the first by hash: 32 x 32 pixels need no more."""
RIDGE = 0.02
"""Share of the mean variance added to every pixel's when points are whitened: constant pixels have none."""
LEAST_SPREAD = 0.01
"""Grain that moves less says nothing."""

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Sampled pictures in order of their hashes.

    Attributes:
        looks: The pictures.
        codes: Class of each, negative where it has none, shape (rows,).
        fold: Quarter of each, shape (rows,).
        new: Those that the reference does not hold; all, where there is none.
    """

    looks: Looks
    codes: Integers
    fold: Integers
    new: Mask

    @property
    def side(self) -> int:
        """Width and height."""
        return self.looks.side

    @property
    def flat(self) -> Grids:
        """Brightness in [0, 1], shape (rows, pixels)."""
        return self.looks.flat

    @property
    def grids(self) -> Grids:
        """Shape (rows, side, side)."""
        return self.flat.reshape(-1, self.side, self.side)

    def some(self, rows: Integers) -> PictureSet:
        """Some of them."""
        return PictureSet(self.looks.some(rows), self.codes[rows], self.fold[rows], self.new[rows])


@dataclass(frozen=True, slots=True)
class Frame:
    """How grain is measured: fixed by the sample.

    Attributes:
        centre: Mean of each dimension.
        weight: One over its spread; 0 where there is none.
        usual: Length that a picture's grain usually has.
    """

    centre: Grids
    weight: Grids
    usual: float

    @classmethod
    def of(cls, grain: Grids) -> Frame:
        """From sampled pictures."""
        centre = grain.mean(axis=0, dtype=np.float64)
        squares = np.einsum("ij,ij->j", grain, grain, dtype=np.float64) / max(1, len(grain))
        spread = np.sqrt(np.maximum(squares - centre**2, 0))
        weight = np.where(spread > LEAST_SPREAD, 1 / np.maximum(spread, LEAST_SPREAD), 0).astype(np.float32)
        frame = cls(centre.astype(np.float32), weight, 1.0)
        return cls(frame.centre, weight, max(float(np.sqrt(np.median(_squared(frame.in_spreads(grain))))), 1e-6))

    def in_spreads(self, grain: Grids) -> Grids:
        """Each dimension from its mean, in its spreads."""
        points = grain - self.centre
        points *= self.weight
        return points

    def points(self, grain: Grids) -> Grids:
        """Grain in spreads; busy pictures are hardly longer than others."""
        points = self.in_spreads(grain)
        points /= np.sqrt(_squared(points) + np.float32(self.usual**2))[:, None]
        return points


def _squared(points: Grids) -> Grids:
    """Squared length of each point."""
    return np.asarray(np.einsum("ij,ij->i", points, points))


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction for each quarter: 0 where ordinary pictures are, 1 where the marked ones are.

    Attributes:
        weights: Shape (quarters, dimensions).
        offsets: Shape (quarters,).
        frame: How grain is measured; nothing of a direction of brightness.
    """

    weights: Floats
    offsets: Floats
    frame: Frame | None

    def of_all(self, looks: Looks) -> Floats:
        """Where new pictures lie, by the mean direction, shape (rows,)."""
        points = looks.flat if self.frame is None else self.frame.points(looks.grain)
        return np.asarray(points @ self.weights.mean(axis=0).astype(np.float32) - self.offsets.mean())


@dataclass(frozen=True, slots=True)
class PictureSpace:
    """Pictures looked at in one way.

    Attributes:
        pictures: The pictures.
        points: What is seen of them, shape (rows, dimensions).
        sums: Sum of the points of each quarter, shape (quarters, dimensions).
        factors: Cholesky factor of the scatter of the brightness of the rows outside each quarter.
        frame: How grain is measured; nothing where brightness is looked at.
    """

    pictures: PictureSet
    points: Grids
    sums: Floats
    factors: tuple[Floats, ...] = ()
    frame: Frame | None = None

    @classmethod
    def of_brightness(cls, pictures: PictureSet) -> PictureSpace:
        """Whiten the pictures."""
        points = pictures.flat
        factors = _factors(points[:MAX_ROWS], pictures.fold[:MAX_ROWS])
        return cls(pictures, points, _sums(points, pictures.fold), factors)

    @classmethod
    def of_grain(cls, pictures: PictureSet) -> PictureSpace:
        """Measure the pictures' grain."""
        frame = Frame.of(pictures.looks.grain)
        points = frame.points(pictures.looks.grain)
        return cls(pictures, points, _sums(points, pictures.fold), frame=frame)

    def grain_of(self, members: Mask) -> Floats:
        """Mean grain of some of the pictures."""
        return np.asarray(self.pictures.looks.grain[members].mean(axis=0, dtype=np.float64))

    def places(self, direction: Direction) -> Floats:
        """Where each picture lies by the direction that it did not help to learn, shape (rows,)."""
        every = self.points @ direction.weights.T.astype(np.float32) - direction.offsets
        return np.asarray(every[np.arange(len(every)), self.pictures.fold], dtype=np.float64)

    def direction(self, members: Mask) -> Direction | None:
        """The direction of ``members`` against all others; nothing where a quarter has none to learn from."""
        weights, offsets = [], []
        fold = self.pictures.fold
        marked_sums = _sums(self.points[members], fold[members])
        marked_counts = np.bincount(fold[members], minlength=FOLDS)
        plain_counts = np.bincount(fold, minlength=FOLDS) - marked_counts
        for held in range(FOLDS):
            learnt = np.arange(FOLDS) != held
            marked, plain = marked_counts[learnt].sum(), plain_counts[learnt].sum()
            if not marked or not plain:
                return None
            base = (self.sums - marked_sums)[learnt].sum(axis=0) / plain
            difference = marked_sums[learnt].sum(axis=0) / marked - base
            weight = self._weighed(difference, held)
            length = float(difference @ weight)
            if length <= 0:
                return None
            weights.append(weight / length)
            offsets.append(float(base @ weight) / length)
        return Direction(np.array(weights), np.array(offsets), self.frame)

    def _weighed(self, difference: Floats, held: int) -> Floats:
        """A difference in whitened brightness, or in grain, which has been divided by its spreads."""
        if not self.factors:
            return difference
        return np.asarray(scipy.linalg.cho_solve((self.factors[held], True), difference, check_finite=False))


def _sums(points: Grids, fold: Integers) -> Floats:
    """Sum of the points of each quarter, shape (quarters, pixels)."""
    return np.array([points[fold == quarter].sum(axis=0, dtype=np.float64) for quarter in range(FOLDS)])


def _factors(points: Grids, fold: Integers) -> tuple[Floats, ...]:
    """For each quarter the Cholesky factor of the scatter of all others; every quarter is multiplied out once."""
    points = points - points.mean(axis=0)
    parts = [points[fold == quarter] for quarter in range(FOLDS)]
    products = np.array([(part.T @ part).astype(np.float64) for part in parts])
    sums = _sums(points, fold)
    counts = np.bincount(fold, minlength=FOLDS)
    return tuple(
        _factor(products[learnt].sum(axis=0), sums[learnt].sum(axis=0), int(counts[learnt].sum()))
        for learnt in (np.arange(FOLDS) != held for held in range(FOLDS))
    )


def _factor(product: Floats, total: Floats, rows: int) -> Floats:
    count = max(1, rows)
    scatter = product / count - np.outer(total, total) / count**2
    added = RIDGE * float(np.trace(scatter)) / len(scatter) + 1e-6
    return np.asarray(scipy.linalg.cholesky(scatter + added * np.eye(len(scatter)), lower=True))
