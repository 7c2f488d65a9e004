"""The two ways in which pictures are looked at, as points: their brightness, and their fine detail.

Detail is what is left of a pixel's brightness without the mean of its neighbourhood, bounded to (-1, 1): a strong edge
counts little more than a faint one. So a faint pattern shows on busy pictures, whose brightness drowns it.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

Grids = npt.NDArray[np.float32]

HALF = 16 / 255
"""Detail of this strength counts one half."""


class View(StrEnum):
    """What of a picture is looked at."""

    BRIGHTNESS = "brightness"
    DETAIL = "detail"

    @property
    def ridge(self) -> float:
        """Share of the mean variance added to every pixel's when points are whitened.

        Constant pixels have no variance of their own; detail varies nearly alike everywhere, and where there are no
        more pictures than pixels its whitening would fit their chance patterns.
        """
        return 1.0 if self is View.DETAIL else 0.02

    def points(self, flat: Grids, side: int) -> Grids:
        """Brightness in [0, 1] as points, shape (rows, pixels) as it came."""
        if self is View.BRIGHTNESS:
            return flat
        grids = flat.reshape(-1, side, side)
        detail = grids - _smoothed(_smoothed(grids, 1), 2)
        bounded = detail / (np.abs(detail) + np.float32(HALF))
        return np.ascontiguousarray(bounded.reshape(len(flat), -1), dtype=np.float32)


def _smoothed(grids: Grids, axis: int) -> Grids:
    """Mean of three neighbours along an axis; the border repeats."""
    ends = [(1, 1) if place == axis else (0, 0) for place in range(grids.ndim)]
    padded = np.moveaxis(np.pad(grids, ends, mode="edge"), axis, -1)
    mean = (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / np.float32(3)
    return np.asarray(np.moveaxis(mean, -1, axis), dtype=np.float32)
