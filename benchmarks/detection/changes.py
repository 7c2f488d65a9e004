"""Honest changes between two versions, made of real rows only: nothing here may be called suspicious.

============  ==============================================================  ==================
change        reference and candidate                                         assessment
============  ==============================================================  ==================
clean         no reference; the rows as they are                              clean
new-version   the first 70 %; all                                             clean
fewer-rows    all; all but a random tenth                                     clean
category-mix  a random 60 %; the same and more rows, mostly of one class      drifted
new-column    one feature missing; all                                        drifted
new-period    the early 60 %; all                                             drifted or clean
new-source    rows of most sources; the same and the rows of other sources    drifted or clean
honest-files  no reference; the rows as they are, and files beside them       clean
============  ==============================================================  ==================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.detection.beside import honest_files
from poisonguard.domain.roles import Role, Roles

FIRST = 0.7
EARLY = 0.6
REMOVED = 0.1
OTHER_CLASSES = 0.2
"""Share of the other classes' rows that a shifted mix keeps."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Two versions of a data set.

    Attributes:
        parts: Files of the candidate, in order.
        reference: File of the version compared with.
        poisoned: Whether each row of the candidate, in the order of the parts, is poison.
        honest_labels: The label of each row before the attack, where an attack only changed labels.
        alike: Whether each row is honest and yet held before what the attack planted; nothing where none is.
        files: Files beside the tables; empty unless the case is about them.
        planted: Which of them an attack planted.
    """

    parts: tuple[pa.Table, ...]
    reference: pa.Table | None
    poisoned: npt.NDArray[np.bool_]
    honest_labels: tuple[str, ...] | None = None
    alike: npt.NDArray[np.bool_] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    planted: frozenset[str] = frozenset()


Change = Callable[[pa.Table, Roles, np.random.Generator], Versions]


def honest(parts: tuple[pa.Table, ...], reference: pa.Table | None) -> Versions:
    """Versions without poison."""
    return Versions(parts, reference, np.zeros(sum(part.num_rows for part in parts), np.bool_))


def clean(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """The rows as they are."""
    del roles, rng
    return honest((table,), None)


def new_version(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """More rows of the same population."""
    del roles, rng
    first, rest = cut(table, FIRST)
    return honest((first, rest), first)


def fewer_rows(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """A tenth of the rows taken out."""
    del roles
    kept = np.sort(rng.permutation(table.num_rows)[int(REMOVED * table.num_rows) :])
    return honest((table.take(pa.array(kept)),), table)


def category_mix(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """New rows that are mostly of the second commonest class, or source."""
    first, rest = cut(table, EARLY)
    column = roles.first(Role.LABEL) or roles.first(Role.SOURCE)
    values = np.asarray(rest.column(column).to_pylist(), dtype=str)
    names, counts = np.unique(values, return_counts=True)
    favoured = names[np.argsort(-counts, kind="stable")[1]]
    kept = (values == favoured) | (rng.random(len(values)) < OTHER_CLASSES)
    return honest((first, rest.filter(pa.array(kept))), first)


def new_column(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """A feature that the reference did not have."""
    first, _ = cut(table, FIRST)
    features = roles.all(Role.FEATURE)
    added = features[int(rng.integers(len(features)))]
    return honest((table,), first.drop_columns([added]))


def new_period(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """Rows of a later time; ``table`` is ordered by time."""
    del roles, rng
    first, rest = cut(table, EARLY)
    return honest((first, rest), first)


def new_source(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """Rows of sources that did not contribute before: about a third of the sources."""
    values = np.asarray(table.column(roles.first(Role.SOURCE)).to_pylist(), dtype=str)
    names = np.unique(values)
    added = rng.permutation(names)[: max(1, len(names) // 3)]
    is_new = np.isin(values, added)
    first = table.filter(pa.array(~is_new))
    return honest((first, table.filter(pa.array(is_new))), first)


def with_files(table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """The rows as they are, beside files that people keep beside rows."""
    return replace(clean(table, roles, rng), files=honest_files(table))


def cut(table: pa.Table, share: float) -> tuple[pa.Table, pa.Table]:
    """The first ``share`` of the rows, and the rest."""
    size = int(share * table.num_rows)
    return table.slice(0, size), table.slice(size)


CHANGES: dict[str, Change] = {
    "clean": clean,
    "new-version": new_version,
    "fewer-rows": fewer_rows,
    "category-mix": category_mix,
    "new-column": new_column,
    "new-period": new_period,
    "new-source": new_source,
    "honest-files": with_files,
}
CLEAN = ("clean",)
DRIFTED = ("drifted",)
EITHER = ("clean", "drifted")
EXPECTED: dict[str, tuple[str, ...]] = {
    "clean": CLEAN,
    "new-version": CLEAN,
    "fewer-rows": CLEAN,
    "category-mix": DRIFTED,
    "new-column": DRIFTED,
    "new-period": EITHER,
    "new-source": EITHER,
    "honest-files": CLEAN,
}
