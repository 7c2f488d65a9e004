"""Rows by source and label, and how many of them contradict their label.

1. A row contradicts its label when the models of another check, which never saw it, would have given another one.
2. What the models would have given is known where they agree. Of rows that contradict, the other labels get as much as
   they have of all rows; with two labels that is exact.
3. How often honest labels would contradict is known from the models' doubt in the rows that do not: where a label is
   wrong with the odds o, rows of its kind that agree with theirs stand for o rows each that do not (Horvitz & Thompson,
   "A generalization of sampling without replacement", 1952).
4. Approved rows are kept apart: they are their sources' past. The other check scores them lower than new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.contradiction import AGREEING, APPROVED, contradicts
from poisonguard.detectors.drift_versions import digest_prefixes
from poisonguard.detectors.statistics_tests import Counts, Floats
from poisonguard.kernels.mapped import let_go, passing
from poisonguard.sketches.digests import DIGEST_COLUMN
from poisonguard.sketches.pairs import PairTable
from poisonguard.sketches.row_values import value_places
from poisonguard.sketches.values import HashArray

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
RowScores = npt.NDArray[np.float32]

BLOCK = 1 << 20
"""Rows looked at together."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Every row of the candidate, shapes (rows,).

    Attributes:
        source: Place of its source in the table of pairs, -1 for none.
        label: Place of its label, -1 for none.
        new: Whether it was not approved before.
    """

    source: Codes
    label: Codes
    new: Mask


@dataclass(frozen=True, slots=True)
class Tallies:
    """Rows by source and label, shapes (sources, labels).

    Attributes:
        rows: All.
        wrong: Those that contradict their label.
        doubt: As many as would, by the models' doubt in the others.
    """

    rows: Counts
    wrong: Counts
    doubt: Floats

    @property
    def sizes(self) -> Counts:
        """Rows of each source, shape (sources,)."""
        return np.asarray(self.rows.sum(axis=1))

    @property
    def contradicted(self) -> Counts:
        """Rows of each source that contradict their label, shape (sources,)."""
        return np.asarray(self.wrong.sum(axis=1))

    @property
    def doubtful(self) -> Floats:
        """Rows of each source that would contradict their label, by the models' doubt, shape (sources,)."""
        return np.asarray(self.doubt.sum(axis=1))

    @property
    def read(self) -> Floats:
        """Rows of each source that read like each label, shape (sources, labels)."""
        given = self.rows.sum(axis=0).astype(np.float64)
        others = np.maximum(given.sum() - given, 1.0)
        moved = given[np.newaxis, :] / others[:, np.newaxis]
        np.fill_diagonal(moved, 0.0)
        return np.asarray(self.rows - self.wrong + self.wrong @ moved, dtype=np.float64)


def rows_of(columns: Sequence[tuple[pa.Table, HashArray, Sequence[int]]], new: Mask) -> Rows:
    """Rows from the states of their sources and labels, each with the hashes that count and their places."""
    source, label = (_places(state, hashes, np.array(places, np.int32)) for state, hashes, places in columns)
    return Rows(source, label, new)


def places_of(state: pa.Table, table: PairTable) -> tuple[tuple[HashArray, list[int]], tuple[HashArray, list[int]]]:
    """Hashes of the sources and of the labels of a ``PairCounts`` state, ascending, and their places in its table."""
    return _side(state, "first", table.firsts), _side(state, "second", table.seconds)


def new_rows(digests: pa.Table | None, known: HashArray | None, rows: int) -> Mask:
    """Which rows are not among the hashes ``known``; all where nothing was approved."""
    if digests is None or known is None or not len(known):
        return np.ones(rows, dtype=np.bool_)
    found = [_unknown(digest_prefixes(chunk), known) for chunk in passing(digests[DIGEST_COLUMN].chunks)]
    return np.concatenate([np.zeros(0, np.bool_), *found])


def tallies(rows: Rows, scores: RowScores, shape: tuple[int, int], *, new: bool) -> Tallies:
    """New rows, or approved ones, by source and label."""
    size = shape[0] * shape[1]
    total, wrong, doubt = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size)
    for part in parts(len(scores)):
        held = (rows.source[part] >= 0) & (rows.label[part] >= 0) & (rows.new[part] == new)
        cell = rows.source[part][held].astype(np.int64) * shape[1] + rows.label[part][held]
        found = scores[part][held]
        against = contradicts(found, approved=not new)
        odds = np.minimum(found / (AGREEING if new else APPROVED * AGREEING), 1.0)
        total += np.bincount(cell, minlength=size)
        wrong += np.bincount(cell[against], minlength=size)
        doubt += np.bincount(cell[~against], odds[~against], minlength=size)
        let_go(scores[part])
    return Tallies(total.reshape(shape), wrong.reshape(shape), doubt.reshape(shape))


def parts(rows: int) -> Iterator[slice]:
    """Blocks of rows."""
    return (slice(start, min(rows, start + BLOCK)) for start in range(0, rows, BLOCK))


def _places(state: pa.Table, hashes: HashArray, places: Codes) -> Codes:
    found = [np.where(part >= 0, places[part], -1).astype(np.int32) for part in value_places(state, hashes)]
    return np.concatenate([np.zeros(0, np.int32), *found])


def _side(state: pa.Table, side: str, names: Sequence[str]) -> tuple[HashArray, list[int]]:
    hashes, first = np.unique(state[f"{side}_hash"].to_numpy(), return_index=True)
    place = {name: index for index, name in enumerate(names)}
    return hashes, [place.get(name, -1) for name in state[side].take(pa.array(first)).to_pylist()]


def _unknown(hashes: HashArray, known: HashArray) -> Mask:
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[place] != hashes, dtype=np.bool_)
