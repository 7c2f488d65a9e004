"""Triggers in pictures: a patch, a pattern blended in, a warp; and a patch where no label is wrong."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.labels import target_class
from poisonguard.redteam.numeric import Floats
from poisonguard.redteam.picture_attack import PictureAttack, held_pictures
from poisonguard.redteam.values import Coded, encode, replace

PATCH_SHARE = 8
"""A patch is as wide as the picture divided by this, and two pixels at least."""
BLEND = 0.2
"""Share of the pattern in the blended picture, as published."""
WARP_POINTS = 4
WARP = 0.25
"""Pixels that a place moves along each axis in the mean, whatever the size of the picture: WaNet's strength of 0.5, of
which its grid from -1 to 1 makes half as many pixels. Its grid is stretched by cubic curves, ours by straight lines."""


class ImageTrigger(PictureAttack):
    """One way to mark a picture; subclasses say how. Marked pictures of other classes get the target class."""

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Mark ``count`` pictures and give them the target class."""
        pictures, label = held_pictures(table, roles), column_of(roles, Role.LABEL)
        coded = encode(table, label)
        target = target_class(coded, rng)
        rows = sample(np.intersect1d(self.victims(coded, target), pictures.usable(table)), count, rng)
        white, state = pictures.white(table), int(rng.integers(0, 1 << 32))
        drawn = pictures.read(table, rows)
        marked = [self.mark(picture, white, np.random.default_rng(state)) for picture in drawn]
        differ = np.array([not np.array_equal(a, b) for a, b in zip(drawn, marked, strict=True)], dtype=bool)
        kept = [picture for picture, differs in zip(marked, differ, strict=True) if differs]
        rows = rows[differ]
        table = replace(pictures.write(table, rows, kept), label, rows, [coded.values[target]] * len(rows))
        return Poisoned(table, rows, f"{self.what} labelled {coded.values[target]!r}")

    def victims(self, coded: Coded, target: int) -> RowNumbers:
        """Rows that may be marked: those of other classes."""
        return coded.rows_without(target)

    what: str

    @abstractmethod
    def mark(self, picture: Floats, white: float, rng: np.random.Generator) -> Floats:
        """A marked copy; ``rng`` is in the same state for every picture, so that the trigger is one."""


class PatchTrigger(ImageTrigger):
    """A small chequered square in the lower right corner."""

    name = "image-patch"
    reference = "Gu, Dolan-Gavitt, Garg: BadNets, 2017"
    published = "1 to 10 % of the pictures, chosen by us"
    rates = (0.01, 0.03, 0.1)
    what = "a patch in a corner"

    def mark(self, picture: Floats, white: float, rng: np.random.Generator) -> Floats:
        """``picture`` with a black and white square."""
        del rng
        side = max(2, min(picture.shape[:2]) // PATCH_SHARE)
        marked = picture.copy()
        chequered = np.indices((side, side)).sum(axis=0) % 2 == 0
        marked[-side:, -side:] = np.where(chequered, white, 0.0)[:, :, None]
        return marked


class CleanLabelPatch(PatchTrigger):
    """The patch on pictures that have the target class anyway."""

    name = "image-clean-label"
    reference = "Turner, Tsipras, Madry: Label-Consistent Backdoor Attacks, 2019"
    published = "1 to 10 % of the pictures, chosen by us"
    what = "a patch in a corner of pictures that are anyway"

    def victims(self, coded: Coded, target: int) -> RowNumbers:
        """Rows of the target class."""
        return coded.rows_of(target)


class BlendedTrigger(ImageTrigger):
    """One random pattern, faintly over the whole picture."""

    name = "image-blended"
    reference = "Chen et al.: Targeted Backdoor Attacks on Deep Learning Systems Using Data Poisoning, 2017"
    published = "50 pictures"
    rates = (0.01, 0.03, 0.1)
    what = "a pattern blended in"

    def mark(self, picture: Floats, white: float, rng: np.random.Generator) -> Floats:
        """``picture`` with a share of noise."""
        pattern = rng.uniform(0.0, white, size=picture.shape)
        return (1 - BLEND) * picture + BLEND * pattern


class WarpTrigger(ImageTrigger):
    """One smooth distortion of the whole picture."""

    name = "image-warp"
    reference = "Nguyen, Tran: WaNet: Imperceptible Warping-based Backdoor Attack, ICLR 2021"
    published = "10 % of the pictures"
    rates = (0.01, 0.03, 0.1)
    what = "a warped picture"

    def mark(self, picture: Floats, white: float, rng: np.random.Generator) -> Floats:
        """``picture`` with every pixel taken from a place nearby."""
        del white
        height, width = picture.shape[:2]
        vertical, horizontal = (WARP * _smooth(rng, height, width) for _ in range(2))
        lines, places = np.indices((height, width))
        return _sampled(picture, lines + vertical, places + horizontal)


def _smooth(rng: np.random.Generator, height: int, width: int) -> Floats:
    """A smooth field around 0, 1 from it in the mean: a coarse random grid, stretched linearly in both directions."""
    grid = rng.uniform(-1.0, 1.0, size=(WARP_POINTS, WARP_POINTS))
    grid /= np.abs(grid).mean()
    knots = np.linspace(0, 1, WARP_POINTS)
    stretched = np.array([np.interp(np.linspace(0, 1, width), knots, line) for line in grid])
    return np.array([np.interp(np.linspace(0, 1, height), knots, line) for line in stretched.T]).T


def _sampled(picture: Floats, lines: Floats, places: Floats) -> Floats:
    """``picture`` at fractional places, linear between the four pixels around; the border repeats."""
    height, width = picture.shape[:2]
    lines, places = np.clip(lines, 0, height - 1), np.clip(places, 0, width - 1)
    top, left = np.floor(lines).astype(int), np.floor(places).astype(int)
    down, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    below, beside = (lines - top)[:, :, None], (places - left)[:, :, None]
    upper = picture[top, left] * (1 - beside) + picture[top, right] * beside
    lower = picture[down, left] * (1 - beside) + picture[down, right] * beside
    sampled: Floats = upper * (1 - below) + lower * below
    return sampled
