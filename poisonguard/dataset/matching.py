"""Match equal digests of two multisets, and say what is left over on each side; in bounded memory.

Records begin with a 32-byte digest. They are taken apart by its first byte (``kernels.heaps``, beyond its limit on
disk), and each heap is matched on its own: of ``n`` equal digests on one side and ``m`` on the other, the first
``min(n, m)`` of each, in the order in which they came, are a match, and the rest is left over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.heaps import HEAPS, MEMORY_LIMIT, Heaps

Records = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

DIGEST = "digest"
PLACED = np.dtype([(DIGEST, "V32"), ("place", "<i8")])
"""A digest, and where it is."""


def placed(digests: npt.NDArray[np.uint8], places: Indices | range) -> Records:
    """Records of digests, shape (n, 32), at places."""
    records = np.empty(len(digests), dtype=PLACED)
    records[DIGEST] = np.ascontiguousarray(digests).view("V32").ravel()
    records["place"] = places
    return records


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Records of some digests: those that match, pair by pair, and those that are left over."""

    before: Records
    after: Records
    only_before: Records
    only_after: Records


class Matching:
    """Two multisets of records. A context manager, because of their temporary files.

    Attributes:
        before: Records of the one side.
        after: Records of the other.
    """

    def __init__(self, kind: npt.DTypeLike = PLACED, memory_limit: int = MEMORY_LIMIT) -> None:
        self.before = Heaps(kind, memory_limit)
        self.after = Heaps(kind, memory_limit)

    def __iter__(self) -> Iterator[Matched]:
        """The matches, heap by heap; nothing may be added any more."""
        for _, before, after in zip(range(HEAPS), self.before, self.after, strict=True):
            yield _match(before, after)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.before.__exit__(*error)
        self.after.__exit__(*error)


def _match(before: Records, after: Records) -> Matched:
    numbers = _numbered(np.concatenate([before[DIGEST], after[DIGEST]]))
    ours, theirs = numbers[: len(before)], numbers[len(before) :]
    left = _matching(ours, np.bincount(theirs, minlength=len(numbers)))
    right = _matching(theirs, np.bincount(ours, minlength=len(numbers)))
    return Matched(_ordered(before, ours, left), _ordered(after, theirs, right), before[~left], after[~right])


def _ordered(records: Records, numbers: Indices, chosen: npt.NDArray[np.bool_]) -> Records:
    """The chosen ones in the order of their numbers, so that partners of two sides stand at the same place."""
    ordered: Records = records[chosen][np.argsort(numbers[chosen], kind="stable")]
    return ordered


def _numbered(digests: Records) -> Indices:
    """A number for each digest: the same for equal ones."""
    words = digests.view(">u8").reshape(-1, 4)
    order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    ordered = words[order]
    begins = np.ones(len(order), dtype=np.int64)
    begins[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(begins) - 1
    return numbers


def _matching(numbers: Indices, available: Indices) -> npt.NDArray[np.bool_]:
    """Which items find a partner, when of each number so many are available; the first come first."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    found = np.empty(len(numbers), dtype=np.bool_)
    found[order] = np.arange(len(numbers)) - starts < available[ordered]
    return found
