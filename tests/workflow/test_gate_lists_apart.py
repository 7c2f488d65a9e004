"""A list of revocations that came apart from the bundle."""

from dataclasses import replace

import pytest
from evidence_gate import Gate, codes, refused
from evidence_world import World
from revoking_world import alone, version, with_revoker
from simulator import DAY, NOW

from poisonguard.attest.envelope import Signature
from poisonguard.domain import merkle


@pytest.fixture
def world(world: World) -> World:
    return with_revoker(world)


# ---------------------------------------------------------------------------------------------------- apart


def test_a_newer_list_that_came_apart_holds(world: World, check: Gate) -> None:
    world.revoke(expires=NOW)
    bundle = world.bundle()
    refused(check(world, bundle), "revocations-expired")
    world.revoke(number=2)
    decision = check(world, bundle, revocations=alone(world))
    assert decision.passed
    assert decision.to_json()["revocations"]["number"] == 2
    assert decision.to_json()["log"]["size"] == 4, "the bundle's own log"


def test_an_older_list_that_came_apart_does_not(world: World, check: Gate) -> None:
    world.revoke()
    older = alone(world)
    world.revoke(number=2, **version(world))
    assert codes(check(world, revocations=older)) == {"version-revoked"}


def test_a_list_that_came_apart_must_follow_the_bundles_own(world: World, check: Gate) -> None:
    world.revoke(**version(world))
    bundle = world.bundle()
    forged = World(world.content, root=world.root)
    forged.revoke(number=2)
    decision = check(world, bundle, revocations=alone(forged))
    assert codes(decision) == {"revocations-shrunk"}


@pytest.mark.parametrize("what", ["no list", "not in the log", "by nobody", "altered"])
def test_what_came_apart_and_is_no_list_is_refused(world: World, check: Gate, what: str) -> None:
    world.revoke()
    bundle = world.bundle()
    other = World(world.content, root=world.root)
    other.revoke("mallory" if what == "by nobody" else "rita", number=2)
    if what == "no list":
        other.behave()
    apart = alone(other)
    if what == "not in the log":
        apart = replace(apart, statements=(replace(apart.statements[0], proof=(bytes(32),)),))
    if what == "altered":
        good = other.log[0]
        other.log[0] = replace(good, signatures=(Signature(good.signatures[0].keyid, b"\x30\x00"),))
        apart = alone(other)
    decision = check(world, bundle, revocations=apart)
    assert "revocations-missing" in codes(decision)
    assert not decision.passed


def test_a_log_that_nobody_trusts_brings_no_list(world: World, check: Gate) -> None:
    world.revoke()
    apart = replace(alone(world), checkpoint=b"poisonguard/test\n1\n\n")
    assert codes(check(world, revocations=apart)) == {"log-untrusted", "revocations-missing"}


def test_the_proof_in_a_list_that_came_apart_is_its_own(world: World, check: Gate) -> None:
    """Its log has grown since; the bundle's checkpoint knows nothing of it."""
    bundle = world.bundle()
    for number in (1, 2, 3):
        world.revoke(number=number)
    apart = alone(world)
    assert merkle.inclusion_proof([bytes(32)] * 6, 5) != apart.statements[0].proof
    assert check(world, bundle, revocations=apart).passed


def test_what_counts_for_nothing_is_named_whichever_way_it_came(world: World, check: Gate) -> None:
    world.approve(world.log[0], world.log[1], "mallory")
    bundle = world.bundle()
    world.revoke("ann")
    decision = check(world, bundle, revocations=alone(world))
    assert [item.code for item in decision.decision.reasons].count("statement-unentitled") == 2


def test_a_list_from_the_future_that_came_apart(world: World, check: Gate) -> None:
    bundle = world.bundle()
    world.revoke(created=NOW + DAY)
    assert codes(check(world, bundle, revocations=alone(world))) == {"clock-behind"}
