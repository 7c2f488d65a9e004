"""Where to look for planted marks: groups of pictures that share something and a label.

1. ``window_seeds``: a small window whose content is the same in many pictures, nearly all of one label.
2. ``spectral_seeds``: the directions in which one class varies far more than the classes do together (the generalised
   eigenvectors of its scatter against the common one), split where the two parts lie farthest from each other.

Seeds are guesses: ``planted`` grows and judges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse.linalg

from poisonguard.detectors.picture_space import MAX_ROWS, Integers, PictureSet, PictureSpace
from poisonguard.detectors.picture_views import Floats, Grids

LEVELS = 16
"""Levels of brightness that a window's content is told apart by."""
SMALL_GRID = 16
MOST_COMMON = 0.25
"""What more of the pictures share is background."""
PURE = 0.9
MOST_SEEDS = 24
OVERLAP = 0.5
DIRECTIONS = 3
SPLIT_TAILS = 2
DEPTH = 2
"""How often a class is split along its strongest directions."""


@dataclass(frozen=True, slots=True)
class Seed:
    """Pictures that may carry one mark: their places, and the label they share."""

    rows: Integers
    label: int
    strength: float


def window_seeds(pictures: PictureSet, min_rows: int) -> list[Seed]:
    """The strongest groups of pictures that share a window's content, each row once."""
    return _distinct(sorted(_windows(pictures, min_rows), key=lambda seed: -seed.strength))


def spectral_seeds(space: PictureSpace, min_rows: int) -> list[Seed]:
    """Both parts of every class along its strongest directions that are no larger than the rest of it."""
    found = []
    for label in range(int(space.pictures.codes.max(initial=-1)) + 1):
        found += list(_class_seeds(space, label, min_rows))
    return _distinct(sorted(found, key=lambda seed: -seed.strength))


def _distinct(seeds: list[Seed]) -> list[Seed]:
    kept: list[Seed] = []
    for seed in seeds:
        others = (np.intersect1d(seed.rows, other.rows) for other in kept)
        sizes = (min(len(seed.rows), len(other.rows)) for other in kept)
        if all(len(shared) <= OVERLAP * size for shared, size in zip(others, sizes, strict=True)):
            kept.append(seed)
        if len(kept) == MOST_SEEDS:
            break
    return kept


def _windows(pictures: PictureSet, min_rows: int) -> Iterator[Seed]:
    side = pictures.side
    size, step = (2, 1) if side <= SMALL_GRID else (3, 2)
    levels = np.minimum(pictures.grids * LEVELS, LEVELS - 1).astype(np.uint64)
    base = np.bincount(pictures.codes[pictures.codes >= 0], minlength=1) / max(1, len(pictures.codes))
    for top in range(0, side - size + 1, step):
        for left in range(0, side - size + 1, step):
            content = np.zeros(len(levels), dtype=np.uint64)
            for line in range(top, top + size):
                for place in range(left, left + size):
                    content = content * np.uint64(LEVELS) + levels[:, line, place]
            view = pictures.grids[:, top : top + size, left : left + size].reshape(len(levels), -1)
            yield from _shared(content, view, (pictures.codes, base), min_rows)


def _shared(
    content: npt.NDArray[np.uint64], view: Grids, labels: tuple[Integers, Floats], least: int
) -> Iterator[Seed]:
    """Groups of equal content that nearly all carry one label; strong where the content is unusual for its place."""
    codes, base = labels
    centre, spread = view.mean(axis=0), view.std(axis=0) + 1 / LEVELS
    order = np.argsort(content, kind="stable")
    starts = np.flatnonzero(np.diff(content[order], prepend=content[order][:1] + np.uint64(1)))
    ends = np.append(starts[1:], len(order))
    sizes = ends - starts
    for group in np.flatnonzero((sizes >= least) & (sizes <= MOST_COMMON * len(order))):
        rows = order[starts[group] : ends[group]]
        held = codes[rows][codes[rows] >= 0]
        counts = np.bincount(held, minlength=len(base))
        label = int(counts.argmax())
        if counts[label] >= max(least, PURE * len(rows)):
            unusual = float((np.abs(view[rows[:1]][0] - centre) / spread).mean())
            strength = unusual**2 * len(rows) * divergence(float(counts[label]) / len(rows), float(base[label]))
            yield Seed(np.sort(rows), label, strength)


