"""The gate, approvals and waivers: who counts, for what, until when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidence_gate import Gate, codes, notes
from evidence_world import ZERO, World, inventory
from poisoned_world import FINDING, POISONED
from simulator import DAY, NOW, person, trust_root

from poisonguard.attest.predicates_v1 import Waiver
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.domain.finding import Level
from poisonguard.domain.result import Assessment
from poisonguard.policy.model import policy_digest

# ---------------------------------------------------------------------------------------------------- approvals


def test_nobody_approved(world: World, check: Gate) -> None:
    world.publish()
    world.scan()
    assert codes(check(world)) == {"approvals-missing"}


@pytest.mark.parametrize("signer", ["mallory", "log", "olga", "ci", "pub"])
def test_an_approval_by_somebody_else(world: World, check: Gate, signer: str) -> None:
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, signer)
    decision = check(world)
    assert codes(decision) == {"approvals-missing", "statement-unentitled"}
    assert decision.exit_code == 6


def test_an_approval_by_somebody_else_beside_a_good_one_only_informs(world: World, check: Gate) -> None:
    world.behave()
    world.approve(world.log[0], world.log[1], "mallory")
    decision = check(world)
    assert decision.passed
    assert "statement-unentitled" in notes(decision)


def two_stewards(world: World) -> World:
    world.root = trust_root(roles={**trust_root().roles, RoleName.STEWARD: Grant(("ann", "bob"), 2)})
    return world


def test_the_trust_roots_threshold_counts(world: World, check: Gate) -> None:
    two_stewards(world).behave()
    assert codes(check(world)) == {"approvals-missing"}
    world.approve(world.log[0], world.log[1], "bob")
    assert check(world).passed


def test_two_stewards_may_sign_one_approval(world: World, check: Gate) -> None:
    published, scanned = two_stewards(world).publish(), world.scan()
    world.approve(published, scanned, "ann", "bob")
    assert check(world).passed


def test_two_approvals_of_one_person_are_one(world: World, check: Gate) -> None:
    two_stewards(world).behave()
    world.approve(world.log[0], world.log[1], "ann", reason="once more")
    assert codes(check(world)) == {"approvals-missing", "approval-superseded"}


def test_one_person_with_two_keys_is_one(world: World, check: Gate) -> None:
    others = tuple(item for item in trust_root().people if item.name != "ann")
    roles = {**trust_root().roles, RoleName.STEWARD: Grant(("ann", "bob"), 2)}
    world.root = trust_root(people=(*others, person("ann", "ann-2")), roles=roles)
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "ann")
    world.approve(published, scanned, "ann-2")
    world.approve(published, scanned, "ann", "ann-2")
    assert codes(check(world)) == {"approvals-missing", "approval-superseded"}


def test_a_suspicious_version_takes_more_approvers(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan(assessment=Assessment.SUSPICIOUS)
    world.approve(published, scanned, "ann")
    decision = check(world)
    assert codes(decision) == {"approvals-missing"}
    assert decision.evidence.approvers_needed == 2
    world.approve(published, scanned, "bob")
    assert check(world).passed


def test_an_assessment_milder_than_its_findings_is_not_believed(world: World, check: Gate) -> None:
    mild = replace(FINDING, level=Level.WARNING)
    published, scanned = world.publish(), world.scan(findings=(mild,), outcomes=POISONED["outcomes"])
    world.approve(published, scanned, "ann")
    decision = check(world)
    assert codes(decision) == {"approvals-missing", "findings"}
    assert decision.evidence.assessment is Assessment.SUSPICIOUS


@pytest.mark.parametrize(("role", "author"), [(RoleName.PUBLISHER, "pub"), (RoleName.SCANNER, "ci")])
def test_who_published_or_scanned_is_not_its_steward(world: World, check: Gate, role: RoleName, author: str) -> None:
    assert author in trust_root().roles[role].people
    world.root = trust_root(roles={**trust_root().roles, RoleName.STEWARD: Grant(("ann", author), 1)})
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, author)
    assert codes(check(world)) == {"approvals-missing", "approval-by-author"}
    world.approve(published, scanned, "ann")
    assert check(world).passed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dataset": "prices"}, "approval-other-version"),
        ({"version": World(inventory()).version}, "approval-other-version"),
        ({"manifest_statement": ZERO}, "approval-other-version"),
        ({"scan_statements": (ZERO,)}, "approval-other-scan"),
        ({"purpose": "evaluation"}, "approval-other-purpose"),
        ({"not_before": NOW + DAY}, "approval-from-future"),
        ({"expires": NOW}, "approval-expired"),
        ({"created": NOW - 90 * DAY, "not_before": NOW - 90 * DAY}, "approval-expired"),
    ],
)
def test_an_approval_cannot_be_used_elsewhere(world: World, check: Gate, change: dict[str, Any], code: str) -> None:
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "ann", **change)
    decision = check(world)
    assert codes(decision) == {"approvals-missing", code}
    assert decision.exit_code == 5
    world.approve(published, scanned, "bob")
    decision = check(world)
    assert decision.passed
    assert code in notes(decision)


def test_an_approval_under_another_policy(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "ann", policy_digest=ZERO)
    decision = check(world)
    assert codes(decision) == {"policy-differs", "approvals-missing", "approval-other-policy"}
    (differs,) = (item.message for item in decision.decision.reasons if item.code == "policy-differs")
    assert ZERO[:12] in differs
    assert policy_digest(world.policy)[:12] in differs
    world.approve(published, scanned, "bob")
    decision = check(world)
    assert (decision.passed, notes(decision)) == (True, {"passed", "approval-other-policy"})


def test_another_purpose_needs_its_own_approval(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "ann", purpose="evaluation")
    assert check(world, purpose="evaluation").passed


def test_a_rejection_stands_in_the_way(world: World, check: Gate) -> None:
    world.behave()
    world.reject(world.log[0], world.log[1], "bob")
    decision = check(world)
    assert (codes(decision), decision.exit_code) == ({"rejected"}, 5)
    assert "bob rejected" in next(item.message for item in decision.decision.reasons if item.code == "rejected")


def test_a_rejection_stands_for_the_content_whatever_statement_it_was_made_of(world: World, check: Gate) -> None:
    older = World(world.content, number=2, log=[])
    rejection = older.reject(older.publish(), older.scan())
    world.behave().log.append(rejection)
    assert codes(check(world)) == {"rejected"}


def test_a_rejection_by_somebody_else_only_informs(world: World, check: Gate) -> None:
    world.behave()
    world.reject(world.log[0], world.log[1], "mallory")
    assert check(world).passed


def test_only_who_rejected_can_take_it_back_and_only_later(world: World, check: Gate) -> None:
    world.behave()
    world.reject(world.log[0], world.log[1], "bob", created=NOW - timedelta(hours=2))
    earlier, later = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    world.approve(world.log[0], world.log[1], "ann", created=later)
    world.approve(world.log[0], world.log[1], "bob", created=earlier)
    assert codes(check(world)) == {"rejected"}
    world.approve(world.log[0], world.log[1], "bob", created=later)
    assert check(world).passed


# ---------------------------------------------------------------------------------------------------- waivers


def waive(finding: str = FINDING.fingerprint, **changes: Any) -> dict[str, Any]:
    return {"waivers": (replace(Waiver(finding, "source 7 was relabelled by us", NOW + DAY), **changes),)}


def poisoned(world: World, ann: dict[str, Any], bob: dict[str, Any]) -> World:
    published, scanned = world.publish(), world.scan(**POISONED)
    world.approve(published, scanned, "ann", **ann)
    world.approve(published, scanned, "bob", **bob)
    return world


def test_a_finding_that_enough_people_waive(world: World, check: Gate) -> None:
    decision = check(poisoned(world, waive(), waive()))
    assert decision.passed
    assert "finding-waived" in notes(decision)
    assert decision.to_json()["approvals"][0]["waived"] == [FINDING.fingerprint]


@pytest.mark.parametrize("bob", [{}, waive("0" * 16), waive(expires=NOW)])
def test_a_waiver_that_too_few_people_give_now(world: World, check: Gate, bob: dict[str, Any]) -> None:
    assert codes(check(poisoned(world, waive(), bob))) == {"findings"}


def test_a_waiver_holds_no_longer_than_the_policy_allows(world: World, check: Gate) -> None:
    world.policy = replace(world.policy, waivers=replace(world.policy.waivers, max_age=DAY))
    assert codes(check(poisoned(world, waive(), waive()))) == {"findings"}


def test_a_waiver_that_the_policy_does_not_allow(world: World, check: Gate) -> None:
    world.policy = replace(world.policy, waivers=replace(world.policy.waivers, checks=("PG-DUP-*",)))
    assert codes(check(poisoned(world, waive(), waive()))) == {"waiver-not-allowed"}


def test_a_waiver_in_an_approval_that_does_not_count(world: World, check: Gate) -> None:
    decision = check(poisoned(world, waive(), waive() | {"policy_digest": ZERO}))
    assert codes(decision) == {"findings", "approvals-missing", "approval-other-policy"}
