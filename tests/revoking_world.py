"""Lists of revocations for tests of the gate."""

from dataclasses import replace
from typing import Any

from evidence_world import World, revoking_root
from simulator import DAY, NOW

from poisonguard.attest.revocations_v1 import RevokedVersion
from poisonguard.store.bundle import Bundle


def with_revoker(world: World) -> World:
    """The world, in which rita revokes, and everybody behaved."""
    world.root = revoking_root()
    return world.behave()


def version(world: World, **changes: Any) -> dict[str, Any]:
    """A list that revokes the version."""
    item = RevokedVersion(world.dataset, world.number, world.version, "labels of source 7 are flipped", NOW - DAY)
    return {"versions": (replace(item, **changes),)}


def alone(world: World, *, size: int | None = None) -> Bundle:
    """The last statement in a bundle of its own."""
    bundle = world.bundle()
    return replace(bundle, statements=bundle.statements[-1:] if size is None else bundle.statements[:size])
