"""Pictures as points, and the direction in which some of them differ from all others, judged on rows held out.

1. Pixels are whitened by how all pictures differ (Fisher's linear discriminant; that marked pictures are among them
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

FOLDS = 4
MAX_ROWS = 4000
"""Rows behind the whitening, the first by hash: 32 x 32 pixels need no more."""
RIDGE = 0.02
"""Share of the mean variance added to every pixel's: constant pixels have none."""

Floats = npt.NDArray[np.float64]
Grids = npt.NDArray[np.float32]
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
    """

    flat: Grids
    side: int
    codes: Integers
    fold: Integers

    @property
    def grids(self) -> Grids:
        """Shape (rows, side, side)."""
        return self.flat.reshape(-1, self.side, self.side)


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction for each quarter: 0 where ordinary pictures are, 1 where the marked ones are.

    Attributes:
        weights: Shape (quarters, pixels).
        offsets: Shape (quarters,).
    """

    weights: Floats
    offsets: Floats

    def held_out(self, pictures: PictureSet) -> Floats:
        """Where each picture lies by the direction that it did not help to learn, shape (rows,)."""
        places = pictures.flat @ self.weights.T.astype(np.float32) - self.offsets
        return np.asarray(places[np.arange(len(pictures.flat)), pictures.fold])

    def of_all(self, flat: Grids) -> Floats:
        """Where new pictures lie, by the mean direction, shape (rows,)."""
        return np.asarray(flat @ self.weights.mean(axis=0).astype(np.float32) - self.offsets.mean())


@dataclass(frozen=True, slots=True)
class PictureSpace:
    """Pictures with their whitening.

    Attributes:
        pictures: The pictures.
        factors: Cholesky factor of the scatter of the rows outside each quarter.
        sums: Sum of the pictures of each quarter, shape (quarters, pixels).
    """

    pictures: PictureSet
    factors: tuple[Floats, ...]
    sums: Floats

    @classmethod
    def of(cls, pictures: PictureSet) -> PictureSpace:
        """Whiten the pictures."""
        fold, seen = pictures.fold[:MAX_ROWS], pictures.flat[:MAX_ROWS].astype(np.float64)
        with threadpool_limits(1):
            factors = tuple(_factor(seen[fold != held]) for held in range(FOLDS))
        return cls(pictures, factors, _sums(pictures.flat, pictures.fold))

    def direction(self, members: Mask) -> Direction | None:
        """The direction of ``members`` against all others; nothing where a quarter has none to learn from."""
        weights, offsets = [], []
        fold = self.pictures.fold
        marked_sums = _sums(self.pictures.flat[members], fold[members])
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
                weight = scipy.linalg.cho_solve((factor, True), difference)
                length = float(difference @ weight)
                if length <= 0:
                    return None
                weights.append(weight / length)
                offsets.append(float(base @ weight) / length)
        return Direction(np.array(weights), np.array(offsets))


def _sums(flat: Grids, fold: Integers) -> Floats:
    """Sum of the pictures of each quarter, shape (quarters, pixels)."""
    return np.array([flat[fold == quarter].sum(axis=0, dtype=np.float64) for quarter in range(FOLDS)])


def _factor(flat: Floats) -> Floats:
    residuals = flat - flat.mean(axis=0)
    scatter = residuals.T @ residuals / max(1, len(residuals))
    ridge = RIDGE * float(np.trace(scatter)) / len(scatter) + 1e-9
    return np.asarray(scipy.linalg.cholesky(scatter + ridge * np.eye(len(scatter)), lower=True))
