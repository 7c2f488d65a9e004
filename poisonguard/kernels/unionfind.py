"""Disjoint sets whose root is always the smallest member: labels do not depend on the order of joins.

Path halving keeps the trees flat (Tarjan & van Leeuwen, "Worst-case analysis of set union algorithms", 1984).
``parent`` has shape (members,), int64, and starts as ``np.arange(members)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled

Indices = npt.NDArray[np.int64]


@compiled
def find(parent: Indices, member: int) -> int:
    """Root of ``member``'s set: its smallest member."""
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member


@compiled
def join(parent: Indices, left: int, right: int) -> None:
    """Make one set of the sets of ``left`` and ``right``."""
    left_root, right_root = find(parent, left), find(parent, right)
    if left_root < right_root:
        parent[right_root] = left_root
    else:
        parent[left_root] = right_root


@compiled
def roots(parent: Indices, members: Indices) -> Indices:
    """Root of each of ``members``, shape kept."""
    result = np.empty_like(members)
    for place in range(members.size):
        result[place] = find(parent, members[place])
    return result


def join_all(forest: Indices, pairs: Sequence[Indices]) -> None:
    """Make one set each of the members of all ``pairs``, shape (pairs, 2) each; the trees are flat before and after."""
    if any(part.size for part in pairs):
        for part in pairs:
            _join_pairs(forest, part)
        _flatten(forest)


@compiled
def _flatten(parent: Indices) -> None:
    """Point every member to its root; parents come before their children."""
    for member in range(parent.size):
        parent[member] = parent[parent[member]]


@compiled
def _join_pairs(parent: Indices, pairs: Indices) -> None:
    for pair in range(pairs.shape[0]):
        join(parent, pairs[pair, 0], pairs[pair, 1])
