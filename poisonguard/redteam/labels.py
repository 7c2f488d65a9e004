"""The label column of an attack: which rows have another class, and how rows get one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, RowNumbers, column_of
from poisonguard.redteam.values import Coded, encode, replace

FEWEST_CLASSES = 2
MOST_CLASSES = 100
"""Above this a column is a measurement or an id, and "another class" means nothing."""


class LabelAttack(Attack):
    """An attack that changes labels."""

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it needs a label column with ``FEWEST_CLASSES`` to ``MOST_CLASSES`` classes."""
        obstacle = super().obstacle(table, roles)
        if obstacle is not None:
            return obstacle
        label = column_of(roles, Role.LABEL)
        classes = len(encode(table, label).values)
        return None if FEWEST_CLASSES <= classes <= MOST_CLASSES else f"label column {label!r} has {classes} classes"


def flip(table: pa.Table, label: str, rows: RowNumbers, rng: np.random.Generator) -> pa.Table:
    """``table`` with another class, drawn evenly, at each of ``rows``."""
    coded = encode(table, label)
    classes = len(coded.values)
    steps = rng.integers(1, classes, size=len(rows))
    codes = (coded.codes[rows] + steps) % classes
    return replace(table, label, rows, [coded.values[code] for code in codes])


def target_class(coded: Coded, rng: np.random.Generator) -> int:
    """Code of the class that a backdoor shall produce: any but the commonest, whose rows it needs."""
    others = np.delete(np.arange(len(coded.values)), int(np.argmax(coded.counts)))
    return int(rng.choice(others))
