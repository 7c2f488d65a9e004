"""What the gate says and on what evidence, and what it remembers for the next time. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.evidence import Signed
from poisonguard.attest.fields import Fields
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.result import Assessment
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.approvals import Consent, ends_of
from poisonguard.policy.model import Policy

SCHEMA = "poisonguard-gate/v1"
STATE_KIND = "poisonguard-gate-state/v1"


@dataclass(frozen=True, slots=True)
class GateState:
    """What earlier passing gates saw on this machine; refuses rollback.

    Attributes:
        numbers: Highest version number that passed, by dataset.
        latest: Time of the latest passing gate.
        trust_version: Highest version of the trust root seen.
    """

    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    latest: datetime | None = None
    trust_version: int = 0

    def to_bytes(self) -> bytes:
        """The state as a file's bytes."""
        seen = [{"dataset": name, "number": self.numbers[name]} for name in sorted(self.numbers)]
        latest = None if self.latest is None else format_time(self.latest)
        return canonical({"kind": STATE_KIND, "seen": seen, "latest": latest, "trustVersion": self.trust_version})

    @classmethod
    def from_bytes(cls, data: bytes) -> GateState:
        """The state in a file's bytes.

        Raises:
            IntegrityError: It is malformed.
        """
        fields = Fields(parse(data, what="gate state"), "gate state")
        fields.literal("kind", STATE_KIND)
        seen = fields.items("seen", _seen)
        latest = fields.take("latest")
        trust_version = fields.integer("trustVersion")
        fields.done()
        if len(dict(seen)) != len(seen):
            raise fields.refusal("names a dataset twice")
        return cls(dict(seen), None if latest is None else Fields({"at": latest}, "latest").time("at"), trust_version)

    def after(self, decision: GateDecision) -> GateState:
        """The state to remember after ``decision``; unchanged unless it passed."""
        evidence = decision.evidence
        if decision.decision.verdict is not Verdict.PASSED or evidence.dataset is None:
            return self
        number = max(evidence.number, self.numbers.get(evidence.dataset, 0))
        return GateState(
            numbers={**self.numbers, evidence.dataset: number},
            latest=max(evidence.checked, self.latest or evidence.checked),
            trust_version=max(evidence.trust_version, self.trust_version),
        )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What the gate established, as far as it came; shown when it passes and when it does not."""

    location: str
    checked: datetime
    purpose: str
    policy: str
    policy_digest: str
    trust_version: int = 0
    log_origin: str | None = None
    log_size: int = 0
    dataset: str | None = None
    number: int = 0
    version: str | None = None
    created: str | None = None
    publishers: tuple[str, ...] = ()
    files: int = 0
    size: int = 0
    rows: int = 0
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
            created=release.created,
            publishers=manifest.people,
            files=len(content.files),
            size=sum(entry.size for entry in content.files),
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
            "dataset": self.dataset,
            "number": self.number,
            "version": self.version,
            "created": self.created,
            "publishers": list(self.publishers),
            "files": self.files,
            "bytes": self.size,
            "rows": self.rows,
            "assessment": None if self.assessment is None else str(self.assessment),
            "approversNeeded": self.approvers_needed,
            "scans": [item.to_json() for item in self.scans],
            "approvals": [item.to_json() for item in self.approvals],
        }


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's answer."""

    decision: Decision
    evidence: GateEvidence

    @classmethod
    def of(cls, reasons: tuple[Reason, ...], evidence: GateEvidence) -> GateDecision:
        """Passed when no reason speaks against it."""
        if any(reason.exit_code for reason in reasons):
            return cls(Decision(Verdict.FAILED, reasons), evidence)
        passed = Reason("passed", f"{evidence.dataset}@{evidence.number} is approved and unaltered", 0)
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
        against = [reason for reason in self.decision.reasons if reason.exit_code]
        gravest = next(reason for reason in against if reason.exit_code == self.exit_code)
        more = f" (and {len(against) - 1} more reasons)" if len(against) > 1 else ""
        kind = IntegrityError if self.exit_code == IntegrityError.exit_code else GateFailed
        raise kind(f"{gravest.code}: {gravest.message}{more}", hint=gravest.hint)

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


def _seen(value: Any, where: str) -> tuple[str, int]:
    fields = Fields(value, where)
    pair = fields.text("dataset"), fields.integer("number", minimum=1)
    fields.done()
    return pair
