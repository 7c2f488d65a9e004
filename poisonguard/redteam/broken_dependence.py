"""Rows whose values are ordinary one by one and impossible together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers, sample
from poisonguard.redteam.numeric import Floats, numbers, numeric_features
from poisonguard.redteam.values import replace

FEWEST_FEATURES = 2


class BrokenDependence(Attack):
    """The feature that depends most on another one gets values from the other end of its own range."""

    name = "broken-dependence"
    family = Family.TABULAR
    reference = "Han et al.: ADBench: Anomaly Detection Benchmark (dependency anomalies), NeurIPS 2022"
    published = "0.5 to 3 % of the rows, chosen by us"

    @property
    def applies_to(self) -> str:
        """Numbers that depend on each other."""
        return "two numeric features"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it needs two features with numbers."""
        obstacle = super().obstacle(table, roles)
        few = len(numeric_features(table, roles)) < FEWEST_FEATURES
        return obstacle or ("fewer than two numeric features" if few else None)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Give ``count`` rows the value of the row half of all ranks away."""
        features = numeric_features(table, roles)
        ranks = np.column_stack([_ranks(numbers(table, column)) for column in features])
        dependence = np.abs(np.nan_to_num(np.corrcoef(ranks, rowvar=False))) - np.eye(len(features))
        column = features[int(np.argmax(np.round(dependence.max(axis=0), 9)))]
        donors = _opposite(numbers(table, column))
        values = table.column(column).to_pylist()
        able = [row for row, donor in donors.items() if values[row] != values[donor]]
        rows = sample(np.array(able, dtype=np.int64), count, rng)
        table = replace(table, column, rows, [values[donors[row]] for row in rows.tolist()])
        return Poisoned(table, rows, f"{column} no longer fits the other features")


def _ranks(values: Floats) -> Floats:
    """Mean-free ranks; a missing number has the mean rank."""
    held = np.flatnonzero(~np.isnan(values))
    ranks = np.zeros(len(values))
    _, inverse = np.unique(values[held], return_inverse=True)
    ranks[held] = inverse - inverse.mean()
    return ranks


def _opposite(values: Floats) -> dict[int, int]:
    """For each row with a number, the row whose rank lies half of all rows away."""
    order: RowNumbers = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    return dict(zip(order.tolist(), np.roll(order, len(order) // 2).tolist(), strict=True))
