"""What sets planted odd rows apart from honest ones.

1. *Scattered*: honest data have gross outliers in a column or two, with heavy tails or faults. Rows that each hold one
   impossible number, scattered over a third of all columns, are not made by chance.
2. *Incoherent*: with a reference, new rows whose numbers are ordinary one by one and impossible together, while all
   the other new rows go together as they did. An honest change moves the bulk, or the numbers themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.copula import RowModel

IMPOSSIBLE = 0.001
"""Rows so odd that are expected in an honest dataset."""

SINGLE = 0.8
"""Share of a row's surprise that its most extreme number must carry."""

FEWEST = 8
FEWEST_COLUMNS = 3
COLUMNS_SHARE = 1 / 3
ONE_COLUMN = 0.5
"""Share of the rows that one column may hold."""

BULK = 0.8
BULK_MOVED = 0.06
"""Share of the new rows by which more may lie above the reference's ``BULK`` quantile."""


@dataclass(frozen=True, slots=True)
class Scattered:
    """Rows with one impossible number each.

    Attributes:
        rows: How many of the sampled rows.
        columns: Over how many columns they are scattered.
    """

    rows: int
    columns: int


def scattered(model: RowModel, sample: pa.Table, surprise: Floats, rows: int) -> Scattered | None:
    """Rows of ``sample`` with impossible numbers, scattered over the columns; nothing when there are few.

    Args:
        model: A model of ordinary rows.
        sample: The rows.
        surprise: What the model says of each, shape (rows,).
        rows: Rows of the whole dataset.
    """
    limit = float(np.log10(max(rows, 1) / IMPOSSIBLE))
    single, column = model.extremes(sample)
    found = (surprise > limit) & (single > SINGLE * surprise)
    counts = np.bincount(column[found], minlength=1)
    columns = int(np.count_nonzero(counts))
    wide = columns >= max(FEWEST_COLUMNS, COLUMNS_SHARE * len(model.numeric))
    many = found.sum() >= FEWEST and counts.max() <= ONE_COLUMN * found.sum()
    return Scattered(int(found.sum()), columns) if wide and many else None


def incoherent(model: RowModel, new: pa.Table, surprise: Floats, own: Floats, cut: float) -> bool:
    """Whether most odd rows of ``new`` are odd as combinations only, and the other rows are as ever."""
    odd = surprise > cut
    if odd.sum() < FEWEST:
        return False
    rest = surprise[~odd]
    moved = float((rest > np.quantile(own, BULK)).mean()) - (1 - BULK) if len(rest) else 1.0
    together = model.dependence(new.filter(pa.array(odd)))
    return moved <= BULK_MOVED and float(together.mean()) > ONE_COLUMN
