"""What the gate says, and on what evidence. Values only.

Rules:

1. A reason with an exit code other than 0 speaks against the data; one is enough.
2. Reasons that speak against come first, in the order of the gate: the first that failed is named first.
3. The exit code is the gravest of theirs (6, 5, 4, 1), whichever comes first.
4. Data whose bytes were not compared are never called unaltered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument, RevocationsDocument
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import TrustRoot
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.result import Assessment
from poisonguard.domain.wording import count
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.approvals import Consent, ends_of
from poisonguard.policy.model import Policy

SCHEMA = "poisonguard-gate/v1"


@dataclass(frozen=True, slots=True)
class ScanEvidence:
    """A scan that the decision rests on."""

    statement: str
    people: tuple[str, ...]
    scanned: datetime
    tool_version: str
    pack: str
    reference: str | None
    report_digest: str

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "statement": self.statement,
            "by": list(self.people),
            "scanned": format_time(self.scanned),
            "toolVersion": self.tool_version,
            "pack": self.pack,
            "reference": self.reference,
            "reportDigest": self.report_digest,
        }


@dataclass(frozen=True, slots=True)
class ApprovalEvidence:
    """An approval that counts: who, when, until when, why; and which findings it waives."""

    statement: str
    people: tuple[str, ...]
    created: datetime
    until: datetime
    reason: str
    waived: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "statement": self.statement,
            "by": list(self.people),
            "created": format_time(self.created),
            "until": format_time(self.until),
            "reason": self.reason,
            "waived": list(self.waived),
        }


@dataclass(frozen=True, slots=True)
class RevocationEvidence:
    """The list of revocations that holds.

    ``document`` is the list itself, for those who ask it more; it is not shown.
    """

    statement: str
    people: tuple[str, ...]
    number: int
    created: datetime
    expires: datetime
    document: RevocationsDocument | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "statement": self.statement,
            "by": list(self.people),
            "number": self.number,
            "created": format_time(self.created),
            "expires": format_time(self.expires),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What the gate established, as far as it came; shown when it passes and when it does not.

    ``root`` is the trust root itself, for those who ask it more; it is not shown.
    """

    location: str
    checked: datetime
    purpose: str
    policy: str
    policy_digest: str
    trust_version: int = 0
    root: TrustRoot | None = field(default=None, repr=False)
    log_origin: str | None = None
    log_size: int = 0
    revocations: RevocationEvidence | None = None
    dataset: str | None = None
    number: int = 0
    version: str | None = None
    manifest_statement: str | None = None
    created: str | None = None
    publishers: tuple[str, ...] = ()
    files: int = 0
    size: int = 0
    rows: int = 0
    bytes_compared: bool = False
    assessment: Assessment | None = None
    approvers_needed: int = 0
    scans: tuple[ScanEvidence, ...] = ()
    approvals: tuple[ApprovalEvidence, ...] = ()

    def of(self, manifest: Signed[ManifestDocument]) -> GateEvidence:
        """The evidence with the facts of a trusted manifest."""
        release, content = manifest.document.release, manifest.document.manifest
        return replace(
            self,
            dataset=release.dataset,
            number=release.number,
            version=release.version,
            manifest_statement=manifest.digest,
            created=release.created,
            publishers=manifest.people,
            files=content.file_count,
            size=content.size,
            rows=content.rows,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "location": self.location,
            "checked": format_time(self.checked),
            "purpose": self.purpose,
            "policy": {"name": self.policy, "digest": self.policy_digest},
            "trustRootVersion": self.trust_version,
            "log": {"origin": self.log_origin, "size": self.log_size},
            "revocations": None if self.revocations is None else self.revocations.to_json(),
            "dataset": self.dataset,
            "number": self.number,
            "version": self.version,
            "manifestStatement": self.manifest_statement,
            "created": self.created,
            "publishers": list(self.publishers),
            "files": self.files,
            "bytes": self.size,
            "rows": self.rows,
            "bytesCompared": self.bytes_compared,
            "assessment": None if self.assessment is None else str(self.assessment),
            "approversNeeded": self.approvers_needed,
            "scans": [item.to_json() for item in self.scans],
            "approvals": [item.to_json() for item in self.approvals],
        }


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's answer.

    Attributes:
        decision: Whether the data may be used, and why.
        evidence: What the gate established.
        notes: What the caller should know besides: what was not remembered, or who else decides what passes.
    """

    decision: Decision
    evidence: GateEvidence
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, reasons: tuple[Reason, ...], evidence: GateEvidence) -> GateDecision:
        """Passed when no reason speaks against it; the reasons are given in the order of the gate."""
        against = [reason for reason in reasons if reason.exit_code]
        if against:
            informing = [reason for reason in reasons if not reason.exit_code]
            return cls(Decision(Verdict.FAILED, (*against, *informing)), evidence)
        rest = " and unaltered" if evidence.bytes_compared else "; its bytes are checked as they are read"
        passed = Reason("passed", f"{evidence.dataset}@{evidence.number} is approved{rest}", 0)
        return cls(Decision(Verdict.PASSED, (passed, *reasons)), evidence)

    @property
    def passed(self) -> bool:
        """Whether the data may be used."""
        return self.decision.verdict is Verdict.PASSED

    @property
    def exit_code(self) -> int:
        """The process exit code."""
        return self.decision.exit_code

    def require(self) -> None:
        """Do nothing when passed.

        Raises:
            IntegrityError: A digest differs or a signature is not trusted.
            GateFailed: Any other reason; findings and incomplete scans too, since it is the gate that refuses.
        """
        if self.passed:
            return
        first, *others = [reason for reason in self.decision.reasons if reason.exit_code]
        more = f" (and {count(len(others), 'more reason')})" if others else ""
        kind = IntegrityError if self.exit_code == IntegrityError.exit_code else GateFailed
        raise kind(f"{first.code}: {first.message}{more}", hint=first.hint)

    def to_json(self) -> dict[str, Any]:
        """The decision as JSON, schema ``poisonguard-gate/v1``."""
        return {
            "schema": SCHEMA,
            "verdict": str(self.decision.verdict),
            "exitCode": self.exit_code,
            "reasons": [
                {"code": item.code, "message": item.message, "exitCode": item.exit_code, "hint": item.hint}
                for item in self.decision.reasons
            ],
            **self.evidence.to_json(),
            "notes": list(self.notes),
        }


def scan_evidence(scan: Signed[ScanDocument]) -> ScanEvidence:
    """What to show of a scan."""
    document = scan.document
    return ScanEvidence(
        statement=scan.digest,
        people=scan.people,
        scanned=document.scanned,
        tool_version=document.tool_version,
        pack=document.pack,
        reference=document.reference,
        report_digest=document.report_digest,
    )


def approval_evidence(consent: Consent, policy: Policy) -> ApprovalEvidence:
    """What to show of an approval."""
    approval = consent.approval
    return ApprovalEvidence(
        statement=consent.digest,
        people=consent.people,
        created=approval.created,
        until=ends_of(policy, approval),
        reason=approval.reason,
        waived=tuple(waiver.finding for waiver in approval.waivers),
    )


def revocation_evidence(held: Signed[RevocationsDocument]) -> RevocationEvidence:
    """What to show of the list of revocations."""
    document = held.document
    return RevocationEvidence(held.digest, held.people, document.number, document.created, document.expires, document)
