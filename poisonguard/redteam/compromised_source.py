"""One contributor or one file that is not what it was: it labels wrongly, carelessly, or in one delivery."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, flip, target_class
from poisonguard.redteam.partial_drift import run_of
from poisonguard.redteam.values import encode, replace

FEWEST_SOURCES = 2
"""One compromised, one honest."""


class OneSource(LabelAttack):
    """An attack by one of several sources."""

    family = Family.SOURCES
    roles = (Role.LABEL, Role.SOURCE)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: an honest source must stand beside the compromised one."""
        obstacle = super().obstacle(table, roles)
        if obstacle is not None:
            return obstacle
        source = column_of(roles, Role.SOURCE)
        found = len(encode(table, source).values)
        return None if found >= FEWEST_SOURCES else f"source column {source!r} has {found} values"


class SourceFlips(OneSource):
    """One compromised contributor labels wrongly: a subpopulation attack where it contributes."""

    name = "source-flips"
    published = "a part of one source, chosen by us"
    rates = (0.005, 0.01, 0.03)
    reference = "Jagielski et al.: Subpopulation Data Poisoning Attacks, CCS 2021"

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


class ConstantLabeller(OneSource):
    """A contributor that answers one class whatever it is shown."""

    name = "constant-labeller"
    reference = "Raykar, Yu: Eliminating Spammers and Ranking Annotators for Crowdsourced Labeling Tasks, JMLR 2012"
    published = "all rows of some labellers, chosen by us"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Give one class to ``count`` rows of the smallest source that has as many rows of other classes."""
        label, source = column_of(roles, Role.LABEL), column_of(roles, Role.SOURCE)
        coded, sources = encode(table, label), encode(table, source)
        target = target_class(coded, rng)
        others = (coded.codes >= 0) & (coded.codes != target) & (sources.codes >= 0)
        sizes = np.bincount(sources.codes[others], minlength=len(sources.values))
        large = np.flatnonzero(sizes >= count)
        chosen = int(large[np.argmin(sizes[large])]) if len(large) else int(np.argmax(sizes))
        rows = sample(np.flatnonzero(others & (sources.codes == chosen)), count, rng)
        table = replace(table, label, rows, [coded.values[target]] * len(rows))
        return Poisoned(table, rows, f"{source}={sources.values[chosen]} answers {coded.values[target]!r}")


class ShardFlips(LabelAttack):
    """A run of consecutive rows, as one delivered file is, with wrong labels."""

    name = "shard-flips"
    family = Family.SOURCES
    reference = "Carlini et al.: Poisoning Web-Scale Training Datasets is Practical, IEEE S&P 2024"
    published = "0.01 % of the data"
    roles = (Role.LABEL,)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Flip ``count`` labelled rows that follow each other."""
        label = column_of(roles, Role.LABEL)
        rows = run_of(np.flatnonzero(encode(table, label).codes >= 0), count, rng)
        return Poisoned(flip(table, label, rows, rng), rows, "labels flipped in a run of rows")
