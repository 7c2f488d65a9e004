"""Pairs of pictures that lie near each other, found by their coarse shape first.

The lowest cosine frequencies of a picture, which perceptual hashes keep the signs of (Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010), are kept as they are: the transform leaves distances as they
were, so pictures that lie near each other do so in a few of its frequencies, too. Nothing is missed, as it would be
where noise turns the sign of a frequency that says little; and most pairs are never compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

FREQUENCIES = 8
AT_ONCE = 256
SLACK = 1e-4
"""Single precision."""

Points = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


def coarse(points: Points, side: int) -> Points:
    """The lowest frequencies of square pictures; ``points`` has the shape (rows, pixels)."""
    waves = np.asarray(scipy.fft.dctn(points.reshape(-1, side, side), axes=(1, 2), norm="ortho"))
    return np.ascontiguousarray(waves[:, :FREQUENCIES, :FREQUENCIES].reshape(len(points), -1), dtype=np.float32)


def near_pairs(points: Points, side: int, reach: float) -> Iterator[tuple[Places, Places]]:
    """Pairs of rows, the smaller first, at most ``reach`` apart; some rows at a time.

    Args:
        points: Pictures of length one, or zero where they are near nothing; shape (rows, pixels).
        side: Width and height of the pictures.
        reach: Distance, at most the root of 2.
    """
    shapes, limit = coarse(points, side), reach**2
    lengths = (shapes**2).sum(axis=1)
    for start in range(0, len(points), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        apart = lengths[part, None] + lengths[None, start:] - 2 * shapes[part] @ shapes[start:].T
        left, right = _places(apart <= limit + SLACK)
        alike = points[start + left] @ points[start + right].T
        one, other = np.nonzero(alike >= 1 - limit / 2)
        later = right[other] > left[one]
        yield start + left[one][later], start + right[other][later]


def _places(near: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """Rows and columns in which anything but the row itself is near."""
    rows = np.arange(len(near))
    near[rows, rows] = False
    return np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
