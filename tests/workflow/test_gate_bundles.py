"""A bundle put together by the attacker, of true statements and of forged ones, passes only if it is sound.

All statements are in one honest log, so that proofs of inclusion are never what refuses: what does is what they say
and who said it. The version takes two stewards.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from evidence_gate import Gate
from evidence_world import World, inventory_of_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator import trust_root

from poisonguard.attest.envelope import Envelope
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.errors import IntegrityError
from poisonguard.store.bundle import Bundle

NAMES = (
    "manifest",
    "scan",
    "ann approves",
    "bob approves",
    "ann approves an older version",
    "bob approves another dataset",
    "manifest of an older version",
    "manifest of another dataset",
    "scan of another dataset",
    "mallory approves",
    "the publisher approves",
    "the scanner approves",
    "mallory publishes",
    "mallory scans",
    "ann publishes",
    "ann scans",
    "ann approves twice",
    "ann approves for evaluation",
)
SOUND = {"manifest", "scan", "bob approves"}
ANNS = {"ann approves", "ann approves twice"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    (data / "train.csv").write_bytes(b"a,b\n1,2\n")
    return data


@dataclass(repr=False)
class Everything:
    """A world, and what was said in it."""

    world: World
    said: dict[str, Envelope]


@pytest.fixture(scope="module")
def everything(folder: Path) -> Everything:
    """What was said, by what it is; in the order of the names."""
    root = trust_root(roles={**trust_root().roles, RoleName.STEWARD: Grant(("ann", "bob"), 2)})
    world = World(content=inventory_of_folder(folder), root=root)
    older, other = replace(world, number=2), replace(world, dataset="prices")
    published, scanned = world.publish(), world.scan()
    older_published, other_published, other_scanned = older.publish(), other.publish(), other.scan()
    said = {
        "manifest": published,
        "scan": scanned,
        "ann approves": world.approve(published, scanned, "ann"),
        "bob approves": world.approve(published, scanned, "bob"),
        "ann approves an older version": older.approve(older_published, scanned, "ann"),
        "bob approves another dataset": other.approve(other_published, other_scanned, "bob"),
        "manifest of an older version": older_published,
        "manifest of another dataset": other_published,
        "scan of another dataset": other_scanned,
        "mallory approves": world.approve(published, scanned, "mallory"),
        "the publisher approves": world.approve(published, scanned, "pub"),
        "the scanner approves": world.approve(published, scanned, "ci"),
        "mallory publishes": world.publish("mallory"),
        "mallory scans": world.scan("mallory"),
        "ann publishes": world.publish("ann"),
        "ann scans": world.scan("ann"),
        "ann approves twice": world.approve(published, scanned, "ann"),
        "ann approves for evaluation": world.approve(published, scanned, "ann", purpose="evaluation"),
    }
    assert tuple(said) == NAMES
    return Everything(world, said)


def bundle(everything: Everything, names: list[str]) -> Bundle:
    whole = everything.world.bundle()
    logged = {item.envelope: item for item in whole.statements}
    return replace(whole, statements=tuple(logged[everything.said[name]] for name in names))


def passes(everything: Everything, folder: Path, names: list[str]) -> bool:
    in_order = sorted(set(names), key=NAMES.index)
    try:
        return Gate(folder)(everything.world, bundle(everything, in_order), dataset="reviews", min_version=3).passed
    except IntegrityError:
        return False


def test_what_is_sound_passes(everything: Everything, folder: Path) -> None:
    for ann in ANNS:
        assert passes(everything, folder, [*SOUND, ann])


def test_one_steward_too_few_however_often_they_approve(everything: Everything, folder: Path) -> None:
    assert not passes(everything, folder, ["manifest", "scan", *ANNS])
    assert not passes(
        everything, folder, [*SOUND, "mallory approves", "the publisher approves", "the scanner approves"]
    )
    assert not passes(everything, folder, [*SOUND, "ann approves for evaluation"])
    assert not passes(everything, folder, [*SOUND, "ann approves an older version"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(NAMES), max_size=12, unique=True))
def test_what_passes_is_sound(everything: Everything, folder: Path, names: list[str]) -> None:
    if passes(everything, folder, names):
        assert set(names) >= SOUND
        assert ANNS & set(names)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(more=st.sets(st.sampled_from(NAMES)))
def test_noise_never_lets_more_through_than_what_is_there(everything: Everything, folder: Path, more: set[str]) -> None:
    """Taking one needed statement away from any bundle refuses it."""
    for missing in sorted(SOUND):
        assert not passes(everything, folder, sorted((SOUND | ANNS | more) - {missing}))
    assert not passes(everything, folder, sorted((SOUND | more) - ANNS))
