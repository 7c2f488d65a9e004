"""Documents and statements: inverse, strict, bound to their subject."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from evidence_world import DAY, NOW, ZERO, clean_scan, manifest

from poisonguard.attest.canonical import canonical
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    Waiver,
    document_of,
    manifest_from_json,
    manifest_to_json,
    scan_of,
    statement_of,
    version_name,
)
from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.attest.statement import Statement, parse_statement
from poisonguard.domain.dataset import Release
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped
from poisonguard.domain.result import Assessment, ScanResult
from poisonguard.domain.roles import Roles
from poisonguard.errors import IntegrityError
from poisonguard.policy.builtin import default_policy

VERSION = version_name(manifest())
OTHER = "pg1:" + "1" * 64
FINDING = FindingRecord("f" * 16, "PG-DUP-001", Level.ERROR, Signal.POISONING, "source=ü", 7)


def documents() -> dict[str, Document]:
    common = {
        "dataset": "reviews",
        "version": VERSION,
        "manifest_statement": ZERO,
        "scan_statements": (ZERO, "1" * 64),
        "policy_digest": ZERO,
        "reason": "looked at it",
        "created": NOW,
        "nonce": "n",
    }
    return {
        "manifest": ManifestDocument(Release("reviews", 3, VERSION, (OTHER,), "2026-05-01T12:00:00Z"), manifest()),
        "scan": clean_scan(
            VERSION,
            "reviews",
            default_policy(),
            reference=OTHER,
            outcomes=(
                Ran("PG-DUP-001", Coverage(1, 2, "sample"), ()),
                Ran("PG-DUP-002", Coverage(2, 2), ()),
                Skipped("PG-LABEL-001", "no label"),
                Failed("PG-LABEL-002", "broke"),
            ),
            findings=(FINDING,),
            waived=("e" * 16, "f" * 16),
            assessment=Assessment.SUSPICIOUS,
            decision=Decision(Verdict.FAILED, (Reason("findings", "1 finding", 1, "Look."),)),
            profile_digest="2" * 64,
        ),
        "approval": ApprovalDocument(
            **common,  # type: ignore[arg-type]  # one dictionary for both documents
            purpose="training",
            not_before=NOW,
            expires=NOW + DAY,
            waivers=(Waiver("f" * 16, "known good", NOW + DAY),),
        ),
        "rejection": RejectionDocument(**common),  # type: ignore[arg-type]  # as above
    }


def predicate(name: str) -> tuple[Statement, dict[str, Any]]:
    statement = statement_of(documents()[name])
    return statement, copy.deepcopy(statement.predicate)


@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection"])
def test_documents_come_back(name: str) -> None:
    document = documents()[name]
    assert document_of(parse_statement(statement_of(document).payload())) == document


@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection"])
def test_every_member_is_needed_and_no_other_is_known(name: str) -> None:
    statement, members = predicate(name)
    for member in members:
        fewer = {key: value for key, value in members.items() if key != member}
        with pytest.raises(IntegrityError, match="lacks"):
            document_of(replace(statement, predicate=fewer))
        with pytest.raises(IntegrityError):
            document_of(replace(statement, predicate=members | {member: {"wrong": []}}))
    with pytest.raises(IntegrityError, match="unknown member"):
        document_of(replace(statement, predicate=members | {"extra": 1}))


@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection"])
def test_a_statement_is_bound_to_its_subject(name: str) -> None:
    statement, _ = predicate(name)
    for other in (replace(statement, sha256="1" * 64), replace(statement, subject="other")):
        with pytest.raises(IntegrityError, match="subject"):
            document_of(other)


def test_an_unknown_predicate_is_refused() -> None:
    with pytest.raises(IntegrityError, match="unknown predicate"):
        document_of(Statement("reviews", ZERO, "https://example.com/v1", {}))


def test_one_kind_of_document_is_not_read_as_another() -> None:
    approval, _ = predicate("approval")
    rejection, _ = predicate("rejection")
    with pytest.raises(IntegrityError):
        document_of(replace(approval, predicate_type=rejection.predicate_type))
    with pytest.raises(IntegrityError):
        document_of(replace(rejection, predicate_type=approval.predicate_type))


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "a", "digest": {"sha256": ZERO}}] * 2},
        {"subject": [{"name": "a", "digest": {"sha256": ZERO, "md5": "0"}}]},
        {"subject": [{"name": "a", "digest": {"sha256": ZERO.upper().replace("0", "A")}}]},
        {"subject": [{"name": "a", "uri": "x", "digest": {"sha256": ZERO}}]},
        {"predicate": []},
        {"predicateType": ""},
        {"extra": 1},
    ],
)
def test_malformed_statements_are_refused(change: dict[str, Any]) -> None:
    payload = json.loads(statement_of(documents()["manifest"]).payload())
    with pytest.raises(IntegrityError):
        parse_statement(canonical(payload | change))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest", {"number": 0}),
        ("manifest", {"number": True}),
        ("manifest", {"parents": [OTHER, OTHER]}),
        ("manifest", {"parents": ["latest"]}),
        ("manifest", {"created": "2026-05-01"}),
        ("scan", {"verdict": "MAYBE"}),
        ("scan", {"result": "PASSED"}),
        ("scan", {"passedTests": ["PG-DUP-001"]}),
        ("scan", {"failedTests": []}),
        ("scan", {"waived": ["f", "e"]}),
        ("scan", {"waived": [1]}),
        ("scan", {"tool": {"name": "other", "version": "1"}}),
        ("scan", {"tool": {"name": "poisonguard", "version": "1", "extra": 1}}),
        ("scan", {"outcomes": [{"check": "A", "status": "fine", "note": ""}]}),
        ("scan", {"outcomes": [{"check": "A", "status": "skipped", "note": ""}] * 2}),
        ("scan", {"profileDigest": "x"}),
        ("scan", {"version": "pg1:x"}),
        ("approval", {"scanStatements": []}),
        ("approval", {"scanStatements": ["1" * 64, ZERO]}),
        ("approval", {"expires": "2026-05-01T12:00:00Z"}),
        ("approval", {"role": "publisher"}),
        ("approval", {"reason": ""}),
        ("approval", {"waivers": [{"finding": "f", "justification": "", "expires": "2026-05-01T12:00:00Z"}]}),
        ("approval", {"waivers": [{"finding": "f", "justification": "j", "expires": "2026-05-01T12:00:00Z"}] * 2}),
    ],
)
def test_wrong_members_are_refused(name: str, change: dict[str, Any]) -> None:
    statement, members = predicate(name)
    with pytest.raises(IntegrityError):
        document_of(replace(statement, predicate=members | change))


def test_the_version_is_named_after_its_content() -> None:
    assert version_name(manifest()) == version_name(manifest_from_json(manifest_to_json(manifest())))
    names = {version_name(item) for item in (manifest(), manifest(path="other.csv"), manifest(data=b"a"))}
    assert len(names) == 3
    assert all(name.startswith("pg1:") and len(name) == 68 for name in names)


def test_the_version_name_is_stable() -> None:
    assert VERSION == "pg1:fd7bec5c50a136a7f1c17dcd966d49c880aac923a4c4c85c274af5d73bb3ba42"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("files", 0),
        ("files", True),
        ("bytes", -1),
        ("rows", "1"),
        ("filesRoot", "x"),
        ("hashProfile", ""),
        ("columns", {}),
    ],
)
def test_manifests_that_say_something_else_are_refused(member: str, value: object) -> None:
    with pytest.raises(IntegrityError, match=member):
        manifest_from_json(manifest_to_json(manifest()) | {member: value})


def test_a_scan_result_becomes_a_document() -> None:
    finding = Finding(
        check="PG-DUP-001",
        level=Level.ERROR,
        signal=Signal.POISONING,
        subject="source=7",
        message="m",
        compared_with="c",
        confidence=0.5,
        row_count=3,
    )
    result = ScanResult(
        tool_version="0.1.0",
        dataset="reviews",
        version=VERSION,
        manifest=manifest(),
        files=(),
        reference=None,
        pack="baseline+text",
        pack_digest=ZERO,
        policy_digest=ZERO,
        roles=Roles(()),
        rules=(),
        outcomes=(Ran("PG-DUP-001", Coverage(1, 1), (finding,)), Skipped("PG-X-001", "why")),
        findings=(finding,),
        waived=frozenset({"b", "a"}),
        assessment=Assessment.SUSPICIOUS,
        decision=Decision(Verdict.FAILED, (Reason("findings", "1 finding", 1),)),
    )
    scan = scan_of(result, scanned=NOW, report_digest=ZERO)
    assert document_of(parse_statement(statement_of(scan).payload())) == scan
    assert scan.packs == ("baseline", "text")
    assert scan.waived == ("a", "b")
    assert scan.findings[0] == FindingRecord(
        finding.fingerprint, "PG-DUP-001", Level.ERROR, Signal.POISONING, "source=7", 3
    )
    test_result = statement_of(scan).predicate
    assert (test_result["result"], test_result["warnedTests"], test_result["passedTests"]) == (
        "FAILED",
        ["PG-DUP-001"],
        [],
    )
