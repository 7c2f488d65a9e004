"""A mark that somebody planted in pictures: grown from a seed, then judged by knock-out.

1. A seed grows to all pictures that lie along its direction beyond nearly every picture of another label.
2. The mark must set its pictures apart (gap in spreads, on rows held out) and leave the rest of them alone: what is
   shared covers little of the picture, and outside of it the pictures differ as others do. A family of pictures drawn
   alike (icons on one sheet of paper, one backdrop) shares much more than a mark.
3. Knock-out: the mark is taken out of every picture, and the nearest other pictures are asked for their labels. When
   they do not say what the marked pictures carry, labels were changed; when they do, the gap has to be far wider.
   What is left of a picture without its grain is the picture in a few pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage

from poisonguard.detectors.picture_grain import fill
from poisonguard.detectors.picture_seeds import Seed, divergence
from poisonguard.detectors.picture_space import Direction, Integers, Mask, PictureSet, PictureSpace
from poisonguard.detectors.picture_views import Floats

ROUNDS, GRAIN_ROUNDS = 3, 5
TAIL = 0.995
"""Quantile of the pictures of other labels that a marked picture lies beyond."""
STEADY, DISTINCT, APART = 6 / 255, 8 / 255, 4.0
"""A pixel is shared when it moves less than ``STEADY`` and lies ``DISTINCT`` and ``APART`` times that off in others."""
HALF = 0.5
"""A seed that grows to pictures of which fewer carry its label has dissolved."""
MOST_MARKED = 0.5
"""What most pictures carry marks none."""
COMPACT = 0.15
"""A patch's box is no more of the picture than this."""
FEWEST_SHARED = 2
MOSTLY = 0.75
KEPT = 0.9
"""A pattern blended in leaves a fifth less of what sets pictures apart, families drawn alike less than two thirds."""
FAINT = 2 / 255
"""Contrast below which a picture shows nothing."""
NEIGHBOURS = 15
MAX_MARKED, MAX_OTHERS = 200, 4000
"""Pictures that are compared, the first by hash."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark and what speaks for it.

    Attributes:
        rows: Places of the pictures that carry it.
        share: Their share of the pictures looked at.
        label: Their label.
        direction: How to find it in other pictures.
        cut: Where along the direction marked pictures begin.
        purity: Share of the pictures that carry the label.
        gap: Distance of marked and other pictures, in spreads.
        shared: Contrast to other pictures of the pixels that are the same in all of them and not in others, 0
            elsewhere, shape (side, side).
        busy_share: Share of the pixels that vary in other pictures which are shared.
        cohesion: Distance of the marked pictures from each other without the mark, over that of others; a little less
            is allowed for, as blending takes from every picture's contrast.
        expected: Share of the label among their nearest neighbours without the mark.
        base: Share of the label among all other pictures.
        fill: Share of the picture that a mark in the grain stands in; 0 of a mark in the brightness.
    """

    rows: Integers
    share: float
    label: int
    direction: Direction
    cut: float
    purity: float
    gap: float
    shared: Floats
    busy_share: float
    cohesion: float
    expected: float
    base: float
    fill: float

    def among(self, rows: Integers) -> Mark:
        """The same mark, found in some ``rows`` of a larger set."""
        return replace(self, rows=rows[self.rows])

    @property
    def opposed(self) -> bool:
        """Whether the rest of the pictures speaks no more for the label than any picture does."""
        error = np.sqrt(self.base * (1 - self.base) / max(1, len(self.rows)))
        return bool(self.expected <= self.base + error)

    @property
    def evidence(self) -> float:
        """Orders of magnitude that chance would have to bridge (Chernoff's bound)."""
        return self.surprise if self.opposed else self._orders(self.base)

    @property
    def surprise(self) -> float:
        """The same, where chance has what the rest of the pictures says."""
        return self._orders(max(self.base, self.expected))

    def _orders(self, share: float) -> float:
        return len(self.rows) * divergence(self.purity, share) / float(np.log(10))

    @property
    def patch(self) -> tuple[int, int, int, int] | None:
        """Top, left, height and width of the one small place that holds most of what is shared, if there is one."""
        pieces, count = scipy.ndimage.label(self.shared > 0, structure=np.ones((3, 3)))
        if not count:
            return None
        weights = np.bincount(pieces.ravel(), weights=self.shared.ravel() ** 2)[1:]
        lines, places = np.nonzero(pieces == int(weights.argmax()) + 1)
        height, width = int(np.ptp(lines)) + 1, int(np.ptp(places)) + 1
        small = height * width <= COMPACT * self.shared.size
        if len(lines) < FEWEST_SHARED or weights.max() < MOSTLY * weights.sum() or not small:
            return None
        return int(lines.min()), int(places.min()), height, width


