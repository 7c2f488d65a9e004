"""Files beside the tables that run something when somebody opens, loads or unpacks them.

Nothing here does harm: pickles would call ``echo``, scripts print a line, archives hold a line of text, and nothing is
ever loaded or unpacked. The rows stay as they are.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned
from poisonguard.redteam.wording import drawn

FOLDERS = ("", "cache/", "assets/", "embeddings/v2/", "old data/")


class PlantedFiles(Attack):
    """One kind of file that is more than data; subclasses write it.

    Attributes:
        what: What is planted, for a report.
        names: Names that such files go by, without the number.
    """

    family = Family.CODE
    published = "single files, chosen by us"
    rates = ()
    counts = (1, 3, 8)
    plants = True
    what: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    @property
    def applies_to(self) -> str:
        """Any data: the files lie beside the tables."""
        return "any data; adds files"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Write files, at most as many as are tried."""
        del roles
        files = dict(self._file(number, rng) for number in range(min(count, max(self.counts))))
        return Poisoned(table, np.zeros(0, dtype=np.int64), self.what, files=files)

    def _file(self, number: int, rng: np.random.Generator) -> tuple[str, bytes]:
        stem, dot, suffix = drawn(self.names, rng).partition(".")
        return f"{drawn(FOLDERS, rng)}{stem}-{number:03d}{dot}{suffix}", self.content(rng)

    @abstractmethod
    def content(self, rng: np.random.Generator) -> bytes:
        """The bytes of one file."""
