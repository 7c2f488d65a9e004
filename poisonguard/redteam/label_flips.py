"""Label flips: at random, or from one class to one other."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, flip, target_class
from poisonguard.redteam.values import encode, replace


class RandomFlips(LabelAttack):
    """Rows anywhere get another class: lowers accuracy everywhere."""

    name = "random-flips"
    family = Family.LABELS
    published = "1 to 10 % of the rows, chosen by us"
    rates = (0.01, 0.03, 0.1)
    reference = "Biggio, Nelson, Laskov: Support Vector Machines Under Adversarial Label Noise, ACML 2011"
    roles = (Role.LABEL,)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Flip ``count`` labelled rows."""
        label = column_of(roles, Role.LABEL)
        rows = sample(np.flatnonzero(encode(table, label).codes >= 0), count, rng)
        return Poisoned(flip(table, label, rows, rng), rows, "labels flipped at random")


class TargetedFlips(LabelAttack):
    """Rows of the commonest class get one target class: moves one decision."""

    name = "targeted-flips"
    family = Family.LABELS
    published = "1 to 10 % of the rows, chosen by us"
    rates = (0.01, 0.03, 0.1)
    reference = "Tolpegin et al.: Data Poisoning Attacks Against Federated Learning Systems, ESORICS 2020"
    roles = (Role.LABEL,)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Relabel ``count`` rows of the commonest class."""
        label = column_of(roles, Role.LABEL)
        coded = encode(table, label)
        origin = int(np.argmax(coded.counts))
        target = coded.values[target_class(coded, rng)]
        rows = sample(coded.rows_of(origin), count, rng)
        table = replace(table, label, rows, [target] * len(rows))
        return Poisoned(table, rows, f"{coded.values[origin]!r} relabelled {target!r}")
