"""Which rows of one column lie far from what the rest of the row says, and how many honest ones would.

Without a reference the honest errors are extrapolated from the smaller ones; with one, its own rows tell. Columns that
are not predicted well, or, against a reference, worse than before, hold no contradictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.features_tabular import Matrix
from poisonguard.detectors.learners import threads
from poisonguard.detectors.number_models import Mask, NumberModel, NumberModels
from poisonguard.detectors.predictable_rows import predictable
from poisonguard.detectors.value_cells import poisson_evidence
from poisonguard.sketches.sample import sample_hashes
from poisonguard.sketches.values import HashArray

CLOSE = 0.45
"""Error that nine in ten rows may reach in a column that is predicted well."""

BEYOND = 3.0
"""Times that error, from which a row is far out without a reference."""

SHARED = 0.1
"""Share of the rows far out that may hold one number."""

LIFT = 3.0
"""Times its share of all rows, from which a number that they share is a code."""

TAILS = (0.2, 0.06)
"""Shares of the errors to which the Pareto law is fitted: the one that expects fewer rows counts."""

GRANTED = 2.0
"""Factor granted to the number of rows expected."""

ORDINARY = 2.0
"""Normal score up to which a number is ordinary by itself."""

MOST = 0.5
"""Share of the rows far out, without a reference, whose number must be ordinary by itself."""

FEWER_SIDE = 0.15
"""Share of them, without a reference, that must lie on the other side of what is expected than most do."""

ODD_SHARE = 0.003
"""Share of the reference's rows that lie beyond the cut taken from it."""

BULK = 0.8
BULK_MOVED = 0.06
"""Share of the new rows by which more may lie above the error that ``BULK`` of the reference's rows reach."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows to be judged.

    Attributes:
        matrix: The rows, encoded, shape (rows, columns).
        hashes: Their hashes, shape (rows,).
    """

    matrix: Matrix
    hashes: HashArray

    @classmethod
    def of(cls, models: NumberModels, sample: pa.Table) -> Judged:
        """The rows of a sample."""
        return cls(models.encoder.matrix(sample), sample_hashes(sample))

    def errors(self, model: NumberModel) -> Floats:
        """How far each number of a column lies above what is predicted."""
        with threads().limit(limits=1):
            return model.errors(self.matrix, self.hashes)


@dataclass(frozen=True, slots=True)
class Contradicted:
    """One column with rows far out.

    Attributes:
        model: Predicts it.
        cut: Error from which a row is far out.
        codes: Numbers that many rows far out share.
        far: Which of the rows looked at are far out, shape (rows,).
        expected: How many would be honest.
    """

    model: NumberModel
    cut: float
    codes: tuple[float, ...]
    far: Mask
    expected: float

    @property
    def impurity(self) -> float:
        """Rows expected for each row far out."""
        return (self.expected + 1) / max(1, int(self.far.sum()))

    @property
    def orders(self) -> float:
        """Orders of magnitude against chance."""
        return orders(int(self.far.sum()), self.expected)


def contradicted(model: NumberModel, rows: Judged, base: Judged | None) -> Contradicted | None:
    """What lies far out in one column; nothing if it is not predicted well, or worse than before."""
    errors = rows.errors(model)
    size = np.abs(errors)
    limits = _alone(size) if base is None else _against(size, np.abs(base.errors(model)))
    if limits is None:
        return None
    cut, expected = limits
    values = rows.matrix[:, model.place]
    codes = _codes(values, size > cut)
    far = (size > cut) & ~np.isin(values, codes)
    if base is None and not _is_mixed(model.scores(values[far]), errors[far]):
        return None
    return Contradicted(model, cut, codes, far, expected)


def _alone(size: Floats) -> tuple[float, float] | None:
    """(error from which a row is far out, honest rows beyond it); nothing if the column is not predicted well."""
    usual = float(np.quantile(size, 0.9))
    cut = max(1.0, BEYOND * usual)
    return None if usual > CLOSE else (cut, expected_beyond(size, cut))


def _against(size: Floats, own: Floats) -> tuple[float, float] | None:
    """The same from the errors ``own`` of a reference; nothing if most rows are predicted worse than there."""
    cut = float(np.quantile(own, 1 - ODD_SHARE))
    rest = size[size <= cut]
    if not len(rest) or float((rest > np.quantile(own, BULK)).mean()) > 1 - BULK + BULK_MOVED:
        return None
    return cut, ODD_SHARE * len(size)


def where_told(item: Contradicted, rows: Judged, seed: int) -> tuple[Mask, float]:
    """Rows in which a small error is expected, and how many honest ones of these would be far out."""
    size = np.abs(rows.errors(item.model))
    others = np.delete(rows.matrix, item.model.place, axis=1)
    told = predictable(others, np.minimum(size, item.cut), rows.hashes, seed)
    return told, expected_beyond(size[told], item.cut)


def orders(count: int, expected: float) -> float:
    """Orders of magnitude against so many rows where ``expected`` are due, a factor and one row granted."""
    return float(poisson_evidence(np.array([float(count)]), np.array([GRANTED * expected + 1]))[0])


def expected_beyond(errors: Floats, cut: float) -> float:
    """Honest rows beyond ``cut`` by a Pareto law through quantiles of the errors below it (Pickands 1975)."""
    return min(_expected(errors, cut, tail) for tail in TAILS)


def _expected(errors: Floats, cut: float, tail: float) -> float:
    start, half, three_quarters = np.quantile(errors[errors <= cut], [1 - tail, 1 - tail / 2, 1 - tail / 4])
    first, second = half - start, three_quarters - half
    if first <= 0:
        return 0.0
    shape = max(1e-6, min(1.0, float(np.log2(max(second / first, 1.0)))))
    scale = shape * first / (2**shape - 1)
    return float(len(errors) * tail * (1 + shape * (cut - start) / scale) ** (-1 / shape))


def _is_mixed(scores: Floats, errors: Floats) -> bool:
    """Whether most numbers are ordinary by themselves, and both too high and too low.

    Honest groups with a rule of their own, such as holidays, lie on one side; slips of a pen and overflows lie far out.
    """
    above = float((errors > 0).mean()) if len(errors) else 0.0
    return min(above, 1 - above) >= FEWER_SIDE and float((np.abs(scores) <= ORDINARY).mean()) >= MOST


def _codes(values: Floats, far: Mask) -> tuple[float, ...]:
    """Numbers that too many of the rows far out share, and far more of them than of all rows."""
    distinct, counts = np.unique(values[far], return_counts=True)
    usual = np.array([np.count_nonzero(values == number) for number in distinct]) / max(1, len(values))
    shared = (counts > max(2, SHARED * far.sum())) & (counts > LIFT * usual * far.sum())
    return tuple(distinct[shared].tolist())