def grown(space: PictureSpace, seed: Seed, min_rows: int, min_gap: float) -> Mark | None:
    """The mark that a seed grows to; nothing when it dissolves, or is less than ``min_gap`` spreads off."""
    pictures = space.pictures
    members = np.zeros(len(pictures.codes), dtype=np.bool_)
    members[seed.rows] = True
    rounds = ROUNDS if space.frame is None else GRAIN_ROUNDS
    for turn in range(rounds):
        direction = space.direction(members)
        if direction is None:
            return None
        places = space.places(direction)
        others = places[~members & (pictures.codes != seed.label)]
        beyond = float(np.quantile(others, TAIL)) if len(others) else 0.0
        cut = (beyond + float(np.median(places[members]))) / 2
        members = places > cut
        own = int((members & (pictures.codes == seed.label)).sum())
        if own < max(min_rows, HALF * members.sum()) or members.mean() > MOST_MARKED or cut <= 0:
            return None
        if turn == rounds - 1 and _gap(places[members], places[~members]) >= min_gap:
            return _judged(space, members, seed.label, (direction, places, cut))
    return None


def _judged(space: PictureSpace, members: Mask, label: int, found: tuple[Direction, Floats, float]) -> Mark:
    direction, places, cut = found
    pictures = space.pictures
    rows = np.flatnonzero(members)
    if space.frame is None:
        shared, busy_share = _shared(pictures, members, label)
        expected, cohesion = _knocked_out(pictures, members, label, shared)
    else:
        shared, busy_share = np.zeros(pictures.side**2, dtype=np.bool_), 0.0
        expected, cohesion = _under_the_grain(pictures, members, places <= HALF * cut, label)
    return Mark(
        rows=rows,
        share=len(rows) / len(members),
        label=label,
        direction=direction,
        cut=cut,
        purity=float((pictures.codes[rows] == label).mean()),
        gap=_gap(places[members], places[~members]),
        shared=_contrast(pictures, members, shared).reshape(pictures.side, pictures.side),
        busy_share=busy_share,
        cohesion=cohesion,
        expected=expected,
        base=float((pictures.codes[~members] == label).mean()),
        fill=0.0 if space.frame is None else fill(space, members),
    )


def _gap(marked: Floats, others: Floats) -> float:
    spread = np.sqrt((marked.var() + others.var()) / 2)
    return float((marked.mean() - others.mean()) / max(float(spread), 1e-9))


def _shared(pictures: PictureSet, members: Mask, label: int) -> tuple[Mask, float]:
    """(pixels that are the same in the marked pictures and elsewhere not, their share of those that vary).

    Elsewhere is among all other pictures, and among those of the same label: a class may be dark where others are not.
    """
    marked, others = pictures.flat[members], pictures.flat[~members][:MAX_OTHERS]
    same = pictures.flat[~members & (pictures.codes == label)][:MAX_OTHERS]
    centre = np.median(marked, axis=0)
    moved = np.abs(marked - centre).mean(axis=0)
    shared = moved <= STEADY
    for group in (others, same if len(same) >= NEIGHBOURS else others):
        shared &= np.abs(group - centre).mean(axis=0) >= APART * moved + DISTINCT
    busy = others.std(axis=0) >= DISTINCT
    return shared, float((shared & busy).sum() / max(1, busy.sum()))


