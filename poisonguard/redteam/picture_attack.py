"""What every attack on labelled pictures needs: a table that holds pictures which can be drawn on."""

from __future__ import annotations

import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Family
from poisonguard.redteam.labels import LabelAttack
from poisonguard.redteam.pictures import Pictures, pictures_of


class PictureAttack(LabelAttack):
    """An attack on labelled pictures in either shape."""

    family = Family.IMAGES
    roles = (Role.LABEL,)

    @property
    def applies_to(self) -> str:
        """Labelled pictures in either shape."""
        return "label and PNG bytes or pixel columns"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: the table holds no pictures that can be drawn on."""
        return _picture_obstacle(table, roles) or super().obstacle(table, roles)


def held_pictures(table: pa.Table, roles: Roles) -> Pictures:
    """The pictures of ``table``; the obstacle has been asked for."""
    pictures = pictures_of(table, roles)
    if pictures is None:
        raise UsageError("the table holds no pictures")
    return pictures


def _picture_obstacle(table: pa.Table, roles: Roles) -> str | None:
    pictures = pictures_of(table, roles)
    if pictures is None:
        return "no PNG and no pixel columns"
    return None if len(pictures.usable(table)) else "no picture can be read"
