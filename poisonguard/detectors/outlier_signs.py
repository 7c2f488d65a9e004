"""What sets planted odd rows apart from honest ones.

1. *Scattered*: honest data have gross outliers in a column or two, with heavy tails or faults. Rows that each hold one
   impossible number, scattered over a third of all columns, or over half as many as there are such rows, are not made
   by chance. They are all different: one number over and over is a code. Against a reference whose bulk is as before,
   numbers beyond all but a few of its own are enough.
2. *Incoherent*: with a reference, new rows whose numbers are ordinary one by one and impossible together, while all
   the other new rows go together as they did. An honest change moves the bulk, or the numbers themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.chances import fisher_tail
from poisonguard.detectors.copula import RowModel
from poisonguard.detectors.features_tabular import numbers

IMPOSSIBLE = 0.001
"""Rows so odd that are expected in an honest dataset."""

SINGLE = 0.8
"""Share of a row's surprise that its most extreme number must carry."""

FEWEST = 8
FEWEST_COLUMNS = 3
COLUMNS_SHARE = 1 / 3
ONE_COLUMN = 0.5
"""Share of the rows that one column may hold ..."""

MANY, OTHER_COLUMNS = 16, 0.25
"""... unless so many, and this share of them, stand in other columns: a table has three columns, too."""

DIFFERENT = 0.5
"""Distinct numbers, as a share of the rows that hold them."""

COLUMNS_PER_ROW = 0.5
"""Columns for each such row that are wide, too: few rows cannot lie in many columns."""

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


@dataclass(frozen=True, slots=True)
class Excess:
    """Odd rows among the new ones, against the reference's own."""

    odd: int
    rows: int
    known: int
    reference_rows: int
    reference: str
    incoherent: bool = False

    @property
    def share(self) -> float:
        """Share of the new rows that are odd."""
        return self.odd / max(1, self.rows)

    @property
    def base(self) -> float:
        """Share of the reference's rows that are."""
        return self.known / max(1, self.reference_rows)

    @property
    def chance(self) -> float:
        """Fisher's exact test, one-sided."""
        table = [[self.odd, self.rows - self.odd], [self.known, self.reference_rows - self.known]]
        return fisher_tail(table)


def count_odd(surprise: Floats, own: Floats, cut: float, reference: str) -> Excess:
    """New and known rows beyond ``cut``."""
    return Excess(int((surprise > cut).sum()), len(surprise), int((own > cut).sum()), len(own), reference)


def impossible(rows: int) -> float:
    """Surprise beyond which a number is impossible in so many rows."""
    return float(np.log10(max(rows, 1) / IMPOSSIBLE))


def scattered(model: RowModel, sample: pa.Table, surprise: Floats, limit: float) -> Scattered | None:
    """Rows of ``sample`` with numbers beyond ``limit``, scattered over the columns; nothing when there are few.

    Args:
        model: A model of ordinary rows.
        sample: The rows.
        surprise: What the model says of each, shape (rows,).
        limit: Surprise beyond which a number counts.
    """
    single, column = model.extremes(sample)
    found = single_numbers(single, surprise, limit)
    total = int(found.sum())
    if total < FEWEST:
        return None
    counts = np.bincount(column[found])
    columns = int(np.count_nonzero(counts))
    wide = columns >= max(FEWEST_COLUMNS, min(COLUMNS_SHARE * len(model.numeric), COLUMNS_PER_ROW * total))
    elsewhere = total - int(counts.max())
    spread = elsewhere >= ONE_COLUMN * total or elsewhere >= max(MANY, OTHER_COLUMNS * total)
    varied = wide and spread and _distinct(model, sample, found, column) >= DIFFERENT * total
    return Scattered(total, columns) if varied else None


def newly_scattered(  # noqa: PLR0913, PLR0917 - two versions and a limit
    model: RowModel, new: pa.Table, surprise: Floats, base: pa.Table, own: Floats, limit: float, chance: float
) -> Scattered | None:
    """The same among the rows of ``new``, where fewer of ``base`` hold such numbers and the bulk is as before."""
    found = scattered(model, new, surprise, limit)
    if found is None or not is_as_before(surprise, own, limit):
        return None
    known = int(single_numbers(model.extremes(base)[0], own, limit).sum())
    return found if Excess(found.rows, new.num_rows, known, base.num_rows, "").chance <= chance else None


def single_numbers(single: Floats, surprise: Floats, limit: float) -> npt.NDArray[np.bool_]:
    """Rows beyond ``limit`` whose surprise, shape (rows,), is mostly that of their most extreme number."""
    return np.asarray((surprise > limit) & (single > SINGLE * surprise))


def _distinct(model: RowModel, sample: pa.Table, found: npt.NDArray[np.bool_], column: npt.NDArray[np.intp]) -> int:
    """Different numbers in the columns of the rows found."""
    held = ((model.numeric[place], found & (column == place)) for place in np.unique(column[found]).tolist())
    return sum(len(np.unique(numbers(sample, name)[rows])) for name, rows in held)


def incoherent(model: RowModel, new: pa.Table, surprise: Floats, own: Floats, cut: float) -> bool:
    """Whether most odd rows of ``new`` are odd as combinations only, and the other rows are as ever."""
    odd = surprise > cut
    if odd.sum() < FEWEST or not is_as_before(surprise, own, cut):
        return False
    together = model.dependence(new.filter(pa.array(odd)))
    return float(together.mean()) > ONE_COLUMN


def is_as_before(surprise: Floats, own: Floats, cut: float) -> bool:
    """Whether the new rows that are not odd surprise no more than the reference's own."""
    rest = surprise[surprise <= cut]
    moved = float((rest > np.quantile(own, BULK)).mean()) - (1 - BULK) if len(rest) else 1.0
    return moved <= BULK_MOVED