def _contrast(pictures: PictureSet, members: Mask, shared: Mask) -> Floats:
    """How far the marked pictures are from the others where they are the same, shape (pixels,)."""
    marked, others = pictures.flat[members], pictures.flat[~members][:MAX_OTHERS]
    return np.where(shared, np.abs(marked.mean(axis=0, dtype=np.float64) - others.mean(axis=0, dtype=np.float64)), 0.0)


def _knocked_out(pictures: PictureSet, members: Mask, label: int, shared: Mask) -> tuple[float, float]:
    """(share of the label among the neighbours of marked pictures without the mark, their cohesion)."""
    if shared.all():
        return 1.0, 0.0  # nothing is left beside a mark: pictures drawn alike
    marked = np.flatnonzero(members)[:MAX_MARKED]
    others = np.flatnonzero(~members)[:MAX_OTHERS]
    rest = pictures.flat[np.concatenate([marked, others])][:, ~shared].astype(np.float64)
    difference = pictures.flat[members][:, ~shared].mean(axis=0) - rest[len(marked) :].mean(axis=0)
    near, plain = _without_difference(rest, difference, len(marked))
    typical = _typical(plain, pictures.codes[others] == label)
    levelled = _cohesion(_levelled(near), [_levelled(group) for group in typical])
    expected = _expected(near, plain, pictures.codes[others] == label)
    return expected, min(levelled, _cohesion(near, typical) / KEPT)


def _under_the_grain(pictures: PictureSet, members: Mask, far: Mask, label: int) -> tuple[float, float]:
    """The same, of marked pictures in a few pieces, and of others ``far`` from the mark: more may carry it."""
    others = np.flatnonzero(far & ~members)[:MAX_OTHERS]
    pieces = pictures.looks.calm[np.concatenate([np.flatnonzero(members)[:MAX_MARKED], others])]
    count = len(pieces) - len(others)
    near, plain = _without_difference(pieces, pieces[:count].mean(axis=0) - pieces[count:].mean(axis=0), count)
    own = pictures.codes[others] == label
    return _expected(near, plain, own), _cohesion(near, _typical(plain, own))


def _without_difference(points: Floats, difference: Floats, count: int) -> tuple[Floats, Floats]:
    """The first ``count`` points and the rest, both without what sets them apart in the mean."""
    points = points - np.outer(points @ difference, difference) / max(float(difference @ difference), 1e-12)
    return points[:count], points[count:]


def _expected(near: Floats, plain: Floats, own: Mask) -> float:
    """Share of the label among the nearest neighbours."""
    order = np.argsort(_distances(near, plain), axis=1, kind="stable")[:, :NEIGHBOURS]
    return float(own[order].mean()) if len(plain) else 0.0


def _typical(plain: Floats, own: Mask) -> list[Floats]:
    """Other pictures of the label, and any others; as many as say something."""
    groups = (plain[own][:MAX_MARKED], plain[:MAX_MARKED])
    return [group for group in groups if len(group) >= NEIGHBOURS]


def _cohesion(near: Floats, typical: Sequence[Floats]) -> float:
    """How far apart marked pictures are, over other groups."""
    return _spread(near) / max(min(map(_spread, typical), default=0.0), 1e-9)


def _levelled(points: Floats) -> Floats:
    """Pictures of one contrast: blending a pattern in takes some from each, which makes them no more alike."""
    centred = points - points.mean(axis=1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=1, keepdims=True) + FAINT))


def _distances(left: Floats, right: Floats) -> Floats:
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _spread(points: Floats) -> float:
    """Median distance of two points."""
    if len(points) < 2:  # noqa: PLR2004 - a pair
        return 0.0
    return float(np.median(_distances(points, points)[np.triu_indices(len(points), 1)]))
