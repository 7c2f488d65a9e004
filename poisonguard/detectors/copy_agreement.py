"""Does the input decide the label at all? What copies of one input say about it.

Ratings of one film by many people, or a table so coarse that different things look alike, hold the same input under
many labels: copies agree little more than rows at random. Nobody contradicts anybody there. Planted copies are unlike
that: relabelled pairs agree less than rows at random, and a flood of copies agrees in nearly everything.
"""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.copies import Indices, Keys, Mask

DOMINANT = 0.8
"""Share of a large group that one label must hold for the group to be a flood."""

BELOW = 0.5
"""Share of the agreement expected by chance, up to which copies contradict each other on purpose."""


def undecided(groups: Indices, labels: Keys, flood: int) -> Mask:
    """Rows of groups whose labels the input does not decide, shape (rows,): none, or all of them.

    Floods are left out of the question, unless other groups are as large: there, uneven labels make floods, too.

    Args:
        groups: Any name of each row's group; every group has two rows or more.
        labels: Hash of each row's label.
        flood: Size from which a group may be a flood.
    """
    if not groups.size:
        return np.zeros(0, dtype=np.bool_)
    codes = np.unique(labels, return_inverse=True)[1]
    names = np.unique(groups, return_inverse=True)[1]
    pairs, which = np.unique(names * (codes.max() + 1) + codes, return_inverse=True)
    together = np.bincount(which)[which]
    sizes = np.bincount(names)[names]
    most = np.zeros(names.max() + 1, dtype=np.int64)
    np.maximum.at(most, pairs // (codes.max() + 1), np.bincount(which))
    others = (sizes < flood) | (most[names] < DOMINANT * sizes)
    if not others.any():
        return others
    observed = float(((together - 1) / np.maximum(sizes - 1, 1))[others].mean())
    shares = np.bincount(codes[others]) / others.sum()
    by_chance = float((shares**2).sum())
    decided = observed <= BELOW * by_chance or observed >= (1 + by_chance) / 2
    if decided:
        return np.zeros(groups.size, dtype=np.bool_)
    return np.ones(groups.size, dtype=np.bool_) if (others & (sizes >= flood)).any() else others
