"""Label flips where they look most honest: at the border between classes, or in one corner of the data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.geometry import points
from poisonguard.redteam.labels import LabelAttack
from poisonguard.redteam.numeric import Floats
from poisonguard.redteam.values import Coded, encode, replace

RIDGE = 1e-3
"""Regularisation of the linear model, per row."""
POOL = 2
"""Rows drawn from, for each row that is flipped."""
DIGITS = 6
"""Decimals that decide an order: the last bits of linear algebra differ between machines."""


class PlacedFlips(LabelAttack):
    """Flips that need to know where a row lies."""

    family = Family.LABELS
    published = "1 to 10 % of the rows, chosen by us"
    rates = (0.01, 0.03, 0.1)
    roles = (Role.LABEL,)

    @property
    def applies_to(self) -> str:
        """A label and something to measure."""
        return "label and features or text"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it also needs features or text to place rows by."""
        obstacle = super().obstacle(table, roles)
        return obstacle or (None if points(table, roles).shape[1] else "no feature or text to place rows by")


class BoundaryFlips(PlacedFlips):
    """Rows that a linear model is least sure about get the other class."""

    name = "boundary-flips"
    reference = "Xiao, Xiao, Eckert: Adversarial Label Flips Attack on Support Vector Machines, ECAI 2012"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Flip ``count`` of the rows nearest to the border to the class on its other side."""
        label = column_of(roles, Role.LABEL)
        coded = encode(table, label)
        labelled = np.flatnonzero(coded.codes >= 0)
        margins, others = _margins(points(table, roles)[labelled], coded.codes[labelled], len(coded.values))
        nearest = _nearest(np.abs(margins), POOL * count)
        chosen = sample(nearest, count, rng)
        rows = labelled[chosen]
        table = replace(table, label, rows, [coded.values[code] for code in others[chosen]])
        return Poisoned(table, rows, "labels flipped at the border between classes")


class SubpopulationFlips(PlacedFlips):
    """The rows around one row get another class."""

    name = "subpopulation-flips"
    reference = "Jagielski et al.: Subpopulation Data Poisoning Attacks, CCS 2021"
    published = "1 to 2 times the size of the subpopulation"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Flip the ``count`` rows of one class that are nearest to a random one of them."""
        label = column_of(roles, Role.LABEL)
        coded = encode(table, label)
        labelled = np.flatnonzero(coded.codes >= 0)
        anchor = int(labelled[int(rng.integers(0, len(labelled)))])
        origin = int(coded.codes[anchor])
        rows = _around(points(table, roles), anchor, coded, origin, count)
        target = (origin + int(rng.integers(1, len(coded.values)))) % len(coded.values)
        table = replace(table, label, rows, [coded.values[target]] * len(rows))
        what = f"{coded.values[origin]!r} relabelled {coded.values[target]!r} in one corner of the data"
        return Poisoned(table, rows, what)


def _margins(held: Floats, codes: npt.NDArray[np.int64], classes: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """How much better a ridge model scores the own class than the best other one, and that other one."""
    design = np.hstack([held, np.ones((len(held), 1))])
    own = codes[:, None] == np.arange(classes)
    gram = design.T @ design + RIDGE * len(held) * np.eye(design.shape[1])
    scores = design @ np.linalg.solve(gram, design.T @ own.astype(np.float64))
    rest = np.where(own, -np.inf, np.round(scores, DIGITS))
    return scores[own] - rest.max(axis=1), rest.argmax(axis=1)


def _nearest(distance: Floats, count: int) -> RowNumbers:
    order = np.argsort(np.round(distance, DIGITS), kind="stable")
    return np.sort(order[:count])


def _around(held: Floats, anchor: int, coded: Coded, origin: int, count: int) -> RowNumbers:
    candidates = coded.rows_of(origin)
    distance = np.linalg.norm(held[candidates] - held[anchor], axis=1)
    return candidates[_nearest(distance, count)]
