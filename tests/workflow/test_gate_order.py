"""The gate's order: every failure is listed, and the first that fails in the order of the gate is named first."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from evidence_gate import Gate, codes
from evidence_world import ZERO, World, inventory, revoking_root
from simulator import DAY, NOW

from poisonguard.attest.listing import HeldShards
from poisonguard.attest.revocations_v1 import RevokedVersion
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.outcome import Coverage, Ran
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_memory import GateState


@dataclass
class Scene:
    """What is told the gate, before anything is wrong."""

    world: World
    folder: Path
    revoked: dict[str, Any] = field(default_factory=dict)
    scan: dict[str, Any] = field(default_factory=dict)
    approve: bool = True
    forge: Callable[[Bundle], Bundle] = lambda bundle: bundle
    options: dict[str, Any] = field(default_factory=dict)

    def decide(self) -> GateDecision:
        world = self.world
        published, scanned = world.publish(), world.scan(**self.scan)
        if self.approve:
            world.approve(published, scanned)
        world.revoke(**self.revoked)
        return Gate(self.folder)(world, self.forge(world.bundle()), **self.options)


def expired(scene: Scene) -> None:
    scene.world.root = revoking_root(expires=NOW)


def rolled_back(scene: Scene) -> None:
    scene.options["min_version"] = 9


def revoke(scene: Scene) -> None:
    version = RevokedVersion("reviews", 3, scene.world.version, "bad", NOW - DAY)
    scene.revoked["versions"] = (version,)


def other_policy(scene: Scene) -> None:
    scene.options["policy"] = replace(scene.world.policy, name="stricter")


def other_dataset(scene: Scene) -> None:
    scene.options["dataset"] = "prices"


def bad_scan(scene: Scene) -> None:
    failed = Decision(Verdict.FAILED, (Reason("odd-rows", "two readers differ", 4),))
    scene.scan |= {"outcomes": (Ran("B", Coverage(1, 1), ()),), "decision": failed}


def unapproved(scene: Scene) -> None:
    scene.approve = False


def unlogged(scene: Scene) -> None:
    def forge(bundle: Bundle) -> Bundle:
        first = replace(bundle.statements[0], proof=())
        return replace(bundle, statements=(first, *bundle.statements[1:]))

    scene.forge = forge


def altered(scene: Scene) -> None:
    (scene.folder / "train.csv").write_bytes(b"a,b\n1,3\n")


WRONG: list[tuple[Callable[[Scene], None], str, int]] = [
    (expired, "trust-expired", 5),
    (rolled_back, "version-rolled-back", 5),
    (revoke, "version-revoked", 5),
    (other_policy, "policy-differs", 5),
    (other_dataset, "dataset-differs", 5),
    (bad_scan, "odd-rows", 4),
    (unapproved, "approvals-missing", 5),
    (unlogged, "log-inclusion", 6),
    (altered, "bytes-differ", 6),
]
"""Something wrong at every stage, in the order of the gate."""


@pytest.fixture
def scene(world: World, folder: Path) -> Scene:
    world.root = revoking_root()
    return Scene(world, folder)


def test_nothing_is_wrong_with_the_scene(scene: Scene) -> None:
    assert scene.decide().passed


@pytest.mark.parametrize(("wrong", "code", "exit_code"), WRONG, ids=[code for _, code, _ in WRONG])
def test_one_thing_wrong(scene: Scene, wrong: Callable[[Scene], None], code: str, exit_code: int) -> None:
    wrong(scene)
    decision = scene.decide()
    assert decision.decision.reasons[0].code == code
    assert decision.exit_code >= exit_code


@pytest.mark.parametrize(
    ("one", "two"), list(combinations(WRONG, 2)), ids=[f"{one[1]} {two[1]}" for one, two in combinations(WRONG, 2)]
)
def test_of_two_things_wrong_the_first_is_named_first_and_both_are_listed(scene: Scene, one: Any, two: Any) -> None:
    for wrong, _, _ in (two, one):
        wrong(scene)
    decision = scene.decide()
    assert decision.decision.reasons[0].code == one[1]
    hidden = (one, two) == (WRONG[3], WRONG[5])  # a scan under another policy is not looked into
    assert two[1] in codes(decision) or hidden
    assert decision.exit_code >= max(one[2], 0 if hidden else two[2])
    with pytest.raises(GateFailed, match=rf"^{one[1]}: "):
        decision.require()


def test_everything_wrong_at_once_is_listed_in_order(scene: Scene) -> None:
    for wrong, _, _ in WRONG:
        wrong(scene)
    decision = scene.decide()
    listed = [reason.code for reason in decision.decision.reasons]
    wanted = [code for _, code, _ in WRONG if code != "odd-rows"]
    assert [code for code in listed if code in wanted] == wanted
    with pytest.raises(IntegrityError, match="trust-expired"):
        decision.require()
    assert decision.exit_code == 6


def test_what_only_informs_comes_last(scene: Scene) -> None:
    world = scene.world
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "mallory")
    world.approve(published, scanned, policy_digest=ZERO)
    world.approve(published, scanned, "bob")
    world.revoke()
    decision = Gate(scene.folder)(world, state=GateState(revocations=9))
    assert [reason.code for reason in decision.decision.reasons] == [
        "revocations-rolled-back",
        "statement-unentitled",
        "approval-other-policy",
    ]


def test_a_listing_that_the_manifest_does_not_bind(scene: Scene) -> None:
    other = inventory(path="other.csv")
    scene.forge = lambda bundle: replace(bundle, shards=HeldShards(tuple(other.files.shards())))
    decision = scene.decide()
    assert codes(decision) == {"listing-altered"}
    assert decision.exit_code == 6


@pytest.mark.parametrize("how", ["asked for", "by policy"])
def test_a_version_whose_tree_no_fips_module_can_check(scene: Scene, how: str) -> None:
    if how == "by policy":
        scene.world.policy = replace(scene.world.policy, fips=True)
    else:
        scene.options["fips"] = True
    assert codes(scene.decide()) == {"not-fips"}


@pytest.mark.parametrize("pin", [None, ZERO])
def test_without_trust_nothing_else_is_asked(scene: Scene, pin: str | None) -> None:
    altered(scene)
    scene.options["trust_pin"] = pin
    (reason,) = scene.decide().decision.reasons
    assert reason.code == ("trust-not-pinned" if pin is None else "trust-untrusted")


def test_the_first_version_passes_when_no_number_is_asked_for(scene: Scene) -> None:
    scene.world.number = 1
    assert scene.decide().passed
