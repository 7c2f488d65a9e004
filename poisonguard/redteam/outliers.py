"""Rows with one number far outside the rest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, sample
from poisonguard.redteam.numeric import Floats, changing, numbers, numeric_features, write_numbers

DISTANCE = (4.0, 10.0)
"""Nearest and farthest, in interquartile ranges beyond the quartile; Tukey calls 3 "far out"."""


class Outliers(Attack):
    """One feature of each row, far outside what the column holds."""

    name = "outliers"
    family = Family.TABULAR
    reference = "Steinhardt, Koh, Liang: Certified Defenses for Data Poisoning Attacks, NeurIPS 2017"
    published = "3 % of the rows"

    @property
    def applies_to(self) -> str:
        """Numbers only."""
        return "a numeric feature"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it needs a feature with numbers."""
        return super().obstacle(table, roles) or (None if numeric_features(table, roles) else "no numeric feature")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Move one feature of ``count`` rows."""
        features = numeric_features(table, roles)
        held = ~np.isnan(np.column_stack([numbers(table, column) for column in features]))
        chosen = sample(np.flatnonzero(held.any(axis=1)), count, rng)
        which = np.array([rng.choice(np.flatnonzero(held[row])) for row in chosen])
        moved = []
        for number, column in enumerate(features):
            wanted = np.full(table.num_rows, np.nan)
            wanted[chosen[which == number]] = _far(numbers(table, column), int((which == number).sum()), rng)
            rows = changing(table, column, wanted)
            table = write_numbers(table, column, rows, wanted[rows])
            moved.append(rows)
        rows = np.sort(np.concatenate(moved))
        return Poisoned(table, rows, f"one of {len(features)} numeric features far outside its range")


def _far(values: Floats, count: int, rng: np.random.Generator) -> Floats:
    """``count`` numbers beyond either end of ``values``."""
    held = values[~np.isnan(values)]
    low, high = np.quantile(held, (0.25, 0.75))
    unit = (high - low) or float(held.std())
    distance = rng.uniform(*DISTANCE, size=count) * unit
    far: Floats = np.where(rng.integers(0, 2, size=count) == 1, held.max() + distance, held.min() - distance)
    return far
