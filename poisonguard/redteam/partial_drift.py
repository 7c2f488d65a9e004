"""Faults in part of the rows, one column and one run of rows: another unit, a shift, a stuck value, missing values.

Rows of the run that the fault leaves as they were (a value that was the stuck one, or was missing, before) are not
poisoned, but no scan can tell them from those that are.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers
from poisonguard.redteam.numeric import Floats, changing, numbers, numeric_features, write_numbers
from poisonguard.redteam.values import replace

FACTORS = (2.54, 1.609344, 0.45359237, 1000.0)
"""Inch to centimetre, mile to kilometre, pound to kilogram, kilo to one."""
STEP = 2.0
"""A shift, in standard deviations."""
RATES = (0.01, 0.05, 0.2)
JENGA = "Schelter, Rukat, Biessmann: JENGA: A Framework to Study the Impact of Data Errors, EDBT 2021"


class PartialDrift(Attack):
    """A fault of one numeric column in a run of rows; subclasses say what it does to a number."""

    family = Family.TABULAR
    reference = JENGA
    published = "1 to 20 % of the rows, chosen by us"
    rates = RATES

    @property
    def applies_to(self) -> str:
        """Numbers only."""
        return "a numeric feature"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it needs a feature with numbers."""
        return super().obstacle(table, roles) or (None if numeric_features(table, roles) else "no numeric feature")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Spoil one column in a run of ``count`` of the rows that the fault changes."""
        features = numeric_features(table, roles)
        column = features[int(rng.integers(0, len(features)))]
        faulty, what = self.fault(numbers(table, column), rng)
        rows = run_of(changing(table, column, faulty), count, rng)
        what = f"{column} {what} in a run of rows"
        return Poisoned(write_numbers(table, column, rows, faulty[rows]), rows, what, alike=spared(rows))

    @abstractmethod
    def fault(self, values: Floats, rng: np.random.Generator) -> tuple[Floats, str]:
        """The whole column as the fault would have it, and the fault in words."""


class UnitDrift(PartialDrift):
    """Numbers in another unit."""

    name = "unit-drift"

    def fault(self, values: Floats, rng: np.random.Generator) -> tuple[Floats, str]:
        """Every number times a factor between common units."""
        factor = FACTORS[int(rng.integers(0, len(FACTORS)))]
        return values * factor, f"times {factor}"


class ShiftBurst(PartialDrift):
    """Numbers with an offset, as from a badly set instrument."""

    name = "shift-burst"

    def fault(self, values: Floats, rng: np.random.Generator) -> tuple[Floats, str]:
        """Every number plus or minus some standard deviations."""
        sign = 1 if rng.integers(0, 2) else -1
        return values + sign * STEP * float(np.nanstd(values)), f"shifted by {sign * STEP:+g} standard deviations"


class ConstantBurst(PartialDrift):
    """One number over and over, as from a stuck instrument."""

    name = "constant-burst"

    def fault(self, values: Floats, rng: np.random.Generator) -> tuple[Floats, str]:
        """Every number as one of them, drawn at random."""
        held = values[~np.isnan(values)]
        stuck = float(held[int(rng.integers(0, len(held)))])
        return np.where(np.isnan(values), np.nan, stuck), f"stuck at {stuck:g}"


class MissingBurst(Attack):
    """Values that are missing in a run of rows."""

    name = "missing-burst"
    family = Family.TABULAR
    reference = JENGA
    published = "1 to 20 % of the rows, chosen by us"
    rates = RATES
    roles = (Role.FEATURE,)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it needs a feature that may be and is not always null."""
        return super().obstacle(table, roles) or (None if _fillable(table, roles) else "no feature can lose values")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Take the value of one column away in a run of ``count`` rows that hold one."""
        columns = _fillable(table, roles)
        column = columns[int(rng.integers(0, len(columns)))]
        rows = run_of(np.flatnonzero(table.column(column).is_valid().to_numpy()), count, rng)
        what = f"{column} missing in a run of rows"
        return Poisoned(replace(table, column, rows, [None] * len(rows)), rows, what, alike=spared(rows))


def run_of(candidates: RowNumbers, count: int, rng: np.random.Generator) -> RowNumbers:
    """At most ``count`` consecutive ones of ``candidates``."""
    start = int(rng.integers(0, max(1, len(candidates) - count + 1)))
    return candidates[start : start + count]


def spared(rows: RowNumbers) -> RowNumbers:
    """The rows between the first and the last of ``rows`` that the fault leaves as they were."""
    return np.setdiff1d(np.arange(rows[0], rows[-1]), rows) if len(rows) else rows


def _fillable(table: pa.Table, roles: Roles) -> tuple[str, ...]:
    return tuple(
        name
        for name in roles.all(Role.FEATURE)
        if table.schema.field(name).nullable and table.column(name).null_count < table.num_rows
    )
