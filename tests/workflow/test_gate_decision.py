"""What the gate says and on what evidence: every member of its JSON, and the error that a refusal becomes."""

from dataclasses import replace

import pytest
from evidence_world import ZERO, World, clean_scan
from simulator import DAY, NOW, trust_root

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ApprovalDocument, ManifestDocument, Waiver
from poisonguard.attest.revocations_v1 import RevocationsDocument
from poisonguard.domain.dataset import Release
from poisonguard.domain.decision import Reason, Verdict
from poisonguard.domain.result import Assessment
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.approvals import Consent
from poisonguard.workflow.gate_decision import (
    GateDecision,
    GateEvidence,
    RevocationEvidence,
    approval_evidence,
    revocation_evidence,
    scan_evidence,
)

WORLD = World()
POLICY = WORLD.policy
MANIFEST = ManifestDocument(Release("reviews", 3, WORLD.version, (), "2026-04-01T00:00:00Z"), WORLD.content.manifest)
SCAN = Signed(
    clean_scan(WORLD.version, "reviews", POLICY, reference="reviews@2", report_digest="4" * 64), "1" * 64, ("ci", "cy")
)
APPROVAL = ApprovalDocument(
    dataset="reviews",
    version=WORLD.version,
    manifest_statement="a" * 64,
    scan_statements=("1" * 64,),
    policy_digest=ZERO,
    reason="read it all",
    purpose="training",
    created=NOW - DAY,
    not_before=NOW,
    expires=NOW + 30 * DAY,
    nonce="n",
    waivers=(Waiver("f" * 16, "known", NOW + DAY), Waiver("e" * 16, "known too", NOW + DAY)),
)
LIST = Signed(RevocationsDocument(number=7, created=NOW - DAY, expires=NOW + DAY), "3" * 64, ("rita",))
BARE = GateEvidence(location="data", checked=NOW, purpose="training", policy="default", policy_digest=ZERO)
FULL = replace(
    BARE.of(Signed(MANIFEST, "a" * 64, ("pub",))),
    trust_version=2,
    root=trust_root(),
    log_origin="poisonguard/test",
    log_size=5,
    revocations=revocation_evidence(LIST),
    bytes_compared=True,
    assessment=Assessment.DRIFTED,
    approvers_needed=1,
    scans=(scan_evidence(SCAN),),
    approvals=(approval_evidence(Consent(APPROVAL, "2" * 64, ("ann", "bob")), POLICY),),
)
NOTE = Reason("scan-superseded", "the scan was done over", 0)
BAD = Reason("rejected", "bob rejected this version", 5, "Publish a mended version.")
WORSE = Reason("bytes-differ", "a.csv: it is missing", 6, "Restore the file.")


def test_all_of_it_as_json() -> None:
    decision = replace(GateDecision.of((NOTE,), FULL), notes=("it could not be remembered",))
    assert decision.to_json() == {
        "schema": "poisonguard-gate/v1",
        "verdict": "PASSED",
        "exitCode": 0,
        "reasons": [
            {"code": "passed", "message": "reviews@3 is approved and unaltered", "exitCode": 0, "hint": ""},
            {"code": "scan-superseded", "message": "the scan was done over", "exitCode": 0, "hint": ""},
        ],
        "notes": ["it could not be remembered"],
        "location": "data",
        "checked": "2026-05-01T12:00:00Z",
        "purpose": "training",
        "policy": {"name": "default", "digest": ZERO},
        "trustRootVersion": 2,
        "log": {"origin": "poisonguard/test", "size": 5},
        "revocations": {
            "statement": "3" * 64,
            "by": ["rita"],
            "number": 7,
            "created": "2026-04-30T12:00:00Z",
            "expires": "2026-05-02T12:00:00Z",
        },
        "dataset": "reviews",
        "number": 3,
        "version": WORLD.version,
        "manifestStatement": "a" * 64,
        "created": "2026-04-01T00:00:00Z",
        "publishers": ["pub"],
        "files": 1,
        "bytes": 8,
        "rows": 1,
        "bytesCompared": True,
        "assessment": "drifted",
        "approversNeeded": 1,
        "scans": [
            {
                "statement": "1" * 64,
                "by": ["ci", "cy"],
                "scanned": "2026-04-29T12:00:00Z",
                "toolVersion": "0.1.0",
                "pack": "baseline",
                "reference": "reviews@2",
                "reportDigest": "4" * 64,
            }
        ],
        "approvals": [
            {
                "statement": "2" * 64,
                "by": ["ann", "bob"],
                "created": "2026-04-30T12:00:00Z",
                "until": "2026-05-31T12:00:00Z",
                "reason": "read it all",
                "waived": ["f" * 16, "e" * 16],
            }
        ],
    }


