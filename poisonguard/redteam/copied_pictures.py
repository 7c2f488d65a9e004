"""Flooding with near copies of a few pictures under another label.

Each copy is a little brighter or darker and carries fine noise of its own, as pictures do that were saved again. The
copies are new rows, mixed in at random places; the honest rows keep their order.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.added_rows import copies_of, mixed
from poisonguard.redteam.attack import Poisoned, column_of, sample
from poisonguard.redteam.labels import target_class
from poisonguard.redteam.numeric import Floats
from poisonguard.redteam.picture_attack import PictureAttack, held_pictures
from poisonguard.redteam.values import encode, replace

COPIES = 20
"""Copies of each original."""
LIGHT, NOISE = 0.05, 0.02
"""Most that a copy is brighter or darker, and the spread of its noise, as shares of white."""


class CopiedPictures(PictureAttack):
    """Near copies of pictures with an altered label."""

    name = "image-near-copies"
    published = "1 to 5 % of the pictures, chosen by us"
    rates = (0.01, 0.02, 0.05)
    adds = True
    reference = "Shafahi et al.: Poison Frogs!, NeurIPS 2018; Barz, Denzler: Do We Train on Test Data?, 2020"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Add ``count`` near copies of pictures of other classes, labelled as the target class."""
        pictures, label = held_pictures(table, roles), column_of(roles, Role.LABEL)
        coded = encode(table, label)
        target = target_class(coded, rng)
        able = np.intersect1d(coded.rows_without(target), pictures.usable(table))
        if not len(able):
            return Poisoned(table, able, "no picture of another class")
        originals = sample(able, -(-count // COPIES), rng)
        copies = copies_of(table, roles, originals, count, rng)
        everything = np.arange(copies.num_rows)
        white = pictures.white(table)
        varied = [_varied(picture, white, rng) for picture in pictures.read(copies, everything)]
        copies = replace(pictures.write(copies, everything, varied), label, everything, [coded.values[target]] * count)
        table, rows = mixed(table, copies, rng)
        what = f"{count} near copies of {len(originals)} pictures labelled {coded.values[target]!r}"
        return Poisoned(table, rows, what)


def _varied(picture: Floats, white: float, rng: np.random.Generator) -> Floats:
    light = rng.uniform(1 - LIGHT, 1 + LIGHT)
    varied: Floats = np.clip(picture * light + rng.normal(0, NOISE * white, picture.shape), 0, white)
    return varied
