"""Groups of copies, and how many of them chance explains.

A group is named by its first row; rows of the reference follow those of the candidate, so that a group's growth can be
seen. Rows are compared by their keys, a part of them at a time (``kernels.heaps``): memory follows the copies, not the
rows. Coarse tables repeat themselves by chance. How much is read off the **near misses**, rows that differ from a given
row in one place only: n of them, in a place whose value a fraction p of all other rows holds, predict n * p / (1 - p)
rows that agree there, too. Dependence between columns can raise that; both are granted a factor. Fine-grained rows have
no near misses: their copies are copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import pdtrc

from poisonguard.kernels.heaps import Heaps
from poisonguard.kernels.tally import Tally
from poisonguard.sketches.contents import at_rows, key_chunks, part_terms

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

EXAMINED = 4_096
"""Groups whose near misses are counted: the largest ones; the rest are taken to be like them."""

DEPENDENCE = 5.0
"""Factor granted to the expectation, because values of one row depend on each other."""

CHANCE = 0.001
"""Copies less likely than this by chance are copies."""

FEW = 3
"""Rows of which none is seen one time in twenty: what is granted to the rows that have copies."""

NEGLIGIBLE = 0.005
"""Share of rows that are copies, and no burst, below which nobody need know: any real data hold some."""

LEFT = np.uint64(0x9E3779B97F4A7C15)
"""Marks what is left of a row without one part."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of two or more rows of the candidate; rows that stand alone take no memory.

    Attributes:
        rows: Rows of the candidate.
        members: Those that stand in a group, ascending, shape (members,).
        owners: Number of each member's group, shape (members,).
        firsts: First row of every group, ascending, shape (groups,).
        sizes: Candidate rows in each group, shape (groups,).
        before: Reference rows in each group, shape (groups,).
        reference_excess: Copies beyond the first in the reference alone.
        reference_rows: Rows of the reference; 0 without one.
    """

    rows: int
    members: Indices
    owners: Indices
    firsts: Indices
    sizes: Indices
    before: Indices
    reference_excess: int
    reference_rows: int

    @property
    def excess(self) -> int:
        """Copies beyond the first of each group."""
        return int((self.sizes - 1).sum())

    @property
    def later(self) -> Indices:
        """Rows that are not the first of their group, ascending."""
        later: Indices = self.members[~self._is_first]
        return later

    def growth(self) -> npt.NDArray[np.float64]:
        """Rows of each group over what the reference leads to expect at this size, shape (groups,)."""
        if not self.reference_rows:
            return self.sizes.astype(np.float64)
        return self.sizes - self.before * max(1.0, self.rows / self.reference_rows)

    def size_of(self, firsts: Indices) -> Indices:
        """Sizes of the groups whose first rows are given; 1 where nothing is repeated."""
        return _looked_up(firsts, self.firsts, self.sizes, otherwise=1)

    def copies(self, chosen: Mask, known: Mask | None = None) -> Indices:
        """Rows of the chosen groups that came second, ascending.

        The original of a group is what the reference holds (``known``, shape (members,)), or else its first row.
        """
        wanted: Mask = chosen[self.owners]
        if known is None:
            wanted &= ~self._is_first
        else:
            wanted &= ~known & ~(self._is_first & (self.before == 0)[self.owners])
        return self.members[wanted]

    @property
    def _is_first(self) -> Mask:
        first: Mask = self.members == self.firsts[self.owners]
        return first


Repeated = tuple[Indices, Indices]
"""Rows of candidate and reference that are not alone, and the first row of each one's group, shapes (rows,)."""


def groups_of(labels: Indices, rows: int) -> Groups:
    """Groups behind ``labels``, the first row of each row's group: ``rows`` of the candidate, then the reference's."""
    moved = np.flatnonzero(labels != np.arange(labels.size))
    together = np.union1d(moved, labels[moved])
    return _joined([_grouped((together, labels[together]), rows)], rows, labels.size - rows)


def key_groups(chunks: Iterable[Keys], rows: int, reference_rows: int = 0) -> Groups:
    """Groups of rows with equal keys: the candidate's keys, then the reference's, in chunks of any size.

    Keys with the same first byte are looked at together and by themselves: memory holds a small part of them.
    """
    with Heaps(_KEYED_ROW) as heaps:
        start = 0
        for keys in chunks:
            records = np.empty(keys.size, dtype=_KEYED_ROW)
            records["key"], records["row"] = keys, np.arange(start, start + keys.size)
            heaps.add(records)
            start += keys.size
        return _joined([_grouped(_repeated(heap), rows) for heap in heaps], rows, reference_rows)


def distinct_keys(chunks: Iterable[Keys]) -> int:
    """How many different keys there are."""
    with Heaps(">u8") as heaps:
        for keys in chunks:
            heaps.add(np.unique(keys).astype(">u8"))
        return sum(np.unique(heap).size for heap in heaps)


def held(keys: Keys, chunks: Iterable[Keys]) -> Mask:
    """Which of ``keys`` occur in ``chunks``, shape (keys,)."""
    wanted, places = np.unique(keys, return_inverse=True)
    found = np.zeros(wanted.size + 1, dtype=np.bool_)
    for chunk in chunks:
        at = np.searchsorted(wanted, chunk)
        found[at[np.append(wanted, np.uint64(0))[at] == chunk]] = True
    present: Mask = found[places]
    return present


_KEYED_ROW = np.dtype([("key", ">u8"), ("row", "<i8")])
"""Big-endian: the first byte of the record is the first of the key."""


