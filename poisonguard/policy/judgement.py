"""What policy and trust root say of one version, given the trusted statements about it. Pure.

The gate and the registry's list of versions both ask here, so that they cannot disagree. Log, rollback, freshness
and bytes are the gate's alone.

Codes of reasons, stable:

====================== ==== =====================================================================
code                   exit meaning
====================== ==== =====================================================================
``policy-differs``     5    all scans, or all approvals, of the version are under other policies
====================== ==== =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    ManifestDocument,
    RejectionDocument,
    RevocationsDocument,
)
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.domain.decision import Reason
from poisonguard.domain.result import Assessment
from poisonguard.policy.approvals import Case, Weighed, standing_rejections, waived_findings, weigh
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.policy.revoked import version_reasons
from poisonguard.policy.scans import Chosen, choose, gravest, scan_reasons

DENIED = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """Under what a version is judged.

    Attributes:
        root: Who may say what.
        policy: What must be true.
        now: The time.
        purpose: What the data are wanted for.
        revocations: The list of revocations that holds, if there is one.
        origin: Name of the log in which statements have their places; the gate proves them one by one instead.
    """

    root: TrustRoot
    policy: Policy
    now: datetime
    purpose: str
    revocations: RevocationsDocument | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """The trusted statements about one version; those about others may be among them and do not count."""

    manifest: Signed[ManifestDocument]
    scans: Sequence[Signed[ScanDocument]]
    approvals: Sequence[Signed[ApprovalDocument]]
    rejections: Sequence[Signed[RejectionDocument]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What speaks for a version and against it.

    Attributes:
        revoked: That the version was revoked, as a reason.
        policy: That scans or approvals are under other policies, as a reason.
        case: What approvals must be of.
        chosen: The scans that must pass.
        assessment: The gravest word of those scans; nothing when there is none.
        weighed: Approvals that count, and why others do not.
        needed: How many people must approve.
        rejections: Rejections that stand, as reasons.
        findings: What the policy says of the scans, after waivers.
    """

    revoked: tuple[Reason, ...]
    policy: tuple[Reason, ...]
    case: Case
    chosen: Chosen
    assessment: Assessment | None
    weighed: Weighed
    needed: int
    rejections: tuple[Reason, ...]
    findings: tuple[Reason, ...]

    @property
    def enough(self) -> bool:
        """Whether enough people approve."""
        return len(self.weighed.people) >= self.needed


def judge(about: About, rules: Rules) -> Judgement:
    """What policy and trust root say of the version."""
    policy = rules.policy
    chosen = choose(policy, about.manifest.document, about.scans, rules.now)
    case = _case(about, chosen, rules)
    weighed = weigh(policy, case, about.approvals)
    waived = waived_findings(policy, case, weighed)
    assessment = gravest(chosen.current)
    asked = policy.approvers[assessment or Assessment.SUSPICIOUS]
    return Judgement(
        revoked=tuple(version_reasons(rules.revocations, about.manifest.document)),
        policy=tuple(_other_policies(about, case)),
        case=case,
        chosen=chosen,
        assessment=assessment,
        weighed=weighed,
        needed=max(asked, rules.root.threshold(RoleName.STEWARD)),
        rejections=standing_rejections(case, weighed, about.rejections),
        findings=tuple(reason for scan in chosen.current for reason in scan_reasons(policy, scan.document, waived)),
    )


def _case(about: About, chosen: Chosen, rules: Rules) -> Case:
    manifest = about.manifest.document
    of = (manifest.dataset, manifest.version)
    scanners = (scan.people for scan in about.scans if (scan.document.dataset, scan.document.version) == of)
    return Case(
        dataset=manifest.dataset,
        version=manifest.version,
        manifest_statement=about.manifest.digest,
        scans=frozenset(scan.digest for scan in chosen.current),
        policy_digest=policy_digest(rules.policy),
        purpose=rules.purpose,
        authors=frozenset(about.manifest.people).union(*scanners),
        now=rules.now,
        revocations=rules.revocations,
    )


def _other_policies(about: About, case: Case) -> Iterator[Reason]:
    """That nothing was scanned, or nothing approved, under the policy that holds, though it was under others."""
    for what, said in (("scanned", about.scans), ("approved", about.approvals)):
        digests = {item.document.policy_digest for item in said if _is_of(item.document, case)}
        if digests and case.policy_digest not in digests:
            others = ", ".join(sorted(digest[:12] for digest in digests))
            message = f"the version was {what} under policy {others}, but {case.policy_digest[:12]} holds here"
            yield Reason("policy-differs", message, DENIED, "Scan and approve again under the policy that holds.")


def _is_of(document: ScanDocument | ApprovalDocument, case: Case) -> bool:
    return (document.dataset, document.version) == (case.dataset, case.version)
