"""Floods of copies that outvote their original: large groups that nearly all carry one label, and one that does not.

1. A flood is copies of one picture: nearly all lie within reach of one of them. Groups that hang together only link by
   link, such as drawings in one style, are none.
2. Honest labels disagree now and then, by the row: the larger a group, the likelier. The rate is that of small groups,
   with one more row that disagrees among as many as are usual.
3. Or the floods are much larger than any group that agrees (``habits``). In both cases it counts how many of them carry
   one label: whoever plants copies wants one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from poisonguard.detectors.habits import UNUSUAL, is_unusual
from poisonguard.detectors.picture_copies import Gallery
from poisonguard.detectors.picture_space import Integers, Mask
from poisonguard.detectors.picture_views import Floats

DOMINANT = 0.8
"""Share of a flood that one label must hold."""
NEARLY = 0.9
"""Share of a flood that lies within reach of its middle."""
LOOKED_AT = 500
"""Pictures of a group whose distances are looked at."""


@dataclass(frozen=True, slots=True)
class Floods:
    """Large groups of copies that nearly all carry one label, and an original that carries another.

    Attributes:
        outvoting: Copies in them with that label, shape (rows,).
        mixed: Such groups.
        total: Large groups, whatever their labels.
        chance: Probability that as many are mixed, and agree on a label.
    """

    outvoting: Mask
    mixed: int
    total: int
    chance: float


@dataclass(frozen=True, slots=True)
class _Groups:
    """Pictures, most of one label, and that label, of every group; shapes (groups,)."""

    sizes: Integers
    most: Integers
    label: Integers

    @property
    def mixed(self) -> Mask:
        """Groups of more than one label."""
        return np.asarray(self.most < self.sizes)


def floods(gallery: Gallery, new: Mask, size: int, noise: float) -> Floods:
    """What stands out about groups of at least ``size`` new copies, where ``noise`` of all labels are wrong."""
    counted = gallery.codes >= 0
    groups = _voted(gallery, counted)
    fresh = np.bincount(gallery.groups[counted & new], minlength=len(groups.sizes))
    is_flood = (fresh >= size) & _compact(gallery, np.flatnonzero(fresh >= size))
    outvoted = np.flatnonzero(is_flood & groups.mixed & (groups.most >= DOMINANT * groups.sizes))
    if not len(outvoted):
        return Floods(np.zeros(len(counted), np.bool_), 0, int(is_flood.sum()), 1.0)
    label = int(np.argmax(np.bincount(groups.label[outvoted])))
    mine = outvoted[groups.label[outvoted] == label]
    outvoting = counted & new & np.isin(gallery.groups, mine) & (gallery.codes == label)
    share = float((counted & ~outvoting & (gallery.codes == label)).sum() / max(1, counted.sum()))
    same = float(bdtrc(len(mine) - 2, len(outvoted) - 1, share)) if len(mine) > 1 else 1.0
    disagreeing = _disagreeing(groups, (groups.sizes > 1) & (fresh < size), noise)
    by_noise = at_least(len(outvoted), 1 - (1 - disagreeing) ** (groups.sizes[is_flood] - 1))
    agreeing = groups.sizes[~groups.mixed & (groups.sizes > 1)].tolist()
    by_size = UNUSUAL if is_unusual(int(groups.sizes[mine].min()), agreeing) else 1.0
    return Floods(outvoting, len(mine), int(is_flood.sum()), min(by_noise, by_size) * same)


def at_least(least: int, chances: Iterable[float]) -> float:
    """Probability that at least so many happen of things of these ``chances``, each by itself."""
    number = np.ones(1)
    for chance in chances:
        number = np.convolve(number, [1 - chance, chance])
    return float(number[least:].sum())


def _voted(gallery: Gallery, counted: Mask) -> _Groups:
    classes = int(gallery.codes.max(initial=0)) + 1
    votes = np.zeros((len(gallery.groups), classes), dtype=np.int64)
    np.add.at(votes, (gallery.groups[counted], gallery.codes[counted]), 1)
    return _Groups(votes.sum(axis=1), votes.max(axis=1), votes.argmax(axis=1))


def _disagreeing(groups: _Groups, small: Mask, noise: float) -> float:
    """Share of the pictures of ``small`` groups, but one of each, that do not carry their group's label."""
    disagree = int((groups.sizes - groups.most)[small].sum())
    return (disagree + 1) / (int((groups.sizes[small] - 1).sum()) + 1 / noise)


def _compact(gallery: Gallery, names: Integers) -> Mask:
    """Whether nearly all pictures of the groups ``names`` lie within reach of one of them, shape (groups,)."""
    compact = np.zeros(len(gallery.groups), dtype=np.bool_)
    for name in names.tolist():
        points = gallery.points[np.flatnonzero(gallery.groups == name)[:LOOKED_AT]]
        near: Floats = (points @ points.T >= 1 - gallery.reach**2 / 2).mean(axis=1)
        compact[name] = near.max() >= NEARLY
    return compact
