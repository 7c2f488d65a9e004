"""Where a version stands under trust root and policy: everything the gate asks, but for log and bytes.

This informs people and chooses references; the gate decides for itself, from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Signed, open_signed
from poisonguard.attest.predicates_v1 import ApprovalDocument, ManifestDocument, RejectionDocument
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.domain.decision import Reason
from poisonguard.domain.result import Assessment, assess
from poisonguard.policy.approvals import Case, Weighed, standing_rejections, waived_findings, weigh
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.store.registry import Stored
from poisonguard.workflow.gate import TRAINING

_GRAVITY = (Assessment.CLEAN, Assessment.DRIFTED, Assessment.SUSPICIOUS)


class State(StrEnum):
    """One word for where a version stands."""

    UNTRUSTED = "untrusted"
    UNSCANNED = "unscanned"
    BLOCKED = "blocked"
    WAITING = "waiting"
    REJECTED = "rejected"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Rules:
    """Under what a version is judged."""

    root: TrustRoot
    policy: Policy
    now: datetime
    purpose: str = TRAINING


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one version stands.

    Attributes:
        manifest: The trusted manifest statement.
        scans: Scans that count: of this version, under this policy, not too old; oldest first.
        older: Trusted scans of this version that do not count.
        weighed: Approvals that count, and why others do not.
        needed: How many people must approve.
        rejections: Rejections that stand, as reasons.
        rejecters: Whose rejections stand, and when they last rejected.
        obstacles: What the policy says against the scans, after waivers.
        case: What approvals must be of.
    """

    manifest: Signed[ManifestDocument]
    scans: tuple[Signed[ScanDocument], ...]
    older: tuple[Signed[ScanDocument], ...]
    weighed: Weighed
    needed: int
    rejections: tuple[Reason, ...]
    rejecters: Mapping[str, datetime]
    obstacles: tuple[Reason, ...]
    case: Case

    @property
    def title(self) -> str:
        """``NAME@N``."""
        release = self.manifest.document.release
        return f"{release.dataset}@{release.number}"

    @property
    def assessment(self) -> Assessment | None:
        """The gravest word of the scans that count; nothing when there is none."""
        return gravest(self.scans) if self.scans else None

    @property
    def state(self) -> State:
        """One word."""
        if self.rejections:
            return State.REJECTED
        if not self.scans:
            return State.UNSCANNED
        if len(self.weighed.people) >= self.needed:
            return State.BLOCKED if self.obstacles else State.APPROVED
        return State.WAITING


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The trusted statements of one version."""

    manifests: tuple[Signed[ManifestDocument], ...]
    scans: tuple[Signed[ScanDocument], ...]
    approvals: tuple[Signed[ApprovalDocument], ...]
    rejections: tuple[Signed[RejectionDocument], ...]


def standing(statements: Sequence[Stored], number: int, rules: Rules) -> Standing | None:
    """Where version ``number`` stands; nothing when its manifest is not trusted.

    Args:
        statements: Every statement of the dataset's version.
        number: Number of the version.
        rules: Trust root, policy, time and purpose.

    Raises:
        IntegrityError: A signature under a known key does not verify.
    """
    found = _sorted(statements, rules.root)
    manifest = next((item for item in found.manifests if item.document.release.number == number), None)
    if manifest is None:
        return None
    scans = tuple(item for item in found.scans if _current(item.document, rules))
    case = _case(manifest, found.scans, scans, rules)
    weighed = weigh(rules.policy, case, found.approvals)
    waived = waived_findings(rules.policy, case, weighed)
    return Standing(
        manifest=manifest,
        scans=scans,
        older=tuple(item for item in found.scans if item not in scans),
        weighed=weighed,
        needed=max(rules.policy.approvers[gravest(scans)], rules.root.threshold(RoleName.STEWARD)),
        rejections=standing_rejections(case, weighed, found.rejections),
        rejecters=_rejecters(case, weighed, found.rejections),
        obstacles=tuple(_obstacles(scans, rules.policy, waived)),
        case=case,
    )


def gravest(scans: Iterable[Signed[ScanDocument]]) -> Assessment:
    """The gravest of what scans and their findings say; the gravest of all when there is none, as at the gate."""
    words = [word for scan in scans for word in (scan.document.assessment, assess(scan.document.findings))]
    return max(words, key=_GRAVITY.index, default=Assessment.SUSPICIOUS)


def _sorted(statements: Sequence[Stored], root: TrustRoot) -> _Sorted:
    manifests: list[Signed[ManifestDocument]] = []
    scans: list[Signed[ScanDocument]] = []
    approvals: list[Signed[ApprovalDocument]] = []
    rejections: list[Signed[RejectionDocument]] = []
    for item in statements:
        match open_signed(parse_envelope(item.envelope), root):
            case Signed(document=ManifestDocument() as document, digest=digest, people=people):
                manifests.append(Signed(document, digest, people))
            case Signed(document=ScanDocument() as document, digest=digest, people=people):
                scans.append(Signed(document, digest, people))
            case Signed(document=ApprovalDocument() as document, digest=digest, people=people):
                approvals.append(Signed(document, digest, people))
            case Signed(document=RejectionDocument() as document, digest=digest, people=people):
                rejections.append(Signed(document, digest, people))
    return _Sorted(tuple(manifests), tuple(scans), tuple(approvals), tuple(rejections))


def _current(scan: ScanDocument, rules: Rules) -> bool:
    same_policy = scan.policy_digest == policy_digest(rules.policy)
    return same_policy and rules.now < scan.scanned + rules.policy.scan_max_age


def _case(
    manifest: Signed[ManifestDocument],
    known: Iterable[Signed[ScanDocument]],
    current: Iterable[Signed[ScanDocument]],
    rules: Rules,
) -> Case:
    return Case(
        dataset=manifest.document.dataset,
        version=manifest.document.version,
        manifest_statement=manifest.digest,
        scans=frozenset(scan.digest for scan in current),
        policy_digest=policy_digest(rules.policy),
        purpose=rules.purpose,
        authors=frozenset(manifest.people).union(*(scan.people for scan in known)),
        now=rules.now,
    )


def _rejecters(case: Case, weighed: Weighed, rejections: Iterable[Signed[RejectionDocument]]) -> Mapping[str, datetime]:
    alone = [replace(signed, people=(person,)) for signed in rejections for person in signed.people]
    latest: dict[str, datetime] = {}
    for signed in alone:
        if standing_rejections(case, weighed, (signed,)):
            (person,) = signed.people
            latest[person] = max(signed.document.created, latest.get(person, signed.document.created))
    return latest


def _obstacles(scans: Iterable[Signed[ScanDocument]], policy: Policy, waived: frozenset[str]) -> Iterable[Reason]:
    for scan in scans:
        document = scan.document
        said = decide_scan(policy, document.outcomes, document.findings, waived, packs=document.packs).reasons
        yield from (reason for reason in said if reason.exit_code)
        # What the scanner said that the policy alone cannot see, as at the gate.
        seen = {reason.code for reason in said} | {"findings"}
        yield from (reason for reason in document.decision.reasons if reason.exit_code and reason.code not in seen)
