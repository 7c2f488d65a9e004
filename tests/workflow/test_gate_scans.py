"""The gate and scans: which count, which must pass, and what a later one changes."""

from dataclasses import replace
from typing import Any

import pytest
from evidence_gate import Gate, codes, notes, refused
from evidence_world import World, clean_scan, inventory
from poisoned_world import FINDING, POISONED
from simulator import DAY, NOW, trust_root

from poisonguard.attest.trust import Grant, RoleName
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped
from poisonguard.domain.result import Assessment
from poisonguard.errors import GateFailed

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


LABELS, DUPLICATES = Ran("PG-LABEL-002", Coverage(9, 9), ()), Ran("PG-DUP-001", Coverage(9, 9), ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (POISONED, {"findings": (replace(FINDING, level=Level.NOTE),)}),
        (POISONED, {"findings": (replace(FINDING, signal=Signal.DRIFT, level=Level.WARNING),)}),
        ({"assessment": Assessment.SUSPICIOUS}, {}),
        ({"decision": Decision(Verdict.FAILED, (Reason("odd-rows", "two readers differ", 1),))}, {}),
        ({}, {"outcomes": (LABELS,)}),
        ({}, {"outcomes": (LABELS, Skipped("PG-DUP-001", "no such role"))}),
    ],
    ids=["milder", "for another reason", "another word", "nothing odd", "not run", "skipped"],
)
def test_a_failed_scan_is_not_hidden_by_a_weaker_one_of_the_same_kind(
    world: World, check: Gate, before: dict[str, Any], after: dict[str, Any]
) -> None:
    published = world.publish()
    world.scan(**{**before, "outcomes": (LABELS, Failed("PG-DUP-001", "broke"))}, scanned=NOW - 2 * DAY)
    weaker = world.scan(**{"outcomes": (LABELS, DUPLICATES), **after}, scanned=NOW - DAY)
    world.approve(published, weaker)
    decision = check(world)
    assert "check-failed" in codes(decision)
    assert "scan-superseded" not in notes(decision)


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
