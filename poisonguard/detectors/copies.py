"""Groups of copies, and how many of them chance explains.

Every row has the number of the first row of its group (``labels``); rows of the reference follow those of the
candidate, so that a group's growth can be seen. Coarse tables repeat themselves by chance. How much is read off the
**near misses**, rows that differ from a given row in one place only: n of them, in a place whose value a fraction p of
all other rows holds, predict n * p / (1 - p) rows that agree there, too. Dependence between columns can raise that;
both are granted a factor. Fine-grained rows have no near misses: their copies are copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import pdtrc

from poisonguard.kernels.tally import Tally
from poisonguard.sketches.contents import part_terms, row_keys

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

EXAMINED = 4_096
"""Groups whose near misses are counted: the largest ones; the rest are taken to be like them."""

DEPENDENCE = 5.0
"""Factor granted to the expectation, because values of one row depend on each other."""

CHANCE = 0.001
"""Copies less likely than this by chance are copies."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of two or more rows of the candidate.

    Attributes:
        labels: First row of each candidate row's group, shape (rows,).
        firsts: First row of every group, ascending, shape (groups,).
        sizes: Candidate rows in each group, shape (groups,).
        before: Reference rows in each group, shape (groups,).
        reference_excess: Copies beyond the first in the reference alone.
        reference_rows: Rows of the reference; 0 without one.
    """

    labels: Indices
    firsts: Indices
    sizes: Indices
    before: Indices
    reference_excess: int
    reference_rows: int

    @property
    def rows(self) -> int:
        """Rows of the candidate."""
        return int(self.labels.size)

    @property
    def excess(self) -> int:
        """Copies beyond the first of each group."""
        return int((self.sizes - 1).sum())

    def growth(self) -> npt.NDArray[np.float64]:
        """Rows of each group over what the reference leads to expect at this size, shape (groups,)."""
        if not self.reference_rows:
            return self.sizes.astype(np.float64)
        return self.sizes - self.before * max(1.0, self.rows / self.reference_rows)

    def size_of(self, firsts: Indices) -> Indices:
        """Sizes of the groups whose first rows are given; 1 where nothing is repeated."""
        sizes = np.ones(self.rows, dtype=np.int64)
        sizes[self.firsts] = self.sizes
        return sizes[firsts]

    def copies(self, chosen: Mask, known: Mask | None = None) -> Indices:
        """Rows of the chosen groups that came second, ascending.

        The original of a group is what the reference holds (``known``, shape (rows,)), or else its first row.
        """
        wanted = np.zeros(self.rows, dtype=np.bool_)
        wanted[self.firsts[chosen]] = True
        inside = wanted[self.labels]
        if known is None:
            inside[self.firsts[chosen]] = False
            return np.flatnonzero(inside)
        inside[self.firsts[chosen & (self.before == 0)]] = False
        return np.flatnonzero(inside & ~known)


def groups_of(labels: Indices, rows: int) -> Groups:
    """Groups behind ``labels``: the candidate's ``rows`` rows, then the reference's."""
    counts = np.bincount(labels[:rows], minlength=max(1, rows))
    before = np.bincount(labels[rows:], minlength=labels.size)
    firsts = np.flatnonzero(counts > 1)
    extra = int(np.maximum(before - 1, 0).sum())
    return Groups(labels[:rows], firsts, counts[firsts], before[firsts], extra, labels.size - rows)


def equal_labels(keys: Keys) -> Indices:
    """First row with the same key, for every row; shape (rows,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: keys.size])
    labels = np.empty(keys.size, dtype=np.int64)
    labels[order] = np.repeat(order[starts], np.diff(np.append(starts, keys.size)))
    return labels


@dataclass(frozen=True, slots=True)
class Repetition:
    """How much of a version is repeated, against how much is usual."""

    excess: int
    rows: int
    usual: float

    @property
    def rate(self) -> float:
        """Share of rows that are copies beyond the first."""
        return self.excess / self.rows

    @property
    def unusual(self) -> bool:
        """Whether the version repeats itself more than is usual."""
        return self.rate > self.usual


def usual_rate(groups: Groups, *, without_reference: float, margin: float) -> float:
    """Repetition that is not unusual: twice the reference's and a margin, or a fixed share without one."""
    if not groups.reference_rows:
        return without_reference
    return 2 * groups.reference_excess / groups.reference_rows + margin


def content_groups(state: pa.Table, reference: pa.Table | None) -> Groups:
    """Groups of rows with equal contents; states of ``ContentHashes``."""
    keys = row_keys(state)
    rows = keys.size
    if reference is not None:
        keys = np.concatenate([keys, row_keys(reference)])
    return groups_of(equal_labels(keys), rows)


def unexplained(state: pa.Table, groups: Groups) -> Mask:
    """Which groups hold more rows than chance explains, shape (groups,).

    A group's expectation is its own or that of ordinary rows, whichever is higher: the groups are the luckiest
    of all rows, so chance is granted once per row (Bonferroni).
    """
    order = np.argsort(-groups.sizes, kind="stable")
    examined, rest = order[:EXAMINED], order[EXAMINED:]
    result = np.zeros(groups.sizes.size, dtype=np.bool_)
    if examined.size == 0:
        return result
    sizes = groups.sizes[examined]
    ordinary = _ordinary_rows(groups)
    both = np.concatenate([groups.firsts[examined], ordinary])
    expected = _expected(state, both, np.concatenate([sizes, groups.size_of(ordinary)]), groups.rows)
    by_chance = np.maximum(expected[: sizes.size], expected[sizes.size :].mean())
    result[examined] = pdtrc(sizes - 2, DEPENDENCE * by_chance) * groups.rows < CHANCE
    # The rest is no larger than the smallest examined groups, and is taken for what most of those are.
    result[rest] = result[examined][sizes == sizes[-1]].mean() > 0.5  # noqa: PLR2004 - most of them
    return result


def _ordinary_rows(groups: Groups) -> Indices:
    """First rows of evenly spaced groups, those of one row included, at most ``EXAMINED``."""
    firsts = np.flatnonzero(groups.labels == np.arange(groups.rows))
    return firsts[:: -(-firsts.size // EXAMINED)]


def _expected(state: pa.Table, rows: Indices, sizes: Indices, total: int) -> npt.NDArray[np.float64]:
    """Other rows equal to each of ``rows`` that its near misses lead to expect, shape (rows,)."""
    values = _terms_of(state, rows)
    others = values.sum(axis=1, dtype=np.uint64)[:, None] - values
    tally = Tally(np.concatenate([values.ravel(), others.ravel()]))
    for terms in part_terms(state):
        tally.add(terms)
        tally.add(terms.sum(axis=1, dtype=np.uint64)[:, None] - terms)
    holders = tally.counts(values)
    near_misses = tally.counts(others) - sizes[:, None]
    odds = (holders - sizes[:, None]) / np.maximum(total - holders, 1)
    expected: npt.NDArray[np.float64] = (near_misses * np.maximum(odds, np.minimum(1, DEPENDENCE * odds))).sum(axis=1)
    return expected


def _terms_of(state: pa.Table, rows: Indices) -> Keys:
    """Terms of some rows, shape (rows, parts)."""
    taken, start, places = [], 0, []
    for terms in part_terms(state):
        inside = np.flatnonzero((rows >= start) & (rows < start + len(terms)))
        taken.append(terms[rows[inside] - start])
        places.append(inside)
        start += len(terms)
    values = np.concatenate(taken)
    values[np.concatenate(places)] = values.copy()
    return values
