"""A scan as a statement: the form that others read, in full, and what contradicts itself."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from poisonguard.attest.scan_v1 import FindingRecord, ScanDocument, scan_from_json, scan_to_json
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped
from poisonguard.domain.result import Assessment
from poisonguard.errors import IntegrityError

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
SCAN = ScanDocument(
    dataset="reviews",
    version=f"pg1:{A}",
    scanned=datetime(2026, 5, 1, 12, tzinfo=UTC),
    reference=f"pg1:{B}",
    tool_version="0.1.0",
    pack="baseline+text",
    pack_digest=B,
    policy_digest=C,
    outcomes=(
        Ran("PG-DUP-001", Coverage(1, 2, "sample"), ()),
        Ran("PG-DUP-002", Coverage(2, 2), ()),
        Skipped("PG-LABEL-001", "no label"),
        Failed("PG-LABEL-002", "broke"),
    ),
    findings=(FindingRecord("f" * 16, "PG-DUP-001", Level.ERROR, Signal.POISONING, "source=\u00fc", 7),),
    waived=("e" * 16, "f" * 16),
    assessment=Assessment.SUSPICIOUS,
    decision=Decision(Verdict.FAILED, (Reason("findings", "1 finding", 1, "Look."),)),
    report_digest=D,
    profile_digest=A,
)
WRITTEN: dict[str, Any] = {
    "dataset": "reviews",
    "version": f"pg1:{A}",
    "scanned": "2026-05-01T12:00:00Z",
    "reference": f"pg1:{B}",
    "tool": {"name": "poisonguard", "version": "0.1.0"},
    "pack": "baseline+text",
    "packDigest": B,
    "policyDigest": C,
    "outcomes": [
        {"check": "PG-DUP-001", "status": "ran", "note": "sample", "rowsSeen": 1, "rowsTotal": 2},
        {"check": "PG-DUP-002", "status": "ran", "note": "", "rowsSeen": 2, "rowsTotal": 2},
        {"check": "PG-LABEL-001", "status": "skipped", "note": "no label"},
        {"check": "PG-LABEL-002", "status": "failed", "note": "broke"},
    ],
    "findings": [
        {
            "fingerprint": "f" * 16,
            "check": "PG-DUP-001",
            "level": "error",
            "signal": "poisoning",
            "subject": "source=\u00fc",
            "rowCount": 7,
        }
    ],
    "waived": ["e" * 16, "f" * 16],
    "assessment": "suspicious",
    "verdict": "FAILED",
    "reasons": [{"code": "findings", "message": "1 finding", "exitCode": 1, "hint": "Look."}],
    "reportDigest": D,
    "profileDigest": A,
    "result": "FAILED",
    "configuration": [
        {"name": "pack/baseline+text", "digest": {"sha256": B}},
        {"name": "policy", "digest": {"sha256": C}},
    ],
    "passedTests": ["PG-DUP-002"],
    "warnedTests": ["PG-DUP-001"],
    "failedTests": ["PG-LABEL-002"],
}

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    value = copy.deepcopy(WRITTEN)
    change(value)
    return value


def test_it_is_written_as_it_always_was() -> None:
    assert scan_to_json(SCAN) == WRITTEN
    assert list(scan_to_json(SCAN)) == list(WRITTEN)


def test_it_is_read_back() -> None:
    assert scan_from_json(copy.deepcopy(WRITTEN)) == SCAN
    assert SCAN.created == SCAN.scanned
    assert SCAN.packs == ("baseline", "text")
    assert SCAN.subject == ("reviews", A)


def test_no_profile_and_no_reference_are_said() -> None:
    value = changed(lambda it: it.update(profileDigest=None, reference=None))
    read = scan_from_json(value)
    assert (read.profile_digest, read.reference) == (None, None)
    assert scan_to_json(read) == value


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda it: it["outcomes"].append(it["outcomes"][0]), "scan holds two outcomes of one check"),
        (lambda it: it["outcomes"].append(it["outcomes"][3] | {"check": "PG-DUP-001"}), "two outcomes of one check"),
        (lambda it: it["waived"].reverse(), "waived findings out of order"),
        (lambda it: it["waived"].append("f" * 16), "waived findings out of order, or one twice"),
        (lambda it: it.update(result="PASSED"), "contradicts itself in 'result'"),
        (lambda it: it.update(verdict="PASSED"), "contradicts itself in 'result'"),
        (lambda it: it["configuration"].pop(), "contradicts itself in 'configuration'"),
        (lambda it: it["configuration"][0]["digest"].update(sha256=A), "contradicts itself in 'configuration'"),
        (lambda it: it["passedTests"].append("PG-DUP-001"), "contradicts itself in 'passedTests'"),
        (lambda it: it.update(warnedTests=[]), "contradicts itself in 'warnedTests'"),
        (lambda it: it.update(failedTests=[]), "contradicts itself in 'failedTests'"),
        (lambda it: it.update(more=1), "scan holds an unknown member 'more'"),
        (lambda it: it["tool"].update(more=1), r"scan\.tool holds an unknown member 'more'"),
        (lambda it: it["tool"].update(name="other"), r"scan\.tool\.name is not poisonguard"),
        (lambda it: it["outcomes"][0].update(more=1), r"scan\.outcomes\[0\] holds an unknown member 'more'"),
        (lambda it: it["outcomes"][2].update(rowsSeen=1), r"scan\.outcomes\[2\] holds an unknown member 'rowsSeen'"),
        (lambda it: it["outcomes"][0].update(status="done"), r"outcomes\[0\]\.status is not ran, skipped or failed"),
        (lambda it: it["outcomes"][0].update(rowsSeen=-1), r"rowsSeen is not an integer of at least 0"),
        (lambda it: it["findings"][0].update(more=1), r"scan\.findings\[0\] holds an unknown member 'more'"),
        (lambda it: it["findings"][0].update(level="fatal"), r"findings\[0\]\.level is not note or warning or error"),
        (lambda it: it["findings"][0].update(fingerprint=""), r"findings\[0\]\.fingerprint is not text"),
        (lambda it: it["reasons"][0].update(more=1), r"scan\.reasons\[0\] holds an unknown member 'more'"),
        (lambda it: it["reasons"][0].update(exitCode=-1), r"exitCode is not an integer"),
        (lambda it: it.update(profileDigest="x"), r"scan\.profileDigest\.it is not a hex SHA-256"),
        (lambda it: it.update(profileDigest=""), r"scan\.profileDigest\.it is not a hex SHA-256"),
        (lambda it: it.update(assessment="fine"), r"scan\.assessment is not"),
    ],
)
def test_anything_else_is_refused(change: Change, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        scan_from_json(changed(change))


@pytest.mark.parametrize(
    ("place", "member"),
    [
        *[((), member) for member in WRITTEN],
        *[(("tool",), member) for member in WRITTEN["tool"]],
        *[(("outcomes", 0), member) for member in WRITTEN["outcomes"][0]],
        *[(("outcomes", 2), member) for member in WRITTEN["outcomes"][2]],
        *[(("findings", 0), member) for member in WRITTEN["findings"][0]],
        *[(("reasons", 0), member) for member in WRITTEN["reasons"][0]],
    ],
)
def test_every_member_is_needed(place: tuple[str | int, ...], member: str) -> None:
    value: Any = copy.deepcopy(WRITTEN)
    holder = value
    for step in place:
        holder = holder[step]
    del holder[member]
    with pytest.raises(IntegrityError, match=f"lacks '{member}'"):
        scan_from_json(value)


@pytest.mark.parametrize("member", ["subject", "note", "hint"])
def test_some_texts_may_be_empty(member: str) -> None:
    def empty(value: dict[str, Any]) -> None:
        holder = {"subject": value["findings"][0], "note": value["outcomes"][2], "hint": value["reasons"][0]}[member]
        holder[member] = ""

    value = changed(empty)
    assert scan_to_json(scan_from_json(value)) == value
