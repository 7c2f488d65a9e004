"""Near copies among pictures, and labels that copies contradict and all other pictures like them do, too.

1. Pictures are compared levelled: without their mean brightness, at one contrast. A picture that shows nothing is no
   copy of another.
2. Near copies lie much nearer to each other than pictures of this dataset usually lie to their nearest: collections of
   icons and digits hold many that are alike by nature.
3. A copy is contradicted when the pictures most like it, other than its copies, nearly all carry one other label, and
   a copy of it carries that label, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from poisonguard.detectors.picture_space import Integers, Mask
from poisonguard.detectors.picture_views import Floats, Grids, levelled
from poisonguard.kernels.alike import near_pairs

PROBES = 500
"""Pictures that say how far the nearest other one usually is."""
FARTHEST = 0.3
"""Distance of levelled pictures that are 0.955 correlated."""
NEARER = 0.5
"""Share of the usual distance to the nearest picture."""
FAINT = 2 / 255
"""Share of the range of brightness: a picture of less contrast shows nothing."""
SAME = 1 - 1e-6
"""Likeness of pictures that are one and the same."""
NEIGHBOURS = 15
AT_ONCE = 500
SAID, OWN = 0.6, 0.2
"""Share of the neighbours that must agree on a label to say anything; most of them that may carry the picture's own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What pictures like them say of some pictures.

    Attributes:
        wrong: Those whose neighbours nearly all carry one other label, shape (rows,).
        agreed: Those whose neighbours agree on any label.
        best: The label that the neighbours agree on, or -1.
    """

    wrong: Mask
    agreed: Mask
    best: Integers


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures to compare.

    Attributes:
        points: Levelled, of length one or zero, shape (rows, pixels).
        codes: Class of each, negative where it has none, shape (rows,).
        groups: Name of the group of near copies that each is in, shape (rows,).
        reach: Distance up to which pictures are near copies.
        usual: Distance that pictures usually have to their nearest.
        faint: Contrast below which a picture shows nothing.
        side: Width and height of the pictures.
    """

    points: Grids
    codes: Integers
    groups: Integers
    reach: float
    usual: float
    faint: float
    side: int

    @classmethod
    def of(cls, grids: Grids, codes: Integers) -> Gallery:
        """Level the pictures and find the copies among them."""
        faint = FAINT * float(np.ptp(grids))
        points = levelled(grids, faint)
        with threadpool_limits(1):
            usual = _usual_distance(points)
            reach = min(FARTHEST, NEARER * usual)
            groups = _groups(points, grids.shape[1], reach)
        return cls(points, codes, groups, reach, usual, faint, grids.shape[1])

    @property
    def copies(self) -> Mask:
        """Pictures that have a near copy."""
        sizes: Mask = np.bincount(self.groups)[self.groups] > 1
        return sizes

    def judged(self, rows: Integers, teachers: Mask) -> Judged:
        """What the nearest of the ``teachers`` that are no copies of it say of each of ``rows``."""
        known = np.flatnonzero(teachers & (self.codes >= 0))
        own, best = np.zeros(len(rows)), np.full(len(rows), -1, dtype=np.int64)
        with threadpool_limits(1):
            for start in range(0, len(rows) if len(known) > NEIGHBOURS else 0, AT_ONCE):
                some = rows[start : start + AT_ONCE]
                part = slice(start, start + len(some))
                own[part], best[part] = self._votes(some, known)
        agreed = (best >= 0) & (self.codes[rows] >= 0)
        return Judged(agreed & (best != self.codes[rows]) & (own <= OWN), agreed, best)

    def _votes(self, rows: Integers, known: Integers) -> tuple[Floats, Integers]:
        """(share of the neighbours of each row that carry its label, the label that most of them carry or -1)."""
        alike = self.points[rows] @ self.points[known].T
        alike[self.groups[rows][:, None] == self.groups[known][None, :]] = -np.inf
        nearest = self.codes[known][np.argpartition(-alike, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
        shares = (nearest[:, :, None] == np.arange(int(self.codes.max()) + 1)).mean(axis=1)
        own = (nearest == self.codes[rows][:, None]).mean(axis=1)
        return own, np.where(shares.max(axis=1) >= SAID, shares.argmax(axis=1), -1)

    def mixed(self, among: Mask) -> Mask:
        """Pictures ``among`` some whose copies there carry more than one label."""
        pairs = np.unique(np.column_stack([self.groups, self.codes])[among], axis=0)
        several = np.bincount(pairs[:, 0], minlength=len(self.groups)) > 1
        return np.asarray(among & several[self.groups])

    def has_copy_labelled(self, rows: Integers, labels: Integers) -> Mask:
        """Whether a near copy of each row carries the label named, shape (rows,)."""
        classes = int(self.codes.max(initial=0)) + 2
        held = np.unique(self.groups * classes + self.codes + 1)
        return np.isin(self.groups[rows] * classes + labels + 1, held)


def _usual_distance(points: Grids) -> float:
    """Median distance of a picture to the nearest that is not the same."""
    probes = np.flatnonzero(points.any(axis=1))[:PROBES]
    if len(probes) < 2:  # noqa: PLR2004 - a picture and another
        return 0.0
    alike = points[probes] @ points.T
    alike[alike >= SAME] = -1.0
    return float(np.median(np.sqrt(np.maximum(2 - 2 * alike.max(axis=1), 0))))


def _groups(points: Grids, side: int, reach: float) -> Integers:
    """Name of the group of near copies of each picture; one that stands alone has a group of its own."""
    groups = np.arange(len(points))
    for left, right in near_pairs(points, side, reach):
        graph = scipy.sparse.coo_array(
            (np.ones(len(left)), (groups[left], groups[right])), shape=(len(groups), len(groups))
        )
        groups = connected_components(graph, directed=False)[1][groups].astype(np.int64)
    return groups
