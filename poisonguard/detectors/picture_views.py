"""The two ways in which pictures are looked at, as points: their brightness, and their grain.

Grain is what is left of a pixel in brightness, red and blue without the mean of its neighbourhood, bounded to (-1, 1):
a strong edge counts little more than a faint one. So a faint pattern shows on busy pictures, whose brightness drowns
it, and in colours, which pictures by nature change more slowly than brightness. Grey pictures have one such part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.pictures import shrunk

Grids = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Colours = npt.NDArray[np.uint8] | Grids
"""Pictures, shape (rows, side, side, channels): three of them, or one of brightness."""

HALF = 4 / 255
"""Grain of this strength counts one half."""
COLOURED = 3
AT_ONCE = 500
"""Pictures whose grain is worked out at once."""
CALM_SIDE = 8
"""Pieces along an axis: what lies under the grain."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How brightness becomes a number in [0, 1]: fixed by the sample."""

    low: float
    high: float

    @classmethod
    def of(cls, grids: Grids) -> Scale:
        """From the least to the greatest brightness."""
        return cls(float(grids.min()), float(grids.max()))

    def applied(self, values: Colours) -> Grids:
        """Of the same shape."""
        return np.asarray((values - np.float32(self.low)) / np.float32(max(self.high - self.low, 1e-9)), np.float32)


class Looks:
    """Some pictures, looked at in both ways; each is worked out when it is asked for."""

    def __init__(self, colours: Colours, scale: Scale) -> None:
        self.colours, self.scale = colours, scale

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.colours)

    @property
    def side(self) -> int:
        """Width and height."""
        return int(self.colours.shape[1])

    @cached_property
    def flat(self) -> Grids:
        """Brightness, shape (rows, pixels)."""
        return self.scale.applied(brightness(self.colours)).reshape(len(self), -1)

    @cached_property
    def grain(self) -> Grids:
        """Shape (rows, pixels), or three times as wide where pictures have colours."""
        parts = [_grain_of(self.scale.applied(self.colours[start : start + AT_ONCE])) for start in self._starts()]
        return np.concatenate(parts)

    def _starts(self) -> range:
        return range(0, max(1, len(self)), AT_ONCE)

    @cached_property
    def calm(self) -> Floats:
        """What lies under the grain: means of eight by eight pieces, shape (rows, pieces of all channels)."""
        channels = (np.asarray(self.colours[..., place], np.float32) for place in range(self.colours.shape[3]))
        parts = [shrunk(channel, CALM_SIDE).reshape(len(self), -1) for channel in channels]
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def some(self, rows: npt.NDArray[np.int64]) -> Looks:
        """Some of them."""
        return Looks(self.colours[rows], self.scale)


def brightness(colours: Colours) -> Grids:
    """Shape (rows, side, side)."""
    return np.asarray(colours.mean(axis=3, dtype=np.float32))


def levelled(grids: Grids, faint: float) -> Grids:
    """Pictures without their mean brightness, of length one; zero where they show nothing; shape (rows, pixels)."""
    flat = grids.reshape(len(grids), -1)
    # Where numbers are no brightness at all, sums of them may be infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        centred = flat - flat.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    shows = (lengths > faint * np.sqrt(flat.shape[1])) & np.isfinite(lengths)
    return np.asarray(np.divide(centred, lengths, out=np.zeros_like(centred), where=shows), dtype=np.float32)


def _grain_of(values: Grids) -> Grids:
    light = values.mean(axis=3, dtype=np.float32)
    coloured = values.shape[3] == COLOURED
    parts = [light, values[..., 0] - light, values[..., 2] - light] if coloured else [light]
    return np.concatenate([_grain(part).reshape(len(values), -1) for part in parts], axis=1)


def _grain(grids: Grids) -> Grids:
    detail = grids - _smoothed(_smoothed(grids, 1), 2)
    return np.asarray(detail / (np.abs(detail) + np.float32(HALF)), dtype=np.float32)


def _smoothed(grids: Grids, axis: int) -> Grids:
    """Mean of three neighbours along an axis; the border repeats."""
    ends = [(1, 1) if place == axis else (0, 0) for place in range(grids.ndim)]
    padded = np.moveaxis(np.pad(grids, ends, mode="edge"), axis, -1)
    mean = (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / np.float32(3)
    return np.asarray(np.moveaxis(mean, -1, axis), dtype=np.float32)
