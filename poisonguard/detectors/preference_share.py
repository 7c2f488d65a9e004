"""What share of some pairs was turned round, held against how often others stand the wrong way round by themselves.

1. People disagree, and models err: pairs of which models are sure stand the wrong way round less often than others. So
   pairs are sorted by how sure the models are, whichever way they stand, and each such part has its own usual share u.
2. Of pairs of which a share f was turned round, u + f (1 - 2u) stand the wrong way. f is estimated over all parts by
   least squares: new texts of which models are less sure do not look turned round.
3. That all of some pairs were turned rather than none is weighed by the likelihood ratio. Honest pairs reach a ratio
   of r with a chance of 1 / r at most, however few they are (Ville's inequality).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.chances import normal_tail
from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers

PARTS, PART = 10, 40
"""Most parts, and pairs that each should hold."""
ERRORS, MIRRORED = 3.0, 0.5
"""Standard errors by which less than all of a group may seem turned, and the least share of it that must."""

LEAST = 0.02
"""No part of the pairs is believed to err less: what is rare in one set need not be in the next."""


@dataclass(frozen=True, slots=True)
class Turning:
    """How often pairs stand the wrong way round by themselves.

    Attributes:
        edges: Margins, whatever their sign, between which the parts lie, shape (parts - 1,).
        rows: Pairs in each part, shape (parts,).
        wrong: Those of them that stand the wrong way round, shape (parts,).
    """

    edges: Floats
    rows: Floats
    wrong: Floats

    @classmethod
    def of(cls, margins: Floats) -> Turning:
        """As in the pairs with these margins, of which none is 0."""
        parts = max(1, min(PARTS, len(margins) // PART))
        edges = np.unique(np.quantile(np.abs(margins), np.arange(1, parts) / parts)) if parts > 1 else np.zeros(0)
        rows, wrong = _counted(edges, margins, np.zeros(len(margins), np.int64), 1)
        return cls(edges, rows[0], wrong[0])

    def share(self, margins: Floats) -> Share:
        """The share of other pairs, with these margins, that was turned round."""
        counts = _counted(self.edges, margins, np.zeros(len(margins), np.int64), 1)
        usual, (held, wrong) = usual_of(self.rows, self.wrong), (each[0] for each in counts)
        size, found = _levered(held, wrong, usual)
        if size <= 0:
            return Share(0.0, np.inf)
        # If nothing was turned, both tell the usual share: where few err by chance, it only seems that hardly any do.
        both = (wrong + usual * self.rows) / np.maximum(1, held + self.rows)
        spread = held * (1 - 2 * usual) ** 2 * both * (1 - both) * (1 + held / np.maximum(1, self.rows))
        return Share(float(found / size), float(np.sqrt(spread.sum()) / size))

    def all_turned(self, margins: Floats, group: Integers, groups: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Of groups of these pairs: the log of the likelihood ratio, and whether as good as all of one seem turned.

        What is usual is read from the pairs outside of each group.

        Args:
            margins: Margin of each pair of a group; a pair may be in several, shape (entries,).
            group: Its group, from 0, shape (entries,).
            groups: How many there are.
        """
        held, wrong = _counted(self.edges, margins, group, groups)
        usual = usual_of(self.rows - held, self.wrong - wrong)
        ratio = ((2 * wrong - held) * np.log((1 - usual) / usual)).sum(axis=-1)
        size, found = _levered(held, wrong, usual)
        error = np.sqrt((held * (1 - 2 * usual) ** 2 * usual * (1 - usual)).sum(axis=-1))
        return ratio, (found >= size - ERRORS * error) & (found > MIRRORED * size)


def usual_of(rows: Floats, wrong: Floats) -> Floats:
    """Share of each part that stands the wrong way round, at most one half, least where models are surest."""
    # As if each part held one more pair of each kind: no share is 0.
    return np.minimum.accumulate(np.clip((wrong + 1) / (rows + 2), LEAST, 0.5), axis=-1)


def _counted(edges: Floats, margins: Floats, group: Integers, groups: int) -> tuple[Floats, Floats]:
    """Pairs, and those that stand the wrong way round, of each group in each part; shape (groups, parts)."""
    parts = len(edges) + 1
    place = group * parts + np.searchsorted(edges, np.abs(margins))
    shape = (groups, parts)
    rows = np.bincount(place, minlength=groups * parts).astype(np.float64)
    wrong = np.bincount(place[margins < 0], minlength=groups * parts).astype(np.float64)
    return rows.reshape(shape), wrong.reshape(shape)


def _levered(held: Floats, wrong: Floats, usual: Floats) -> tuple[Floats, Floats]:
    """What the estimate of the share divides by, and what it divides."""
    lever = 1 - 2 * usual
    return (held * lever**2).sum(axis=-1), (lever * (wrong - held * usual)).sum(axis=-1)


@dataclass(frozen=True, slots=True)
class Share:
    """An estimate with the standard error that it has where nothing was turned."""

    value: float
    error: float

    @property
    def chance(self) -> float:
        """Chance of as much where nothing was turned."""
        return normal_tail(self.value / self.error)
