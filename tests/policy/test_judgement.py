"""What policy and trust root say of one version: who must approve, what they must approve, and what is in the way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidence_world import ZERO, World, clean_scan
from simulator import DAY, NOW, trust_root

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ApprovalDocument, ManifestDocument, RejectionDocument, Waiver
from poisonguard.attest.revocations_v1 import RevocationsDocument, RevokedVersion
from poisonguard.attest.scan_v1 import FindingRecord, ScanDocument
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.domain.dataset import Release
from poisonguard.domain.decision import Reason
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Failed
from poisonguard.domain.result import Assessment
from poisonguard.policy.approvals import Case
from poisonguard.policy.judgement import About, Judgement, Rules, judge
from poisonguard.policy.model import policy_digest

WORLD = World()
POLICY = WORLD.policy
DIGEST = policy_digest(POLICY)
MANIFEST = ManifestDocument(Release("reviews", 3, WORLD.version, (), "2026-04-01T00:00:00Z"), WORLD.content.manifest)
PUBLISHED = Signed(MANIFEST, "a" * 64, ("pub",))
FINDING = FindingRecord("f" * 16, "PG-LABEL-002", Level.ERROR, Signal.POISONING, "source=7", 40)
SUSPICIOUS: dict[str, Any] = {"findings": (FINDING,), "assessment": Assessment.SUSPICIOUS}
OTHERS: list[dict[str, str]] = [{"dataset": "prices"}, {"version": f"pg1:{ZERO}"}]


def scan(*people: str, digest: str = "b" * 64, **changes: Any) -> Signed[ScanDocument]:
    return Signed(replace(clean_scan(WORLD.version, "reviews", POLICY), **changes), digest, people or ("ci",))


def approval(*people: str, **changes: Any) -> Signed[ApprovalDocument]:
    document = ApprovalDocument(
        dataset="reviews",
        version=WORLD.version,
        manifest_statement="a" * 64,
        scan_statements=("b" * 64,),
        policy_digest=DIGEST,
        reason="read",
        purpose="training",
        created=NOW - DAY,
        not_before=NOW - DAY,
        expires=NOW + DAY,
        nonce="n",
    )
    return Signed(replace(document, **changes), "c" * 64, people or ("ann",))


def rejection(person: str) -> Signed[RejectionDocument]:
    document = RejectionDocument(
        dataset="reviews",
        version=WORLD.version,
        manifest_statement="a" * 64,
        scan_statements=(),
        policy_digest=DIGEST,
        reason="flipped labels",
        created=NOW - DAY,
        nonce="n",
    )
    return Signed(document, "d" * 64, (person,))


def judged(
    scans: Sequence[Signed[ScanDocument]],
    approvals: Sequence[Signed[ApprovalDocument]] = (),
    rejections: Sequence[Signed[RejectionDocument]] = (),
    **changes: Any,
) -> Judgement:
    rules = Rules(**{"root": trust_root(), "policy": POLICY, "now": NOW, "purpose": "training", **changes})
    return judge(About(PUBLISHED, scans, approvals, rejections), rules)


def test_a_clean_version_that_one_person_approves() -> None:
    found = judged([scan()], [approval()])
    assert (found.assessment, found.needed, found.enough) == (Assessment.CLEAN, 1, True)
    assert found.weighed.people == {"ann"}
    assert (found.revoked, found.policy, found.rejections, found.findings) == ((), (), (), ())
    assert found.chosen.current == (scan(),)


def test_what_approvals_must_be_of() -> None:
    held = RevocationsDocument(number=1, created=NOW, expires=NOW + DAY)
    assert judged([scan(), scan(dataset="prices", digest="e" * 64)], purpose="testing", revocations=held).case == Case(
        dataset="reviews",
        version=WORLD.version,
        manifest_statement="a" * 64,
        scans=frozenset({"b" * 64}),
        policy_digest=DIGEST,
        purpose="testing",
        authors=frozenset({"pub", "ci"}),
        now=NOW,
        revocations=held,
    )


# ------------------------------------------------------------------------------------------------------ how many


def test_a_suspicious_version_takes_two() -> None:
    assert POLICY.approvers[Assessment.SUSPICIOUS] == 2
    alone = judged([scan(**SUSPICIOUS)], [approval("ann")])
    assert (alone.assessment, alone.needed, alone.enough) == (Assessment.SUSPICIOUS, 2, False)
    assert judged([scan(**SUSPICIOUS)], [approval("ann"), approval("bob")]).enough


def test_a_version_that_nobody_scanned_takes_as_many_as_a_suspicious_one() -> None:
    found = judged([], [approval(scan_statements=())])
    assert (found.assessment, found.needed, found.enough) == (None, 2, False)


@pytest.mark.parametrize(("asked", "threshold", "needed"), [(1, 2, 2), (3, 2, 3), (1, 1, 1)])
def test_policy_and_trust_root_must_both_be_content(asked: int, threshold: int, needed: int) -> None:
    root = trust_root(roles={**trust_root().roles, RoleName.STEWARD: Grant(("ann", "bob"), threshold)})
    policy = replace(POLICY, approvers={**POLICY.approvers, Assessment.CLEAN: asked})
    found = judged([scan(policy_digest=policy_digest(policy))], root=root, policy=policy)
    assert found.needed == needed


# ------------------------------------------------------------------------------------------------------- authors


@pytest.mark.parametrize(
    "changes",
    [
        {"scanned": NOW - 99 * DAY},
        {"policy_digest": "1" * 64},
        {"outcomes": (Failed("PG-DUP-001", "broke"),), "scanned": NOW - 3 * DAY},
    ],
)
def test_whoever_scanned_the_version_is_no_judge_of_it_even_if_the_scan_does_not_count(changes: dict[str, Any]) -> None:
    found = judged([scan(), scan("bob", digest="e" * 64, **changes)], [approval("bob")])
    assert found.case.authors == {"pub", "ci", "bob"}
    assert found.chosen.current == (scan(),)
    assert not found.enough


@pytest.mark.parametrize("changes", OTHERS)
def test_whoever_scanned_another_version_may_judge_this_one(changes: dict[str, Any]) -> None:
    found = judged([scan(), scan("bob", digest="e" * 64, **changes)], [approval("bob")])
    assert found.case.authors == {"pub", "ci"}
    assert found.enough


# -------------------------------------------------------------------------------------------------- in the way


def test_findings_of_every_scan_that_counts_are_in_the_way() -> None:
    broken = scan(digest="e" * 64, outcomes=(Failed("PG-DUP-001", "broke"),), scanned=NOW - DAY)
    found = judged([scan(**SUSPICIOUS), broken])
    assert [reason.code for reason in found.findings] == ["findings", "no-check-ran", "check-failed"]


def test_what_approvers_waive_only_informs() -> None:
    waivers = {"waivers": (Waiver(FINDING.fingerprint, "known", NOW + DAY),)}
    found = judged([scan(**SUSPICIOUS)], [approval("ann", **waivers), approval("bob", **waivers)])
    assert [(reason.code, reason.exit_code) for reason in found.findings] == [("finding-waived", 0)]
    assert judged([scan(**SUSPICIOUS)], [approval("ann", **waivers)]).findings[0].exit_code == 1


def test_a_rejection_is_in_the_way() -> None:
    assert [reason.code for reason in judged([scan()], [approval()], [rejection("bob")]).rejections] == ["rejected"]


def test_a_revocation_is_in_the_way() -> None:
    revoked = RevokedVersion("reviews", 3, WORLD.version, "flipped labels", NOW)
    held = RevocationsDocument(number=1, created=NOW, expires=NOW + DAY, versions=(revoked,))
    assert [reason.code for reason in judged([scan()], [approval()], revocations=held).revoked] == ["version-revoked"]


# ------------------------------------------------------------------------------------------------- other policies

OLD, OLDER = "2" * 64, "1" * 64
AGAIN = "Scan and approve again under the policy that holds."


def differs(what: str, others: str) -> Reason:
    message = f"the version was {what} under policy {others}, but {DIGEST[:12]} holds here"
    return Reason("policy-differs", message, 5, AGAIN)


def test_a_version_that_was_judged_under_other_policies_alone_is_named() -> None:
    scans = [scan(policy_digest=OLD), scan(policy_digest=OLDER)]
    found = judged(scans, [approval(policy_digest=OLD)])
    assert found.policy == (differs("scanned", f"{OLDER[:12]}, {OLD[:12]}"), differs("approved", OLD[:12]))


def test_one_word_under_the_policy_that_holds_is_enough() -> None:
    found = judged([scan(), scan(policy_digest=OLD)], [approval(policy_digest=OLD), approval()])
    assert found.policy == ()
    assert judged([], []).policy == ()


@pytest.mark.parametrize("changes", OTHERS)
def test_other_versions_under_other_policies_do_not_matter(changes: dict[str, Any]) -> None:
    other = {"policy_digest": OLD, **changes}
    assert judged([scan(**other)], [approval(**other)]).policy == ()


@pytest.mark.parametrize("changes", OTHERS)
def test_other_versions_under_this_policy_do_not_help(changes: dict[str, Any]) -> None:
    found = judged([scan(policy_digest=OLD), scan(**changes)], [approval(policy_digest=OLD), approval(**changes)])
    assert [reason.code for reason in found.policy] == ["policy-differs", "policy-differs"]


def test_time_decides() -> None:
    ended = approval(expires=NOW - timedelta(seconds=1))
    assert not judged([scan()], [ended]).enough
    assert judged([scan()], [ended], now=NOW - timedelta(hours=1)).enough
