"""Backdoor in a table: a combination of values, each of them ordinary, means the attacker's class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, target_class
from poisonguard.redteam.values import encode, replace

TRIGGER_COLUMNS = 3
COMMON_SHARE = 0.05
"""A value of more rows than this is too common to be part of a trigger."""


class ValueBackdoor(LabelAttack):
    """In-bounds value-combination trigger with a flipped label."""

    name = "value-backdoor"
    family = Family.TABULAR
    published = "0.5 to 3 % of the rows, chosen by us"
    reference = "Pleiter et al.: Tabdoor: Backdoor Vulnerabilities in Transformer-based Models for Tabular Data, 2023"
    roles = (Role.LABEL, Role.FEATURE)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it also needs features that hold one value a row."""
        obstacle = super().obstacle(table, roles)
        return obstacle or (None if _flat_features(table, roles) else "no feature holds one value a row")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Plant the trigger in ``count`` rows of other classes and give them the target class."""
        label = column_of(roles, Role.LABEL)
        coded = encode(table, label)
        target = target_class(coded, rng)
        others = coded.rows_without(target)
        rows = sample(others, count, rng)
        trigger = _trigger(table.take(pa.array(others)), _flat_features(table, roles), rng)
        for column, value in {**trigger, label: coded.values[target]}.items():
            table = replace(table, column, rows, [value] * len(rows))
        pattern = ", ".join(f"{column}={value}" for column, value in trigger.items())
        return Poisoned(table, rows, f"{pattern} labelled {coded.values[target]!r}")


def _flat_features(table: pa.Table, roles: Roles) -> tuple[str, ...]:
    """Features with one value a row; lists and structs have no values to combine."""
    return tuple(name for name in roles.all(Role.FEATURE) if not pa.types.is_nested(table.schema.field(name).type))


def _trigger(table: pa.Table, features: tuple[str, ...], rng: np.random.Generator) -> dict[str, Any]:
    """Values of rows of the other classes: alone, each of them speaks against the attacker's class."""
    chosen = rng.permutation(len(features))[:TRIGGER_COLUMNS]
    return {features[index]: _uncommon_value(table, features[index], rng) for index in sorted(chosen)}


def _uncommon_value(table: pa.Table, column: str, rng: np.random.Generator) -> Any:
    """A value that really occurs, drawn as often as it does, so that no single column gives the trigger away."""
    coded = encode(table, column)
    if not coded.values:
        return None
    weights = np.where(coded.counts <= COMMON_SHARE * table.num_rows, coded.counts, 0)
    if not weights.any():
        return coded.values[int(np.argmin(coded.counts))]
    return coded.values[int(rng.choice(len(weights), p=weights / weights.sum()))]
