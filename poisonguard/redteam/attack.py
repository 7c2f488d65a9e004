"""What every attack promises: a pure, seeded transform of a table that says which rows it poisoned.

Rules, tested for every attack in ``tests/redteam``:

1. exactly the rows it names differ from the input; take them out of the input and the output and the rest is equal
2. ``rate`` is the share of the input's rows that are poisoned: never more than that, at least one row
3. the same generator state gives the same table; the schema and the order of the honest rows stay
4. nothing but the poison gives a poisoned row away: values come from the data where the attack allows it,
   ids stay unique, and added rows are mixed in
5. an attack that plants files beside the tables leaves every row as it is

An attack that cannot run on a table says why (``obstacle``) instead of doing something else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.errors import UsageError

RowNumbers = npt.NDArray[np.int64]
"""Row numbers, sorted, shape (rows,)."""


class Family(StrEnum):
    """What an attack is aimed at; the order is that of a report."""

    LABELS = "labels"
    TABULAR = "tabular"
    TEXT = "text classification"
    INSTRUCTIONS = "instruction tuning"
    DOCUMENTS = "documents"
    IMAGES = "images"
    SOURCES = "sources"
    WEB = "web-scale"
    CONTAMINATION = "contamination"
    CODE = "code in data"


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A poisoned table.

    Attributes:
        table: The table, same schema as the input.
        rows: Numbers of the poisoned rows in ``table``, sorted.
        what: What was planted, one phrase for a report.
        items: Evaluation items that were planted, for the scan to know what it has to look for; nothing if none were.
        alike: Numbers of the honest rows that no scan can tell from the poison, because what was planted stood in them
            before; sorted.
        files: Files that were planted beside the tables: path below the dataset's root, and content.
    """

    table: pa.Table
    rows: RowNumbers
    what: str
    items: pa.Table | None = None
    alike: RowNumbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    files: Mapping[str, bytes] = field(default_factory=dict)


class Attack(ABC):
    """One published attack.

    Attributes:
        name: Stable name, for reports and file names.
        family: What it is aimed at.
        reference: The publication.
        published: The share or number of poisoned rows, as published; otherwise what is tried, marked as chosen by us.
        rates: Shares of the rows to try: below, at and above what is published.
        counts: Numbers of rows to try, for an attack that takes a number whatever the size of the data.
        roles: Roles that the table must have a column for.
        adds: Whether it adds rows; otherwise it changes rows that are there.
        plants: Whether it plants files beside the tables and leaves the rows alone; ``counts`` are then files.
        between_versions: Whether it changes a version that was seen before, so that the input is its reference.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    reference: ClassVar[str]
    published: ClassVar[str]
    rates: ClassVar[tuple[float, ...]] = (0.005, 0.01, 0.03)
    counts: ClassVar[tuple[int, ...]] = ()
    roles: ClassVar[tuple[Role, ...]] = ()
    adds: ClassVar[bool] = False
    plants: ClassVar[bool] = False
    between_versions: ClassVar[bool] = False

    @property
    def applies_to(self) -> str:
        """The columns it needs, in words."""
        return " and ".join(role.value for role in self.roles)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run on ``table``; nothing when it can."""
        missing = [role.value for role in self.roles if roles.first(role) is None]
        if missing:
            return f"no {' and no '.join(missing)} column"
        return None if table.num_rows else "no rows"

    def apply(self, table: pa.Table, roles: Roles, rate: float, rng: np.random.Generator) -> Poisoned:
        """Poison ``rate`` of the rows of ``table``.

        Raises:
            UsageError: The rate is not in (0, 1], or the attack cannot run on this table.
        """
        if not 0.0 < rate <= 1.0:
            raise UsageError(f"attack {self.name}: rate {rate} is not above 0 and at most 1")
        return self.apply_count(table, roles, max(1, int(rate * table.num_rows)), rng)

    def apply_count(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Poison ``count`` rows of ``table``; fewer where no more can carry the attack.

        Raises:
            UsageError: The count is not positive, or the attack cannot run on this table.
        """
        if count < 1:
            raise UsageError(f"attack {self.name}: {count} rows are not at least 1")
        obstacle = self.obstacle(table, roles)
        if obstacle is not None:
            raise UsageError(f"attack {self.name} cannot run here: {obstacle}")
        poisoned = self.poison(table, roles, count, rng)
        if not len(poisoned.rows) and not poisoned.files:
            raise UsageError(f"attack {self.name} cannot run here: no row can carry it")
        return poisoned

    @abstractmethod
    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Poison at most ``count`` rows; the table has rows and every column that ``roles`` asks for."""


def column_of(roles: Roles, role: Role) -> str:
    """Name of the first column that plays ``role``; ``obstacle`` has checked that there is one."""
    column = roles.first(role)
    if column is None:
        raise UsageError(f"no column plays the role {role.value}")
    return column


def sample(candidates: RowNumbers, count: int, rng: np.random.Generator) -> RowNumbers:
    """At most ``count`` of ``candidates``, without repetition, sorted."""
    chosen = rng.choice(candidates, size=min(count, len(candidates)), replace=False)
    return np.sort(chosen).astype(np.int64)
