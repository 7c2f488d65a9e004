"""Hashes in a table: which rows hold each, and the place of each among a few; a look-up each, and no sorting.

Slots are drawn by a secret of this process (``mixing.SECRET_ODD``); no result depends on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import SECRET_ODD, away_of

Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

_ONE = np.uint64(1)

_FIRST_SLOTS = 1 << 12
_MARKS = 1 << 22
"""Counts of a byte by which most of what is rare is dropped at a glance."""
_MOST = 255


def common(hashes: Hashes, rows: Integers, least: int) -> tuple[Hashes, Integers]:
    """The distinct hashes that at least ``least`` rows hold, ascending, and how many rows hold each.

    Args:
        hashes: One for each occurrence, shape (occurrences,).
        rows: Row of each occurrence, from 0, in any order.
        least: At least 1.
    """
    if len(rows) and (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows, kind="stable")
        hashes, rows = hashes[order], rows[order]
    marks = np.zeros(_MARKS, dtype=np.uint8)
    _mark(hashes, marks, SECRET_ODD)
    place = held = 0
    slots = _FIRST_SLOTS
    keys, last, counts = _table(slots)
    while True:
        place, held = _count((hashes, rows), place, (marks, min(least, _MOST)), (keys, last, counts), held, SECRET_ODD)
        if place == len(hashes):
            break
        slots *= 4
        larger = _table(slots)
        _move((keys, last, counts), larger, SECRET_ODD)
        keys, last, counts = larger
    found = counts >= least
    order = np.argsort(keys[found])
    return keys[found][order], counts[found][order]


def places(wanted: Hashes, hashes: Hashes) -> npt.NDArray[np.int32]:
    """Place of each of ``hashes`` among the distinct ``wanted``, -1 for those that are not there; shape kept."""
    slots = max(4, 1 << (2 * len(wanted)).bit_length())
    table = np.zeros(slots, dtype=np.int32)
    found = np.empty(len(hashes), dtype=np.int32)
    _look_up(wanted, table, hashes, found, SECRET_ODD)
    return found


def _table(slots: int) -> tuple[Hashes, Integers, Integers]:
    """Keys, the last row (from 1) that held each, and how many did; a slot without a row is free."""
    return np.zeros(slots, np.uint64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)


@compiled
def _mark(hashes: Hashes, marks: npt.NDArray[np.uint8], odd: np.uint64) -> None:
    away = away_of(marks.size)
    for place in range(hashes.size):
        mark = hashes[place] * odd >> away
        if marks[mark] < _MOST:
            marks[mark] += 1


@part
def _slot(keys: Hashes, last: Integers, key: np.uint64, odd: np.uint64, away: np.uint64) -> np.uint64:
    """Where ``key`` is, or the free slot where it would be."""
    slot = key * odd >> away
    while last[slot] and keys[slot] != key:
        slot = (slot + _ONE) & np.uint64(keys.size - 1)
    return slot


@compiled
def _count(  # noqa: PLR0913, PLR0917 - compiled: arrays, and where it stopped
    occurrences: tuple[Hashes, Integers],
    place: int,
    likely: tuple[npt.NDArray[np.uint8], int],
    table: tuple[Hashes, Integers, Integers],
    held: int,
    odd: np.uint64,
) -> tuple[int, int]:
    """Count from ``place`` on until the table is half full: where it stopped, and how many keys it holds."""
    hashes, rows = occurrences
    marks, least = likely
    keys, last, counts = table
    glance, away = away_of(marks.size), away_of(keys.size)
    while place < hashes.size:
        key = hashes[place]
        if marks[key * odd >> glance] >= least:
            slot, row = _slot(keys, last, key, odd, away), rows[place] + 1
            if not last[slot]:
                if 2 * held >= keys.size:
                    return place, held
                keys[slot] = key
                held += 1
            if last[slot] != row:
                last[slot] = row
                counts[slot] += 1
        place += 1
    return place, held


@compiled
def _move(table: tuple[Hashes, Integers, Integers], larger: tuple[Hashes, Integers, Integers], odd: np.uint64) -> None:
    away = away_of(larger[0].size)
    for old in range(table[0].size):
        if table[1][old]:
            slot = _slot(larger[0], larger[1], table[0][old], odd, away)
            larger[0][slot], larger[1][slot], larger[2][slot] = table[0][old], table[1][old], table[2][old]


@compiled
def _look_up(
    wanted: Hashes, table: npt.NDArray[np.int32], hashes: Hashes, found: npt.NDArray[np.int32], odd: np.uint64
) -> None:
    """Fill the table (places from 1) and look everything up."""
    away, mask = away_of(table.size), np.uint64(table.size - 1)
    for place in range(wanted.size):
        slot = wanted[place] * odd >> away
        while table[slot]:
            slot = (slot + _ONE) & mask
        table[slot] = place + 1
    for place in range(hashes.size):
        slot = hashes[place] * odd >> away
        while table[slot] and wanted[table[slot] - 1] != hashes[place]:
            slot = (slot + _ONE) & mask
        found[place] = table[slot] - 1
