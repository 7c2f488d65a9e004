"""The gate and lists of revocations: freshness, versions, keys and approvals that were taken back."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from evidence_gate import Gate, codes, notes, refused
from evidence_world import ZERO, World, revoking_root
from revoking_world import version, with_revoker
from simulator import DAY, NOW, key, trust_root

from poisonguard.attest.envelope import sign
from poisonguard.attest.revocations_v1 import ListedStatement, RevokedApproval, RevokedKey
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.errors import GateFailed
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.gate_memory import GateState, Passed

HOUR = timedelta(hours=1)


ORIGIN = "poisonguard/test"


@pytest.fixture
def world(world: World) -> World:
    return with_revoker(world)


def lost(name: str, **changes: Any) -> dict[str, Any]:
    """A key that was lost an hour ago, when there were three statements in the log."""
    item = RevokedKey(key(name).public.keyid, NOW - DAY, ORIGIN, 3, "laptop stolen", NOW - DAY)
    return {"keys": (replace(item, **changes),)}


def withdrawn(statement: str) -> dict[str, Any]:
    return {"approvals": (RevokedApproval(statement, "read the wrong report", NOW - DAY),)}


# ---------------------------------------------------------------------------------------------------- freshness


def test_a_list_that_revokes_nothing_lets_pass(world: World, check: Gate) -> None:
    world.revoke()
    decision = check(world)
    assert (decision.passed, notes(decision)) == (True, {"passed"})
    shown = decision.to_json()["revocations"]
    assert (shown["number"], shown["by"], shown["expires"]) == (1, ["rita"], "2026-05-07T12:00:00Z")


def test_without_a_revoker_nothing_changes(world: World, check: Gate) -> None:
    world.root = trust_root()
    assert check(world).passed
    world.revoke(**version(world))
    decision = check(world)
    assert decision.passed, "whoever signed the list has no right to"
    assert "statement-unentitled" in notes(decision)


def test_revocations_missing(world: World, check: Gate) -> None:
    decision = check(world)
    assert codes(decision) == {"revocations-missing"}
    assert decision.exit_code == 5
    with pytest.raises(GateFailed, match="revocations-missing"):
        decision.require()


@pytest.mark.parametrize("signer", ["ann", "ci", "log", "mallory", "olga"])
def test_a_list_that_no_revoker_signed_is_none(world: World, check: Gate, signer: str) -> None:
    world.revoke(signer)
    refused(check(world), "revocations-missing", 6)


def test_more_than_one_revoker_can_be_asked_for(world: World, check: Gate) -> None:
    roles = {**revoking_root().roles, RoleName.REVOKER: Grant(("olga", "rita"), 2)}
    world.root = revoking_root(roles=roles)
    world.revoke()
    refused(check(world), "revocations-missing", 6)
    world.revoke("olga", "rita", number=2)
    assert check(world).passed


def test_revocations_expired(world: World, check: Gate) -> None:
    world.revoke(expires=NOW)
    assert codes(check(world)) == {"revocations-expired"}
    assert check(world, now=NOW - timedelta(seconds=1)).passed


def test_revocations_rolled_back(world: World, check: Gate) -> None:
    world.revoke(number=4)
    assert codes(check(world, state=GateState(revocations=5))) == {"revocations-rolled-back"}
    assert check(world, state=GateState(revocations=4)).passed


def test_a_refusal_cannot_be_forgotten_by_an_older_list(world: World, check: Gate) -> None:
    older = World(world.content, root=world.root, log=list(world.log))
    older.revoke(number=1)
    world.revoke(number=2, **version(world))
    state = GateState().after(check(world))
    assert state.passed == {}
    assert check(older).passed, "a machine that saw nothing cannot know"
    assert codes(check(older, state=state)) == {"revocations-rolled-back"}


def test_revocations_shrunk(world: World, check: Gate) -> None:
    world.revoke(**version(world))
    world.revoke(number=2)
    decision = check(world)
    assert codes(decision) == {"revocations-shrunk"}
    assert decision.exit_code == 6


def test_two_lists_with_one_number(world: World, check: Gate) -> None:
    world.revoke()
    world.revoke(expires=NOW + DAY)
    refused(check(world), "revocations-shrunk", 6)


def test_a_list_that_is_not_proven_to_be_in_the_log_is_not_believed(world: World, check: Gate) -> None:
    world.revoke()
    bundle = world.bundle()
    last = replace(bundle.statements[-1], proof=bundle.statements[-1].proof[:-1])
    decision = check(world, replace(bundle, statements=(*bundle.statements[:-1], last)))
    assert codes(decision) == {"revocations-missing", "log-inclusion"}
    assert GateState().after(decision).revocations == 0


def test_a_list_from_the_future(world: World, check: Gate) -> None:
    world.revoke(created=NOW + HOUR)
    assert codes(check(world)) == {"clock-behind"}


# ---------------------------------------------------------------------------------------------------- versions


def test_version_revoked(world: World, check: Gate) -> None:
    world.revoke(**version(world))
    decision = check(world)
    assert codes(decision) == {"version-revoked"}
    assert decision.exit_code == 5
    assert "labels of source 7 are flipped" in decision.decision.reasons[0].message


def test_revoked_content_stays_revoked_under_another_number(world: World, check: Gate) -> None:
    world.revoke(**version(world, number=2))
    assert codes(check(world)) == {"version-revoked"}


@pytest.mark.parametrize("change", [{"dataset": "prices"}, {"version": f"pg1:{ZERO}"}])
def test_another_revoked_version_does_not_matter(world: World, check: Gate, change: dict[str, str]) -> None:
    world.revoke(**version(world, **change))
    assert check(world).passed


def test_a_list_that_expired_still_revokes(world: World, check: Gate) -> None:
    world.revoke(**version(world), expires=NOW)
    assert codes(check(world)) == {"version-revoked", "revocations-expired"}


def test_the_version_before_a_revoked_one_may_pass_again(world: World, check: Gate) -> None:
    state = GateState({"reviews": (Passed(3, world.version), Passed(5, f"pg1:{ZERO}"))})
    world.revoke()
    assert codes(check(world, state=state)) == {"version-rolled-back"}
    world.revoke(number=2, **version(world, number=5, version=f"pg1:{ZERO}"))
    assert check(world, state=state).passed


def test_another_version_under_a_number_that_passed(world: World, check: Gate) -> None:
    world.revoke()
    decision = check(world, state=GateState({"reviews": (Passed(3, f"pg1:{ZERO}"),)}))
    assert codes(decision) == {"version-forked"}
    assert decision.exit_code == 6


# ---------------------------------------------------------------------------------------------------- keys


def test_key_revoked_and_what_it_signed_before_is_kept(world: World, check: Gate) -> None:
    world.revoke(**lost("pub"))
    assert check(world).passed, "the manifest was logged and signed before"


@pytest.mark.parametrize(
    "change",
    [
        {"since": NOW - 3 * DAY},  # the manifest was signed in that very second
        {"size": 0},
        {"origin": "poisonguard/other"},
    ],
)
def test_key_revoked(world: World, check: Gate, change: dict[str, Any]) -> None:
    world.revoke(**lost("pub", **change))
    decision = check(world)
    assert codes(decision) == {"key-revoked", "manifest-missing"}
    assert decision.exit_code == 5
    assert decision.decision.reasons[0].code == "key-revoked"


def test_a_thief_cannot_backdate(world: World, check: Gate) -> None:
    """Whoever stole ann's key signs what she never read, and gives it a time before the theft."""
    thief = World(world.content, root=world.root, log=world.log[:2])
    thief.revoke(**lost("ann", size=2))
    thief.approve(thief.log[0], thief.log[1], "ann", created=NOW - 2 * DAY, not_before=NOW - 2 * DAY)
    assert codes(check(thief)) == {"key-revoked", "approvals-missing"}