def _repeated(heap: npt.NDArray[np.void]) -> Repeated:
    keys, rows = heap["key"].astype(np.uint64), heap["row"]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shared = (np.append(same, False) | np.append(False, same))[: keys.size]
    starts = np.append(True, ~same)[: keys.size][shared]
    together = rows[order[shared]]
    return together, together[starts][np.cumsum(starts) - 1]


def _grouped(repeated: Repeated, rows: int) -> Groups:
    """Groups of the candidate among ``repeated``; of the reference only its excess is known."""
    together, labels = repeated
    inside = together < rows
    firsts, owners, sizes = np.unique(labels[inside], return_inverse=True, return_counts=True)
    theirs, counts = np.unique(labels[~inside], return_counts=True)
    before = _looked_up(firsts, theirs, counts, otherwise=0)
    several = sizes > 1
    kept = several[owners]
    numbers = (np.cumsum(several) - 1)[owners[kept]]
    excess = int((counts - 1).sum())
    return Groups(rows, together[inside][kept], numbers, firsts[several], sizes[several], before[several], excess, 0)


def _joined(parts: list[Groups], rows: int, reference_rows: int) -> Groups:
    """Groups that were found apart, in the order of their first rows; ``parts`` are used up: members are many."""
    firsts = np.concatenate([part.firsts for part in parts])
    sizes, before = (np.concatenate([getattr(part, name) for part in parts]) for name in ("sizes", "before"))
    order = np.argsort(firsts)
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(1, order.size + 1)
    group = np.zeros(rows, dtype=np.int64)
    excess, start = 0, 0
    while parts:
        part = parts.pop(0)
        group[part.members] = place[part.owners + start]
        excess, start = excess + part.reference_excess, start + part.firsts.size
    members = np.flatnonzero(group)
    owners = group[members] - 1
    return Groups(rows, members, owners, firsts[order], sizes[order], before[order], excess, reference_rows)


def _looked_up(wanted: Indices, known: Indices, values: Indices, *, otherwise: int) -> Indices:
    """The value of each of ``wanted`` among ``known`` (ascending), or ``otherwise``."""
    place = np.searchsorted(known, wanted)
    return np.where(np.append(known, -1)[place] == wanted, np.append(values, otherwise)[place], otherwise)


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

    @property
    def negligible(self) -> bool:
        """Whether it is not even worth a note."""
        return self.rate < NEGLIGIBLE and not self.unusual


def usual_rate(groups: Groups, *, without_reference: float, margin: float) -> float:
    """Repetition that is not unusual: twice the reference's and a margin, or a fixed share without one."""
    if not groups.reference_rows:
        return without_reference
    return min(1.0, 2 * groups.reference_excess / groups.reference_rows + margin)


def content_groups(state: pa.Table, reference: pa.Table | None) -> Groups:
    """Groups of rows with equal contents; states of ``ContentHashes``."""
    if reference is None:
        return key_groups(key_chunks(state), state.num_rows)
    chunks = chain(key_chunks(state), key_chunks(reference))
    return key_groups(chunks, state.num_rows, reference.num_rows)


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
    by_chance *= _borne_out(groups, expected[sizes.size :])
    result[examined] = pdtrc(sizes - 2, DEPENDENCE * by_chance) * groups.rows < CHANCE
    # The rest is no larger than the smallest examined groups, and is taken for what most of those are.
    result[rest] = result[examined][sizes == sizes[-1]].mean() > 0.5  # noqa: PLR2004 - most of them
    return result


def _borne_out(groups: Groups, expected: npt.NDArray[np.float64]) -> float:
    """Rows that have copies, as a share of those that chance gives some; at most 1.

    Tables that were made or rid of copies hold fewer than their near misses let expect.
    """
    foreseen = float(-np.expm1(-expected).mean()) * groups.rows
    return float(min(1.0, (groups.members.size + FEW) / max(foreseen, 1.0)))


def _ordinary_rows(groups: Groups) -> Indices:
    """First rows of evenly spaced groups, those of one row included, at most ``EXAMINED``."""
    later = groups.later
    firsts = groups.rows - later.size
    chosen = np.arange(0, firsts, -(-firsts // EXAMINED))
    # The k-th of the rows that are not ``later`` has k of them and so many of the others before it.
    return chosen + np.searchsorted(later - np.arange(later.size), chosen, side="right")


def _expected(state: pa.Table, rows: Indices, sizes: Indices, total: int) -> npt.NDArray[np.float64]:
    """Other rows equal to each of ``rows`` that its near misses lead to expect, shape (rows,)."""
    values = _terms_of(state, rows)
    others = _without_each(values)
    tally = Tally(np.concatenate([values.ravel(), others.ravel()]))
    for terms in part_terms(state):
        tally.add(terms)
        tally.add(_without_each(terms))
    holders = tally.counts(values)
    near_misses = tally.counts(others) - sizes[:, None]
    odds = (holders - sizes[:, None]) / np.maximum(total - holders, 1)
    expected: npt.NDArray[np.float64] = (near_misses * np.maximum(odds, np.minimum(1, DEPENDENCE * odds))).sum(axis=1)
    return expected


def _without_each(terms: Keys) -> Keys:
    """Key of what is left of each row without each part, shape (rows, parts); never equal to a part's own term.

    Of two parts, what is left without one is the other: unmarked, its holders would be counted twice.
    """
    rest: Keys = terms.sum(axis=1, dtype=np.uint64)[:, None] - terms
    return rest + LEFT


def _terms_of(state: pa.Table, rows: Indices) -> Keys:
    """Terms of some rows, shape (rows, parts)."""
    order = np.argsort(rows, kind="stable")
    taken = at_rows(part_terms(state), rows[order])
    values = np.empty_like(taken)
    values[order] = taken
    return values
