"""Label flips: at random, from one class, or concentrated in one source."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, flip, target_class
from poisonguard.redteam.values import encode, replace

FEWEST_SOURCES = 2
"""One compromised, one honest."""


class RandomFlips(LabelAttack):
    """Rows anywhere get another class: lowers accuracy everywhere."""

    name = "random-flips"
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


class SourceFlips(LabelAttack):
    """One compromised contributor labels wrongly: a subpopulation attack where it contributes."""

    name = "source-flips"
    reference = "Jagielski et al.: Subpopulation Data Poisoning Attacks, CCS 2021"
    roles = (Role.LABEL, Role.SOURCE)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Flip ``count`` rows of one source; fewer when no source is that large."""
        label, source = column_of(roles, Role.LABEL), column_of(roles, Role.SOURCE)
        labelled = encode(table, label).codes >= 0
        sources = encode(table, source)
        sizes = np.bincount(sources.codes[labelled & (sources.codes >= 0)], minlength=len(sources.values))
        large = np.flatnonzero(sizes >= 2 * count)
        # Half of its rows stay honest, so that the source is compromised rather than replaced.
        chosen = int(rng.choice(large)) if len(large) else int(np.argmax(sizes))
        rows = sample(np.flatnonzero(labelled & (sources.codes == chosen)), count, rng)
        return Poisoned(flip(table, label, rows, rng), rows, f"labels of {source}={sources.values[chosen]} flipped")

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it also needs two sources to tell apart."""
        obstacle = super().obstacle(table, roles)
        if obstacle is not None:
            return obstacle
        source = column_of(roles, Role.SOURCE)
        found = len(encode(table, source).values)
        return None if found >= FEWEST_SOURCES else f"source column {source!r} has {found} values"