def test_a_place_that_is_not_proven_saves_no_signature(world: World, check: Gate) -> None:
    world.revoke(**lost("pub"))
    bundle = world.bundle()
    first = replace(bundle.statements[0], proof=())
    decision = check(world, replace(bundle, statements=(first, *bundle.statements[1:])))
    assert codes(decision) == {"key-revoked", "manifest-missing", "log-inclusion"}


def test_another_key_of_the_same_person_still_counts(world: World, check: Gate) -> None:
    people = tuple(item for item in revoking_root().people if item.name != "ann")
    ann = replace(revoking_root().people[0], name="ann", keys=(key("ann").public, key("ann-2").public))
    world.root = revoking_root(people=(*people, ann))
    world.approve(world.log[0], world.log[1], "ann-2", created=NOW - HOUR, not_before=NOW - HOUR)
    world.revoke(number=1, **lost("ann", size=0))
    decision = check(world)
    assert decision.passed
    assert "key-revoked" in notes(decision)


def test_a_revoked_key_beside_a_good_one_only_informs(world: World, check: Gate) -> None:
    world.approve(world.log[0], world.log[1], "bob")
    world.revoke(**lost("ann", size=0))
    decision = check(world)
    assert (decision.passed, notes(decision)) == (True, {"passed", "key-revoked"})
    assert [item.people for item in decision.evidence.approvals] == [("bob",)]