def test_what_was_not_established_is_said_to_be_nothing() -> None:
    assert GateDecision.of((BAD,), BARE).to_json() == {
        "schema": "poisonguard-gate/v1",
        "verdict": "FAILED",
        "exitCode": 5,
        "reasons": [{"code": BAD.code, "message": BAD.message, "exitCode": 5, "hint": BAD.hint}],
        "notes": [],
        "location": "data",
        "checked": "2026-05-01T12:00:00Z",
        "purpose": "training",
        "policy": {"name": "default", "digest": ZERO},
        "trustRootVersion": 0,
        "log": {"origin": None, "size": 0},
        "revocations": None,
        "dataset": None,
        "number": 0,
        "version": None,
        "manifestStatement": None,
        "created": None,
        "publishers": [],
        "files": 0,
        "bytes": 0,
        "rows": 0,
        "bytesCompared": False,
        "assessment": None,
        "approversNeeded": 0,
        "scans": [],
        "approvals": [],
    }


def test_an_approval_ends_when_the_policy_says_so() -> None:
    long = replace(APPROVAL, expires=NOW + 999 * DAY)
    found = approval_evidence(Consent(long, ZERO, ("ann",)), POLICY)
    assert found.until == APPROVAL.created + POLICY.approval_max_age


def test_trust_root_and_list_are_carried_and_not_shown() -> None:
    assert FULL.root == trust_root()
    assert FULL.revocations is not None
    assert FULL.revocations.document == LIST.document
    assert RevocationEvidence(ZERO, ("rita",), 7, NOW, NOW).document is None
    assert "root=" not in repr(FULL)
    assert "document=" not in repr(FULL)


def test_one_reason_against_is_enough_rule_1() -> None:
    decision = GateDecision.of((NOTE, BAD), FULL)
    assert (decision.passed, decision.exit_code, decision.decision.verdict) == (False, 5, Verdict.FAILED)
    assert decision.evidence is FULL
    assert decision.notes == ()


def test_what_speaks_against_comes_first_in_the_order_given_rule_2() -> None:
    other = replace(NOTE, code="finding-waived")
    assert GateDecision.of((NOTE, BAD, other, WORSE), FULL).decision.reasons == (BAD, WORSE, NOTE, other)


def test_the_exit_code_is_the_gravest_rule_3() -> None:
    assert GateDecision.of((BAD, WORSE), FULL).exit_code == GateDecision.of((WORSE, BAD), FULL).exit_code == 6
    incomplete, found = Reason("check-failed", "broke", 4), Reason("findings", "1 finding", 1)
    assert [GateDecision.of(item, FULL).exit_code for item in ((found, incomplete), (found,), (NOTE,))] == [4, 1, 0]


def test_what_was_not_compared_is_not_called_unaltered_rule_4() -> None:
    decision = GateDecision.of((), replace(FULL, bytes_compared=False))
    what = "reviews@3 is approved; its bytes are checked as they are read"
    assert (decision.passed, decision.decision.reasons) == (True, (Reason("passed", what, 0),))


def test_a_pass_raises_nothing() -> None:
    GateDecision.of((NOTE,), FULL).require()


@pytest.mark.parametrize(
    ("reasons", "kind", "message"),
    [
        ((BAD,), GateFailed, "rejected: bob rejected this version"),
        ((NOTE, BAD, BAD, BAD), GateFailed, "rejected: bob rejected this version (and 2 more reasons)"),
        ((BAD, WORSE, WORSE), IntegrityError, "rejected: bob rejected this version (and 2 more reasons)"),
        ((Reason("findings", "1 finding", 1, BAD.hint),), GateFailed, "findings: 1 finding"),
    ],
)
def test_a_refusal_raises_the_first_reason(reasons: tuple[Reason, ...], kind: type[GateFailed], message: str) -> None:
    with pytest.raises(GateFailed) as caught:
        GateDecision.of(reasons, FULL).require()
    assert (type(caught.value), caught.value.message, caught.value.hint) == (kind, message, BAD.hint)
