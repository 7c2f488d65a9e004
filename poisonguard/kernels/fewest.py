"""The smallest distinct hashes of many, and how often each occurs, in memory of the few that are kept.

Hashes are uniform, so a few of them say up to which one the wanted lie, and most of the others are only compared with
that bound. A bound that proves too low is raised by what was found below it, and the hashes are looked at again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, inlined
from poisonguard.kernels.mixing import draw
from poisonguard.kernels.ordering import order_of

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Slots = npt.NDArray[np.uint64]

_FIRST_SLOTS = 1024
_LARGEST = (1 << 64) - 1
_SAMPLED = 2048
_MARGIN = 1.2
"""How far beyond the wanted ones a bound is set: it is a guess."""

_KEY, _PLACE, _COUNT = range(3)
_ONE = np.uint64(1)


def fewest(hashes: Hashes, limit: int) -> tuple[Hashes, Counts, Counts]:
    """The ``limit`` smallest distinct hashes, ascending, the first place of each, and how often each occurs.

    Args:
        hashes: Uniform 64-bit hashes, shape (values,).
        limit: At most so many are kept, at least 1.
    """
    bound = _guess(hashes, limit)
    found = _up_to(hashes, bound, limit)
    while len(found) < limit and bound < _LARGEST:
        bound = _scaled(bound, limit, len(found))
        found = _up_to(hashes, bound, limit)
    kept = found[order_of(found[:, _KEY])[:limit]]
    return kept[:, _KEY].copy(), kept[:, _PLACE].astype(np.int64), kept[:, _COUNT].astype(np.int64)


def _guess(hashes: Hashes, limit: int) -> int:
    """Up to where the smallest hashes lie if all are as distinct as some of them."""
    if len(hashes) <= 2 * limit:
        return _LARGEST
    some = np.sort(hashes[:: max(1, len(hashes) // _SAMPLED)])
    some = some[np.append(True, some[1:] != some[:-1])]
    place = round(_MARGIN * limit * len(some) / len(hashes))
    return int(some[place]) if place + 1 < len(some) else _LARGEST


def _scaled(bound: int, limit: int, found: int) -> int:
    """A bound below which there are as many as are wanted if there are ``found`` below this one."""
    return min(_LARGEST, max(2 * bound + 1, int(bound * _MARGIN * limit / max(1, found))))


def _up_to(hashes: Hashes, bound: int, limit: int) -> Hashes:
    """Key, first place and count of the distinct hashes up to ``bound``; of very many at least the smallest."""
    entries = np.empty((2 * limit + 1, 3), dtype=np.uint64)
    slots = np.zeros(_FIRST_SLOTS, dtype=np.uint64)
    place = held = 0
    while True:
        place, held = _count(hashes, place, np.uint64(bound), slots, entries, held, *draw(slots.size))
        if place == hashes.size:
            return entries[:held]
        if held == len(entries):
            # Twice as many as are wanted: what is larger than the last one wanted is not looked at again.
            bound = int(np.partition(entries[:, _KEY], limit - 1)[limit - 1])
            smaller = entries[entries[:, _KEY] <= np.uint64(bound)]
            held, entries[: len(smaller)] = len(smaller), smaller
            slots[:] = 0
        else:
            slots = np.zeros(4 * slots.size, dtype=np.uint64)
        _index(slots, entries, held, *draw(slots.size))


@inlined
def _slot_of(slots: Slots, entries: Hashes, key: np.uint64, odd: np.uint64, away: np.uint64) -> np.uint64:
    """Where ``key`` is, or the free slot where it would be; a slot holds an entry's number from 1, or 0."""
    slot = key * odd >> away
    while slots[slot] and entries[slots[slot] - _ONE, _KEY] != key:
        slot = (slot + _ONE) & np.uint64(slots.size - 1)
    return slot


@compiled
def _index(slots: Slots, entries: Hashes, held: int, odd: np.uint64, away: np.uint64) -> None:
    for number in range(held):
        slots[_slot_of(slots, entries, entries[number, _KEY], odd, away)] = number + 1


@compiled
def _count(  # noqa: PLR0913, PLR0917 - compiled: arrays only, no bundle of them
    hashes: Hashes,
    place: int,
    bound: np.uint64,
    slots: Slots,
    entries: Hashes,
    held: int,
    odd: np.uint64,
    away: np.uint64,
) -> tuple[int, int]:
    """Count the hashes from ``place`` on until the table is full: where it stopped, and how many entries there are."""
    room = min(entries.shape[0], slots.size // 2)
    for row in range(place, hashes.size):
        key = hashes[row]
        if key > bound:
            continue
        slot = _slot_of(slots, entries, key, odd, away)
        number = slots[slot]
        if number:
            entries[number - _ONE, _COUNT] += _ONE
            continue
        if held == room:
            return row, held
        entries[held, _KEY], entries[held, _PLACE], entries[held, _COUNT] = key, np.uint64(row), _ONE
        held += 1
        slots[slot] = held
    return hashes.size, held
