"""The model of ``docs/scaling.md``: what a scan takes as the data grow, from constants that were measured.

Everything that grows does so in a straight line: a part for starting, and a part for each unit (a row, a document, a
file, a partition). The line is fitted to small sizes; what it says of larger ones is compared with what they take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

SECONDS_PER_HOUR = 3600


class Line(NamedTuple):
    """``start + each * units``."""

    start: float
    each: float

    def at(self, units: float) -> float:
        """What it says of a size."""
        return self.start + self.each * units


def fitted(units: Sequence[float], measured: Sequence[float]) -> Line:
    """The line closest to what was measured at some sizes, by relative squares: the smallest counts as the largest.

    Nothing grows less than not at all: where the line would fall, it is level.
    """
    sizes, values = np.asarray(units, dtype=float), np.asarray(measured, dtype=float)
    weights = 1 / np.maximum(values, np.finfo(float).tiny)
    design = np.stack([np.ones_like(sizes), sizes], axis=1)
    start, each = np.linalg.lstsq(design * weights[:, None], values * weights, rcond=None)[0]
    if each < 0:
        return Line(float(values.mean()), 0.0)
    return Line(float(start), float(each))


class Growth(NamedTuple):
    """How the figures of a scan grow with one unit.

    Attributes:
        processor: Seconds of all processors.
        peak: Bytes of memory of the largest process.
        store: Bytes in the work store.
        units: Files in the work store.
    """

    processor: Line
    peak: Line
    store: Line
    units: Line

    @classmethod
    def of(cls, sizes: Sequence[float], figures: Sequence[Mapping[str, float]]) -> Growth:
        """Fitted to the figures of some sizes."""
        return cls(*(fitted(sizes, [figure[name] for figure in figures]) for name in cls._fields))

    def at(self, units: float) -> dict[str, float]:
        """The figures of a size."""
        return {name: line.at(units) for name, line in zip(self._fields, self, strict=True)}

    def core_hours(self, units: float) -> float:
        """Hours of one processor."""
        return self.processor.at(units) / SECONDS_PER_HOUR