def test_a_list_is_not_signed_by_a_key_that_it_revokes(world: World, check: Gate) -> None:
    world.revoke(**lost("rita", size=99))
    assert codes(check(world)) == {"revocations-missing", "key-revoked"}


def test_a_rejection_by_a_stolen_key_does_not_stand(world: World, check: Gate) -> None:
    world.revoke(**lost("bob", size=3))
    world.reject(world.log[0], world.log[1], "bob")
    assert check(world).passed


# -------------------------------------------------------------------------------------- what speaks against, left out


def listed(world: World, **changes: str) -> dict[str, Any]:
    """Everything that the version is judged by."""
    items = [
        ListedStatement(world.dataset, world.version, sha256(item.to_bytes()).hexdigest()) for item in world.log[1:]
    ]
    return {"statements": tuple(sorted(replace(item, **changes) for item in items))}


def without(world: World, index: int) -> Bundle:
    """What somebody carries who would rather not show one statement."""
    bundle = world.bundle()
    return replace(bundle, statements=bundle.statements[:index] + bundle.statements[index + 1 :])


def test_a_bundle_with_everything_that_the_list_names_passes(world: World, check: Gate) -> None:
    world.revoke(**listed(world))
    assert check(world).passed


def test_a_rejection_cannot_be_left_out(world: World, check: Gate) -> None:
    world.reject(world.log[0], world.log[1], "bob")
    world.revoke(**listed(world))
    assert codes(check(world)) == {"rejected"}
    refused(check(world, bundle=without(world, 3)), "statement-left-out", 5)


def test_a_failed_scan_cannot_be_left_out(world: World, check: Gate) -> None:
    world.scan(scanned=NOW - HOUR, decision=Decision(Verdict.FAILED, (Reason("check-failed", "it broke", 4),)))
    world.revoke(**listed(world))
    assert not check(world).passed
    assert codes(check(world, bundle=without(world, 3))) == {"statement-left-out"}


def test_a_narrower_approval_cannot_be_left_out(world: World, check: Gate) -> None:
    world.approve(world.log[0], world.log[1], created=NOW - HOUR, not_before=NOW - HOUR, expires=NOW - HOUR / 2)
    world.revoke(**listed(world))
    assert not check(world).passed
    assert codes(check(world, bundle=without(world, 3))) == {"statement-left-out"}


def test_a_rejection_signed_anew_by_a_stranger_is_another_one(world: World, check: Gate) -> None:
    rejection = world.reject(world.log[0], world.log[1], "bob")
    named = listed(world)
    world.log[-1] = sign(rejection.payload, [key("mallory")])
    world.revoke(**named)
    assert codes(check(world)) == {"statement-left-out"}


@pytest.mark.parametrize("change", [{"dataset": "others"}, {"version": f"pg1:{ZERO}"}])
def test_a_statement_about_something_else_need_not_be_there(world: World, check: Gate, change: dict[str, str]) -> None:
    world.reject(world.log[0], world.log[1], "bob")
    world.revoke(**listed(world, **change))
    assert check(world, bundle=without(world, 3)).passed


def test_a_rejection_that_was_taken_back_is_there_and_does_not_stand(world: World, check: Gate) -> None:
    world.reject(world.log[0], world.log[1], "bob")
    world.approve(world.log[0], world.log[1], "bob", created=NOW - HOUR)
    world.revoke(**listed(world))
    assert check(world).passed


# ---------------------------------------------------------------------------------------------------- approvals


def test_approval_revoked(world: World, check: Gate) -> None:
    world.revoke(**withdrawn(world.log[2].digest))
    decision = check(world)
    assert codes(decision) == {"approvals-missing", "approval-revoked"}
    assert decision.exit_code == 5
    world.approve(world.log[0], world.log[1], "bob")
    decision = check(world)
    assert (decision.passed, notes(decision)) == (True, {"passed", "approval-revoked"})


def test_an_approval_before_the_revoked_one_does_not_come_back(world: World, check: Gate) -> None:
    later = world.approve(world.log[0], world.log[1], "ann", created=NOW - HOUR)
    world.revoke(**withdrawn(later.digest))
    assert codes(check(world)) == {"approvals-missing", "approval-revoked", "approval-superseded"}


def test_who_approves_again_after_a_revocation_counts(world: World, check: Gate) -> None:
    world.revoke(**withdrawn(world.log[2].digest))
    world.approve(world.log[0], world.log[1], "ann", created=NOW - HOUR, not_before=NOW - HOUR)
    assert check(world).passed
