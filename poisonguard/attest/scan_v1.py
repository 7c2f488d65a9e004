"""The scan result as JSON, version 1: a superset of in-toto's test-result predicate.

The members ``result``, ``configuration``, ``passedTests``, ``warnedTests`` and ``failedTests`` are what
https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md asks for, so that other tools
can read a scan; they follow from the rest and are refused when they do not. Numbers are integers; the full
report, which holds the rest, is bound by its digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poisonguard.attest.canonical import canonical
from poisonguard.attest.fields import Fields
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.domain.result import Assessment, ScanResult
from poisonguard.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding as a scan statement names it; the report holds the rest."""

    fingerprint: str
    check: str
    level: Level
    signal: Signal
    subject: str
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanDocument:
    """What one scan found in one version.

    Attributes:
        dataset: Name of the dataset.
        version: Name of the version scanned.
        scanned: When the scan ended.
        reference: Name of the version compared with, or nothing.
        tool_version: Version of poisonguard.
        pack: Names of the packs, joined by ``+``.
        pack_digest: Hex SHA-256 of the resolved cards and parameters.
        policy_digest: Hex SHA-256 of the policy.
        outcomes: One per check; what ran holds no findings here.
        findings: Every finding, in the report's order.
        waived: Fingerprints that a waiver excused in this scan, sorted.
        assessment: One word.
        decision: What the policy said.
        report_digest: Hex SHA-256 of the JSON report.
        profile_digest: Hex SHA-256 of the profile kept for later comparison, or nothing.
    """

    dataset: str
    version: str
    scanned: datetime
    reference: str | None
    tool_version: str
    pack: str
    pack_digest: str
    policy_digest: str
    outcomes: tuple[Outcome, ...]
    findings: tuple[FindingRecord, ...]
    waived: tuple[str, ...]
    assessment: Assessment
    decision: Decision
    report_digest: str
    profile_digest: str | None

    @property
    def packs(self) -> tuple[str, ...]:
        """Names of the packs."""
        return tuple(self.pack.split("+"))

    @property
    def created(self) -> datetime:
        """When it was signed."""
        return self.scanned

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the version."""
        return self.dataset, self.version.removeprefix("pg1:")


def scan_of(
    result: ScanResult, *, scanned: datetime, report_digest: str, profile_digest: str | None = None
) -> ScanDocument:
    """The document that says ``result``."""
    return ScanDocument(
        dataset=result.dataset,
        version=result.version,
        scanned=scanned,
        reference=result.reference,
        tool_version=result.tool_version,
        pack=result.pack,
        pack_digest=result.pack_digest,
        policy_digest=result.policy_digest,
        outcomes=tuple(_without_findings(outcome) for outcome in result.outcomes),
        findings=tuple(
            FindingRecord(item.fingerprint, item.check, item.level, item.signal, item.subject, item.row_count)
            for item in result.findings
        ),
        waived=tuple(sorted(result.waived)),
        assessment=result.assessment,
        decision=result.decision,
        report_digest=report_digest,
        profile_digest=profile_digest,
    )


def scan_to_json(scan: ScanDocument) -> dict[str, Any]:
    """The scan as an in-toto predicate."""
    return {
        "dataset": scan.dataset,
        "version": scan.version,
        "scanned": format_time(scan.scanned),
        "reference": scan.reference,
        "tool": {"name": "poisonguard", "version": scan.tool_version},
        "pack": scan.pack,
        "packDigest": scan.pack_digest,
        "policyDigest": scan.policy_digest,
        "outcomes": [_outcome_to_json(outcome) for outcome in scan.outcomes],
        "findings": [_finding_to_json(finding) for finding in scan.findings],
        "waived": list(scan.waived),
        "assessment": str(scan.assessment),
        "verdict": str(scan.decision.verdict),
        "reasons": [_reason_to_json(reason) for reason in scan.decision.reasons],
        "reportDigest": scan.report_digest,
        "profileDigest": scan.profile_digest,
        **_test_result(scan),
    }


def scan_from_json(value: Any) -> ScanDocument:
    """The scan in an in-toto predicate.

    Raises:
        IntegrityError: A member is missing, unknown, or not what it should be.
    """
    fields = Fields(value, "scan")
    tool = Fields(fields.take("tool"), "scan.tool")
    tool.literal("name", "poisonguard")
    verdict, reasons = fields.choice("verdict", Verdict), fields.items("reasons", _reason)
    profile = fields.take("profileDigest")
    scan = ScanDocument(
        dataset=fields.text("dataset"),
        version=fields.version("version"),
        scanned=fields.time("scanned"),
        reference=fields.optional_text("reference"),
        tool_version=tool.text("version"),
        pack=fields.text("pack"),
        pack_digest=fields.digest("packDigest"),
        policy_digest=fields.digest("policyDigest"),
        outcomes=fields.items("outcomes", _outcome),
        findings=fields.items("findings", _finding),
        waived=fields.texts("waived"),
        assessment=fields.choice("assessment", Assessment),
        decision=Decision(verdict, reasons),
        report_digest=fields.digest("reportDigest"),
        profile_digest=profile if profile is None else Fields({"it": profile}, "scan.profileDigest").digest("it"),
    )
    tool.done()
    _check_test_result(fields, scan)
    return scan


def _check_test_result(fields: Fields, scan: ScanDocument) -> None:
    checks = [outcome.check for outcome in scan.outcomes]
    if len(set(checks)) != len(checks):
        raise fields.refusal("holds two outcomes of one check")
    if list(scan.waived) != sorted(set(scan.waived)):
        raise fields.refusal("has waived findings out of order, or one twice")
    for name, expected in _test_result(scan).items():
        if canonical(fields.take(name)) != canonical(expected):
            raise fields.refusal(f"contradicts itself in {name!r}")
    fields.done()


def _test_result(scan: ScanDocument) -> dict[str, Any]:
    """in-toto's test-result members: warned means findings, failed means that the check broke."""
    found = {finding.check for finding in scan.findings}
    failed = [outcome.check for outcome in scan.outcomes if isinstance(outcome, Failed)]
    ran = [outcome.check for outcome in scan.outcomes if isinstance(outcome, Ran)]
    return {
        "result": str(scan.decision.verdict),
        "configuration": [
            {"name": f"pack/{scan.pack}", "digest": {"sha256": scan.pack_digest}},
            {"name": "policy", "digest": {"sha256": scan.policy_digest}},
        ],
        "passedTests": [check for check in ran if check not in found],
        "warnedTests": [check for check in ran if check in found],
        "failedTests": failed,
    }


