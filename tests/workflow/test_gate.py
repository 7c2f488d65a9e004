"""The gate against a world in which one thing is wrong at a time."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_gate import Gate, codes, notes, refused, seen
from evidence_world import ZERO, World, clean_scan, inventory
from simulator import DAY, NOW, person, trust_root

from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Signature
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.predicates_v1 import Waiver
from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.attest.trust import Grant, RoleName, pin_of
from poisonguard.domain import merkle
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped
from poisonguard.domain.result import Assessment
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.model import policy_digest
from poisonguard.workflow.gate_memory import GateState

FINDING = FindingRecord("f" * 16, "PG-LABEL-002", Level.ERROR, Signal.POISONING, "source=7", 40)
POISONED: dict[str, Any] = {
    "findings": (FINDING,),
    "outcomes": (Ran("PG-LABEL-002", Coverage(9, 9), ()),),
    "assessment": Assessment.SUSPICIOUS,
    "decision": Decision(Verdict.FAILED, (Reason("findings", "1 finding", 1),)),
}


# ---------------------------------------------------------------------------------------------------- passing


def test_an_approved_unaltered_version_passes(world: World, check: Gate) -> None:
    decision = check(world.behave(), dataset="reviews", min_version=3)
    assert codes(decision) == set()
    assert notes(decision) == {"passed"}
    assert (decision.passed, decision.exit_code) == (True, 0)
    decision.require()


def test_the_evidence_is_shown(world: World, check: Gate, folder: Path) -> None:
    shown = check(world.behave()).to_json()
    assert json.loads(json.dumps(shown)) == shown
    approval = shown["approvals"][0]
    assert {name: shown[name] for name in ("schema", "verdict", "dataset", "number", "version")} == {
        "schema": "poisonguard-gate/v1",
        "verdict": "PASSED",
        "dataset": "reviews",
        "number": 3,
        "version": world.version,
    }
    assert (shown["location"], shown["files"], shown["bytes"]) == (str(folder), 2, 16)
    assert (shown["publishers"], shown["scans"][0]["by"], shown["assessment"]) == (["pub"], ["ci"], "clean")
    assert approval["by"] == ["ann"]
    assert (approval["created"], approval["until"]) == ("2026-04-30T12:00:00Z", "2026-05-31T12:00:00Z")
    assert shown["log"] == {"origin": "poisonguard/test", "size": 3}


def test_all_failures_are_listed_and_the_gravest_decides(world: World, check: Gate, folder: Path) -> None:
    published = world.publish()
    world.scan(outcomes=(Failed("PG-DUP-001", "broke"),))
    world.reject(published, world.log[1])
    (folder / "train.csv").write_bytes(b"a,b\n1,3\n")
    decision = check(world, min_version=9)
    expected = {"version-rolled-back", "approvals-missing", "rejected", "check-failed", "no-check-ran", "bytes-differ"}
    assert codes(decision) == expected
    assert decision.exit_code == 6
    with pytest.raises(IntegrityError, match=r"version-rolled-back: .*and 5 more reasons"):
        decision.require()


# ---------------------------------------------------------------------------------------------------- trust


@pytest.mark.parametrize("pin", [None, ""])
def test_nothing_passes_without_a_pin(world: World, check: Gate, pin: str | None) -> None:
    decision = check(world.behave(), trust_pin=pin)
    refused(decision, "trust-not-pinned")
    with pytest.raises(GateFailed, match="trust-not-pinned"):
        decision.require()


def test_another_trust_root_than_the_pinned_one(world: World, check: Gate) -> None:
    refused(check(world.behave(), trust_pin=ZERO), "trust-untrusted", 6)


def test_an_expired_trust_root(world: World, check: Gate) -> None:
    world.root = trust_root(expires=NOW)
    assert codes(check(world.behave())) == {"trust-expired"}


def test_an_older_trust_root_than_seen_before(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), state=GateState(trust_version=2))) == {"trust-rolled-back"}
    assert check(world, state=GateState(trust_version=1)).passed


def test_a_rotated_trust_root_is_followed(world: World, check: Gate) -> None:
    first = world.root_bytes
    world.root = trust_root(version=2)
    bundle = replace(world.behave().bundle(), trust_roots=(first, world.root_bytes))
    decision = check(world, bundle, trust_pin=pin_of(first))
    assert decision.passed
    assert decision.evidence.trust_version == 2


def test_who_was_taken_out_of_the_trust_root_no_longer_counts(world: World, check: Gate) -> None:
    first = world.root_bytes
    world.root = trust_root(version=2, roles={**trust_root().roles, RoleName.STEWARD: Grant(("bob",), 1)})
    bundle = replace(world.behave().bundle(), trust_roots=(first, world.root_bytes))
    decision = check(world, bundle, trust_pin=pin_of(first))
    assert codes(decision) == {"approvals-missing", "statement-unentitled"}
    assert decision.exit_code == 6


# ---------------------------------------------------------------------------------------------------- clock, rollback


def test_a_clock_that_was_set_back(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), state=GateState(latest=NOW + timedelta(seconds=1)))) == {"clock-set-back"}
    assert check(world, state=GateState(latest=NOW)).passed


def test_a_clock_before_the_manifest_or_the_scan(world: World, check: Gate) -> None:
    refused(check(world.behave(), now=NOW - 4 * DAY), "clock-behind")
    assert codes(check(world, now=NOW - 4 * DAY)) == {"clock-behind", "approvals-missing", "approval-from-future"}


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_version_that_is_new_enough(world: World, check: Gate, number: int) -> None:
    assert check(world.behave(), min_version=number, state=seen(reviews=number, other=9)).passed


def test_rollback_by_minimum_and_by_what_passed_before(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), min_version=4)) == {"version-rolled-back"}
    assert codes(check(world, state=seen(reviews=4))) == {"version-rolled-back"}


def test_another_dataset_than_the_one_wanted(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), dataset="prices")) == {"dataset-differs"}


# ---------------------------------------------------------------------------------------------------- log


def test_a_statement_that_is_not_in_the_log(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    last = bundle.statements[-1]
    forged = replace(bundle, statements=(*bundle.statements[:-1], replace(last, proof=last.proof[:-1])))
    refused(check(world, forged), "log-inclusion", 6)
    elsewhere = replace(bundle, statements=(*bundle.statements[:-1], replace(last, index=7)))
    refused(check(world, elsewhere), "log-inclusion", 6)


def test_a_log_of_another_registry(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    leaves = [merkle.leaf_hash(item.envelope.to_bytes()) for item in bundle.statements]
    checkpoint = Checkpoint("poisonguard/test", len(leaves), merkle.root(leaves))
    note = sign_checkpoint(checkpoint, generate(Algorithm.ED25519))
    assert codes(check(world, replace(bundle, checkpoint=note))) == {"log-untrusted"}


def test_a_checkpoint_that_nobody_trusted_signed(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    assert codes(check(world, replace(bundle, checkpoint=b"poisonguard/test\n3\n\n"))) == {"log-untrusted"}
    roles = {role: grant for role, grant in trust_root().roles.items() if role is not RoleName.LOG}
    world.root = trust_root(roles=roles)
    assert codes(check(world)) == {"log-untrusted"}


def test_a_checkpoint_of_an_older_log(world: World, check: Gate) -> None:
    old = replace(World(world.content).behave().bundle(), statements=())
    assert codes(check(world, replace(world.behave().bundle(), checkpoint=old.checkpoint))) == {"log-inclusion"}


# ---------------------------------------------------------------------------------------------------- manifest


def test_no_manifest(world: World, check: Gate) -> None:
    world.scan()
    assert codes(check(world)) == {"manifest-missing"}


@pytest.mark.parametrize("signer", ["ann", "ci", "log", "mallory"])
def test_a_manifest_that_no_publisher_signed(world: World, check: Gate, signer: str) -> None:
    world.publish(signer)
    decision = check(world)
    assert codes(decision) == {"manifest-missing", "statement-unentitled"}
    assert decision.exit_code == 6


def test_two_manifests(world: World, check: Gate) -> None:
    world.behave().publish(created=NOW - 2 * DAY)
    refused(check(world), "manifest-ambiguous", 6)


def test_a_publisher_of_another_dataset(world: World, check: Gate) -> None:
    world.root = trust_root(roles={**trust_root().roles, RoleName.PUBLISHER: Grant(("pub",), 1, ("prices",))})
    refused(check(world.behave()), "manifest-missing", 6)


def test_more_than_one_publisher_can_be_asked_for(world: World, check: Gate) -> None:
    world.root = trust_root(roles={**trust_root().roles, RoleName.PUBLISHER: Grant(("pub", "bob"), 2)})
    refused(check(World(world.content, root=world.root).behave()), "manifest-missing", 6)
    published, scanned = world.publish("pub", "bob"), world.scan()
    world.approve(published, scanned)
    assert check(world).passed


def test_a_signature_that_does_not_verify(world: World, check: Gate) -> None:
    world.behave()
    good = world.log[0]
    world.log[0] = replace(good, signatures=(Signature(good.signatures[0].keyid, b"\x30\x00"),))
    decision = check(world)
    refused(decision, "statement-altered", 6)
    assert "manifest-missing" in codes(decision)


# ---------------------------------------------------------------------------------------------------- scan


def test_no_scan(world: World, check: Gate) -> None:
    world.publish()
    decision = check(world)
    assert codes(decision) == {"scan-missing", "approvals-missing"}
    assert decision.exit_code == 5


@pytest.mark.parametrize("signer", ["ann", "pub", "log", "mallory"])
def test_a_scan_that_no_scanner_signed(world: World, check: Gate, signer: str) -> None:
    published, scanned = world.publish(), world.scan(signer)
    world.approve(published, scanned, "bob")
    decision = check(world)
    assert {"scan-missing", "statement-unentitled", "approval-other-scan"} <= codes(decision)
    assert decision.exit_code == 6


def test_a_scan_of_another_version(world: World, check: Gate) -> None:
    published = world.publish()
    other = clean_scan(World(inventory()).version, world.dataset, world.policy)
    world.approve(published, world.say(other, "ci"))
    decision = check(world)
    assert {"scan-missing", "scan-other-version", "approval-other-scan"} <= codes(decision)
    assert decision.exit_code == 5


def test_a_scan_of_another_dataset(world: World, check: Gate) -> None:
    published = world.publish()
    world.approve(published, world.say(clean_scan(world.version, "prices", world.policy), "ci"))
    refused(check(world), "scan-other-version")


def test_a_scan_and_approval_under_another_policy(world: World, check: Gate) -> None:
    stricter = replace(world.policy, minimum_coverage=100)
    decision = check(world.behave(), policy=stricter)
    missing = {"scan-missing", "approvals-missing"}
    assert codes(decision) == missing | {"policy-differs", "scan-other-policy", "approval-other-policy"}


def test_an_old_scan(world: World, check: Gate) -> None:
    published, scanned = world.publish(created=NOW - 99 * DAY), world.scan(scanned=NOW - world.policy.scan_max_age)
    world.approve(published, scanned)
    refused(check(world), "scan-expired")


def test_a_bad_scan_beside_a_good_one_only_informs(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan()
    world.scan(scanned=NOW - 40 * DAY)
    world.approve(published, scanned)
    decision = check(world)
    assert (codes(decision), decision.passed) == (set(), True)
    assert "scan-expired" in notes(decision)


BROKEN: dict[str, Any] = {"outcomes": (Failed("PG-DUP-001", "broke"),)}


def test_a_complete_scan_supersedes_an_incomplete_one(world: World, check: Gate) -> None:
    published = world.publish()
    world.scan(**BROKEN, scanned=NOW - 3 * DAY)
    world.approve(published, world.scan())
    decision = check(world)
    assert (codes(decision), notes(decision)) == (set(), {"passed", "scan-superseded"})
    assert len(decision.evidence.scans) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"reference": "reviews@2"},
        {"pack": "text+baseline+strict"},
        {"pack_digest": "1" * 64},
        {"outcomes": (Ran("PG-DUP-002", Coverage(9, 9), ()),)},
        {"outcomes": (Ran("PG-DUP-001", Coverage(8, 9), ()), Ran("PG-DUP-002", Coverage(9, 9), ()))},
        {"outcomes": (Skipped("PG-DUP-001", "no rows"), Ran("PG-DUP-002", Coverage(9, 9), ()))},
        {"scanned": NOW - 3 * DAY},
        {"scanned": NOW - 2 * DAY},
    ],
)
def test_an_incomplete_scan_is_not_hidden_by_one_of_another_kind(
    world: World, check: Gate, change: dict[str, Any]
) -> None:
    dup = Ran("PG-DUP-001", Coverage(9, 9), ())
    world.publish()
    world.scan(outcomes=(dup, Failed("PG-DUP-002", "broke")), scanned=NOW - 2 * DAY)
    world.scan(**{"outcomes": (dup, Ran("PG-DUP-002", Coverage(9, 9), ())), "scanned": NOW - DAY, **change})
    assert "check-failed" in codes(check(world))


@pytest.mark.parametrize("reference", [None, "reviews@2"])
@pytest.mark.parametrize("more", [(), (Failed("PG-DUP-001", "broke"),)])
def test_a_suspicious_scan_is_not_hidden_by_a_clean_one(
    world: World, check: Gate, reference: str | None, more: tuple[Failed, ...]
) -> None:
    ran: tuple[Any, ...] = POISONED["outcomes"]
    published, suspicious = world.publish(), world.scan(**POISONED | {"outcomes": (*ran, *more)})
    clean = world.scan(outcomes=(*ran, Ran("PG-DUP-001", Coverage(9, 9), ())), scanned=NOW - DAY, reference=reference)
    for steward in ("ann", "bob"):
        world.approve(published, clean, steward, scan_statements=tuple(sorted((suspicious.digest, clean.digest))))
    assert "findings" in codes(check(world))


def test_another_scanner_may_do_a_scan_over(world: World, check: Gate) -> None:
    world.root = trust_root(roles={**trust_root().roles, RoleName.SCANNER: Grant(("ci", "olga"), 1)})
    published = world.publish()
    world.scan(**BROKEN, scanned=NOW - 3 * DAY)
    world.approve(published, world.scan("olga"))
    assert check(world).passed


def test_a_scan_done_over_daily_keeps_the_approval_of_the_first(world: World, check: Gate) -> None:
    world.behave()
    world.scan(scanned=NOW - DAY)
    assert check(world).passed


def test_a_scan_by_nobody_in_the_role_supersedes_nothing(world: World, check: Gate) -> None:
    published = world.publish()
    world.scan(**BROKEN, scanned=NOW - 3 * DAY)
    world.approve(published, world.scan("mallory"))
    assert {"check-failed", "approval-other-scan"} <= codes(check(world))


def test_an_older_scan_appended_again_does_not_win(world: World, check: Gate) -> None:
    published = world.publish()
    complete = world.scan()
    world.approve(published, complete)
    world.scan(**BROKEN, scanned=NOW - 3 * DAY)
    assert check(world).passed
    world.scan(**BROKEN, scanned=NOW - DAY)
    world.scan(scanned=NOW - 2 * DAY)
    assert "check-failed" in codes(check(world))


def test_an_approval_of_the_superseded_scan_is_none_of_the_newer_one(world: World, check: Gate) -> None:
    published, incomplete = world.publish(), world.scan(**BROKEN, scanned=NOW - 3 * DAY)
    complete = world.scan()
    world.approve(published, incomplete)
    assert codes(check(world)) == {"approvals-missing", "approval-other-scan"}
    world.approve(published, complete, scan_statements=tuple(sorted((incomplete.digest, complete.digest))))
    assert codes(check(world)) == {"approvals-missing", "approval-other-scan"}
    world.approve(published, complete)
    assert check(world).passed


def test_a_superseded_scanner_is_still_no_steward(world: World, check: Gate) -> None:
    roles = {RoleName.SCANNER: Grant(("ci", "bob"), 1), RoleName.STEWARD: Grant(("ann", "bob"), 1)}
    world.root = trust_root(roles={**trust_root().roles, **roles})
    published = world.publish()
    world.scan("bob", **BROKEN, scanned=NOW - 3 * DAY)
    both = world.scan("bob", "ci", scanned=NOW - 2 * DAY)
    assert "scan-superseded" in notes(check(world))
    world.approve(published, both, "bob")
    assert codes(check(world)) == {"approvals-missing", "approval-by-author"}


def test_a_current_scan_that_fails_is_not_hidden_by_one_that_passes(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan()
    world.scan(**POISONED, scanned=NOW - DAY)
    world.approve(published, scanned, "ann")
    world.approve(published, scanned, "bob")
    decision = check(world)
    assert (codes(decision), decision.exit_code) == ({"findings"}, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcomes": (Failed("PG-DUP-001", "broke"), Ran("B", Coverage(1, 1), ()))}, "check-failed"),
        ({"outcomes": (Skipped("PG-DUP-001", "why"), Ran("B", Coverage(1, 1), ()))}, "check-skipped"),
        ({"outcomes": (Ran("PG-DUP-001", Coverage(8, 9), ()),)}, "coverage-too-low"),
        ({"outcomes": (Ran("B", Coverage(1, 1), ()),)}, "check-missing"),
        ({"outcomes": ()}, "no-check-ran"),
        ({"pack": "text"}, "pack-missing"),
        ({"decision": Decision(Verdict.FAILED, (Reason("odd-rows", "two readers differ", 4),))}, "odd-rows"),
    ],
)
def test_an_incomplete_scan_never_passes(world: World, check: Gate, changes: dict[str, Any], code: str) -> None:
    world.policy = replace(world.policy, required=("PG-DUP-001",))
    published, scanned = world.publish(), world.scan(**changes)
    world.approve(published, scanned)
    refused(check(world), code, 4)


def test_a_finding_that_nobody_waived(world: World, check: Gate) -> None:
    published, scanned = world.publish(), world.scan(**POISONED)
    world.approve(published, scanned, "ann")
    world.approve(published, scanned, "bob")
    decision = check(world)
    assert (codes(decision), decision.exit_code) == ({"findings"}, 1)
    with pytest.raises(GateFailed, match="findings"):
        decision.require()


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


# ---------------------------------------------------------------------------------------------------- bytes


def test_a_changed_a_missing_and_an_extra_file_are_named(world: World, check: Gate, folder: Path) -> None:
    world.behave()
    (folder / "train.csv").write_bytes(b"a,b\n1,3\n")
    (folder / "more" / "test.csv").unlink()
    (folder / "more" / ".hidden").touch()
    decision = check(world)
    assert (codes(decision), decision.exit_code) == ({"bytes-differ"}, 6)
    named = [item.message.split(":")[0] for item in decision.decision.reasons if item.exit_code]
    assert named == ["more/.hidden", "more/test.csv", "train.csv"]


def test_a_folder_that_is_gone(world: World, check: Gate, folder: Path) -> None:
    world.behave()
    shutil.rmtree(folder)
    refused(check(world), "bytes-differ", 6)


def test_not_more_than_a_thousand_files_are_named(
    world: World, check: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poisonguard.workflow.gate.MAX_FILES_NAMED", 2)
    world.behave()
    for number in range(5):
        (folder / f"extra-{number}").touch()
    messages = [item.message for item in check(world).decision.reasons]
    assert len(messages) == 3
    assert messages[-1] == "and 3 more files"


# ---------------------------------------------------------------------------------------------------- start


def test_the_gate_starts_without_analytics() -> None:
    heavy = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy", "pydantic", "datasketch", "fsspec", "yaml")
    program = f"import sys, poisonguard.workflow.gate; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_digest_of_the_policy_is_shown(world: World, check: Gate) -> None:
    assert check(world.behave()).to_json()["policy"] == {"name": "default", "digest": policy_digest(world.policy)}
