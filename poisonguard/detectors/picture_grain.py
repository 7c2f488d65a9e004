"""Marks in the grain of pictures: one faint pattern in many pictures of one label that have nothing else in common.

1. Each pixel's grain is measured in its own spreads, and a picture of much grain counts little more than a calm one.
2. Seeds: likenesses of the grain of all pairs of a class are cut at twice their usual spread, so that a few near copies
   weigh no more than any pair, and a pattern that many share a little weighs most; the strongest eigenvectors of what
   is left divide the class.
3. A seed grows as every mark does (``planted``), along the mean difference on pictures held out.
4. What lies under the grain, the picture in eight by eight pieces, is asked for the label and for how much the pictures
   resemble each other; a family drawn alike shares that, too.
5. A blended pattern stands everywhere; what families share, outlines, in few places (``fill``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse.linalg

from poisonguard.detectors.picture_seeds import Seed, split
from poisonguard.detectors.picture_space import Integers, Mask, PictureSet, PictureSpace
from poisonguard.detectors.picture_views import Floats, Grids

MAX_ROWS = 4_000
"""Pictures whose grain is looked at; half of them new ones, where there are as many."""
MOST_OF_A_CLASS = 1_500
FEWEST_PIXELS = 144
"""Smaller pictures have no grain beside what they show."""
EIGENVECTORS = 4
CUT = 2.0
"""Spreads of the likenesses at which they are cut."""
LARGEST = 2 / 3
"""Share of a class that a seed may hold."""


def looked_at(pictures: PictureSet) -> Integers:
    """The first by hash; of new ones half as many, before those that the reference holds."""
    if len(pictures.codes) <= MAX_ROWS:
        return np.arange(len(pictures.codes))
    new = np.flatnonzero(pictures.new)[: MAX_ROWS // 2]
    others = np.setdiff1d(np.arange(len(pictures.codes)), new)[: MAX_ROWS - len(new)]
    return np.sort(np.concatenate([new, others]))


def grain_seeds(space: PictureSpace, min_rows: int) -> Iterator[Seed]:
    """Both sides of the strongest eigenvectors of every class's likenesses, of its new pictures."""
    pictures = space.pictures
    for label in range(int(pictures.codes.max(initial=-1)) + 1):
        rows = np.flatnonzero((pictures.codes == label) & pictures.new)[:MOST_OF_A_CLASS]
        if len(rows) < 2 * min_rows:
            continue
        for vector in _dividing(space.points[rows]):
            for side in (vector, -vector):
                cut, gap = split(side, min_rows)
                part = rows[side > cut]
                if min_rows <= len(part) <= LARGEST * len(rows):
                    yield Seed(part, label, gap)


def _dividing(points: Grids) -> Floats:
    """The strongest eigenvectors of the cut likenesses, shape (vectors, rows)."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    unit = points / np.maximum(lengths, 1e-6)
    alike = unit @ unit.T
    pairs = alike[np.triu_indices(len(alike), 1)]
    spread = float(np.median(np.abs(pairs - np.median(pairs)))) * 1.4826
    if not spread > 0:
        return np.zeros((0, len(points)))
    np.clip(alike, -CUT * spread, CUT * spread, out=alike)
    np.fill_diagonal(alike, 0)
    # A start of its own keeps the iteration the same every time.
    start = np.cos(np.arange(len(alike), dtype=np.float32))
    count = min(EIGENVECTORS, len(alike) - 2)
    _, vectors = scipy.sparse.linalg.eigsh(alike, k=count, which="LA", v0=start)
    return np.asarray(vectors.T[::-1], dtype=np.float64)


def fill(space: PictureSpace, members: Mask) -> float:
    """Share of the picture that what sets its members apart stands in: 1 when it is as strong in every pixel."""
    difference = space.grain_of(members) - space.grain_of(~members)
    energy = (difference.reshape(-1, space.pictures.side**2) ** 2).sum(axis=0)
    return float(energy.sum() ** 2 / max(float((energy**2).sum()), 1e-30) / len(energy))
