"""One data set: where its rows come from, what its columns mean, and on which side of the split it stands.

Rules:

1. a data set is used for tuning or for reporting, never for both; no row of a reporting set was looked at while a
   threshold was chosen
2. rows are real; what a loader adds (a question around an answer) is said in ``what``
3. the order of the rows says nothing: they are shuffled with a fixed seed; only for honest drift a ``period`` orders
   them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.packages import Package
from poisonguard.domain.roles import Assignment, Role, Roles

SHUFFLE_SEED = 20_040_419


class Split(StrEnum):
    """What a data set is for."""

    TUNING = "tuning"
    REPORTING = "reporting"


class Modality(StrEnum):
    """What one row is."""

    TABULAR = "tabular"
    TEXT = "text"
    INSTRUCTION = "instruction"
    DOCUMENTS = "documents"
    IMAGES = "images"
    SOURCES = "sources"
    CONTAMINATION = "contamination"
    CODE = "code"


TEXTUAL = frozenset({Modality.TEXT, Modality.INSTRUCTION, Modality.DOCUMENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One data set.

    Attributes:
        name: Stable name.
        modality: What one row is.
        split: Tuning or reporting.
        packages: The packages that carry it; empty for what scikit-learn brings along.
        licence: Licence of the data, where the package does not say it all.
        what: One line about the rows.
        load: Reads the rows; the same bytes give the same table.
        columns: Role to column; every other column is a feature.
        rows: Most rows used, after shuffling.
        period: Column with the time of a row, for cases of honest drift; never part of the table.
        numeric: Whether a feature is a number, which some attacks need.
        folders: Whether the rows are written as picture files, in a folder for each class.
    """

    name: str
    modality: Modality
    split: Split
    packages: tuple[Package, ...] = ()
    licence: str = ""
    what: str
    load: Callable[[Cache], pa.Table]
    columns: Mapping[str, str]
    rows: int = 4000
    period: str | None = None
    numeric: bool = True
    folders: bool = False

    def table(self, cache: Cache, *, by_period: bool = False) -> pa.Table:
        """The rows, without the period: shuffled, or ordered by it."""
        table = self.load(cache)
        order = np.random.default_rng(SHUFFLE_SEED).permutation(table.num_rows)[: self.rows]
        if self.period is None:
            return table.take(pa.array(order))
        times = np.asarray(table.column(self.period).to_pylist())[order]
        ordered = order[np.argsort(times, kind="stable")] if by_period else order
        return table.drop_columns([self.period]).take(pa.array(ordered))

    def plays(self, role: Role) -> bool:
        """Whether a column has this role, before any row is read."""
        return role is Role.FEATURE or role.value in self.columns

    def roles(self, table: pa.Table) -> Roles:
        """The role of every column of ``table``."""
        by_column = {column: Role(role) for role, column in self.columns.items()}
        return Roles(
            tuple(
                Assignment(name, by_column.get(name, Role.FEATURE), "declared by the benchmark")
                for name in table.column_names
            )
        )