def _without_findings(outcome: Outcome) -> Outcome:
    return Ran(outcome.check, outcome.coverage, ()) if isinstance(outcome, Ran) else outcome


def _outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Ran(check, coverage):
            rows = {"rowsSeen": coverage.rows_seen, "rowsTotal": coverage.rows_total}
            return {"check": check, "status": "ran", "note": coverage.note, **rows}
        case Skipped(check, reason):
            return {"check": check, "status": "skipped", "note": reason}
        case _ as failed:
            return {"check": failed.check, "status": "failed", "note": failed.error}


def _outcome(value: Any, where: str) -> Outcome:
    fields = Fields(value, where)
    check, status, note = fields.text("check"), fields.text("status"), fields.text("note", empty=True)
    outcome: Outcome
    match status:
        case "ran":
            outcome = Ran(check, Coverage(fields.integer("rowsSeen"), fields.integer("rowsTotal"), note), ())
        case "skipped":
            outcome = Skipped(check, note)
        case "failed":
            outcome = Failed(check, note)
        case _:
            raise IntegrityError(f"{where}.status is not ran, skipped or failed")
    fields.done()
    return outcome


def _finding_to_json(finding: FindingRecord) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "check": finding.check,
        "level": str(finding.level),
        "signal": str(finding.signal),
        "subject": finding.subject,
        "rowCount": finding.row_count,
    }


def _finding(value: Any, where: str) -> FindingRecord:
    fields = Fields(value, where)
    finding = FindingRecord(
        fingerprint=fields.text("fingerprint"),
        check=fields.text("check"),
        level=fields.choice("level", Level),
        signal=fields.choice("signal", Signal),
        subject=fields.text("subject", empty=True),
        row_count=fields.integer("rowCount"),
    )
    fields.done()
    return finding


def _reason_to_json(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "message": reason.message, "exitCode": reason.exit_code, "hint": reason.hint}


def _reason(value: Any, where: str) -> Reason:
    fields = Fields(value, where)
    reason = Reason(
        fields.text("code"), fields.text("message"), fields.integer("exitCode"), fields.text("hint", empty=True)
    )
    fields.done()
    return reason
