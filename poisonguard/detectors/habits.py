"""What a set of data does by itself: how many groups as large as one would its small groups let expect.

1. Groups of a kind (words that keep company, documents that tell one story) occur in honest data, too: names that are
   always listed together, notices that everybody words his own way. Small ones, which nobody judges, tell how many.
2. Their sizes are taken to fall off geometrically, by a ratio estimated from the small ones with one group more of each
   kind, one that stays small and one that grows (Laplace). What is much larger than that lets expect is no habit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

SMALLEST = 5
"""Members of the smallest groups that are counted."""

UNUSUAL = 0.05
"""Expected number of groups of its size from which a group may be a habit of the data."""

TWICE = 2
"""Times the largest other group: honest sizes may fall off more slowly than geometrically."""


def expected(sizes: Iterable[int], size: int, fewest: int = sys.maxsize) -> float:
    """How many groups of ``size`` and more the data let expect.

    Args:
        sizes: Sizes of other groups of the kind; those from ``fewest`` on, which are judged themselves, do not count.
        size: That of the group in question.
        fewest: Members from which groups are judged.
    """
    small = [item for item in sizes if SMALLEST <= item < fewest]
    if not small:
        return 0.0
    grown = sum(small) - SMALLEST * len(small)
    ratio = (grown + 1) / (grown + len(small) + 2)
    # The small ones are all but the tail: count / (1 - tail) groups in all.
    return float(len(small) / (1 - ratio ** (fewest - SMALLEST)) * ratio ** (size - SMALLEST))


def is_unusual(size: int, others: Sequence[int]) -> bool:
    """Whether a group is much larger than all ``others``, and than they let expect."""
    return size > TWICE * max(others, default=0) and expected(others, size) < UNUSUAL