def divergence(share: float, base: float) -> float:
    """Kullback-Leibler divergence of two shares, in nats."""
    share, base = min(share, 1 - 1e-9), min(max(base, 1e-9), 1 - 1e-9)
    return float(share * np.log(share / base) + (1 - share) * np.log((1 - share) / (1 - base)))


def _class_seeds(space: PictureSpace, label: int, min_rows: int) -> Iterator[Seed]:
    """Parts of a class, and of those of its pictures that the reference does not hold."""
    pictures = space.pictures
    rows = np.flatnonzero(pictures.codes[:MAX_ROWS] == label)
    if len(rows) < 2 * min_rows:
        return
    factor = space.factors[0].astype(np.float32)
    white = scipy.linalg.solve_triangular(factor, space.points[rows].T, lower=True, check_finite=False).T
    new = np.flatnonzero(pictures.new[rows])
    groups = [np.arange(len(rows))] if len(new) == len(rows) else [np.arange(len(rows)), new]
    for group in groups:
        for part, gap in _parts(white, group, (min_rows, DEPTH)):
            if len(part) <= len(rows) / SPLIT_TAILS or len(group) < len(rows):
                # A few odd pictures lie far off anywhere; many that do say more.
                yield Seed(rows[part], label, gap * float(np.sqrt(len(part))))


def _parts(white: Grids, group: Integers, limits: tuple[int, int]) -> Iterator[tuple[Integers, float]]:
    """Both sides of a group along its strongest directions, with their distance; then those of each side.

    What the class does by nature may be stronger than a mark: its sides are split again.
    """
    min_rows, depth = limits
    if len(group) < 2 * min_rows or not depth:
        return
    for place, projection in enumerate(_strongest(white[group])):
        for tail in (projection, -projection):
            cut, gap = split(tail, min_rows)
            part = group[tail > cut]
            if len(part) < min_rows or len(part) == len(group):
                continue
            yield part, gap
            if not place:
                yield from _parts(white, part, (min_rows, depth - 1))


def _strongest(white: Grids) -> Floats:
    """Where whitened points lie along their strongest directions, shape (directions, rows)."""
    centred = white - white.mean(axis=0)
    count = min(DIRECTIONS, min(centred.shape) - 1)
    if count < 1 or not centred.any():
        return np.zeros((0, len(white)))
    # A start of its own keeps the iteration the same every time.
    start = np.cos(np.arange(min(centred.shape), dtype=np.float32))
    _, _, places = scipy.sparse.linalg.svds(centred.T, k=count, v0=start)
    return np.asarray(places[::-1], dtype=np.float64)


def split(values: Floats, min_rows: int) -> tuple[float, float]:
    """(cut that leaves the least variance within its two sides, distance of the sides in spreads)."""
    ordered = np.sort(values)
    total = len(ordered)
    below = np.arange(min_rows, total - min_rows + 1)
    sums, squares = np.cumsum(ordered), np.cumsum(ordered**2)
    low = sums[below - 1] / below
    high = (sums[-1] - sums[below - 1]) / (total - below)
    between = below * (total - below) * (high - low) ** 2
    best = int(between.argmax())
    spread = (squares[-1] / total) - (below[best] * low[best] ** 2 + (total - below[best]) * high[best] ** 2) / total
    cut = (ordered[below[best] - 1] + ordered[below[best]]) / 2
    return float(cut), float((high[best] - low[best]) / np.sqrt(max(spread, 1e-12)))
