"""Which approvals count, and whether they are enough. Pure.

An approval counts when every rule holds; the first that does not is its reason, by a stable code:

========================== =====================================================================
code                       meaning
========================== =====================================================================
``approval-other-version`` it is of another dataset, version or manifest statement
``approval-revoked``       it was revoked
``approval-other-policy``  it was given under another policy
``approval-other-scan``    it rests on a scan that is not among the trusted, current ones
``approval-other-purpose`` it was given for another purpose
``approval-from-future``   it was signed, or begins, after now
``approval-expired``       its end has come, or the policy's longest age has passed
``approval-by-author``     only people who published or scanned the version signed it
``approval-superseded``    everybody who signed it approved the version anew since
========================== =====================================================================

The last word of a steward counts: of somebody's approvals of one version, for one purpose and under one policy, the
latest that has begun replaces the earlier ones, for good. So an approval that held longer or waived more does not
outlive a later, narrower one, though the latter was revoked or has expired; and one that begins next month leaves
this month's in force. Later is by the time of signing, and of two in one second by their place in the log.

People are counted, not approvals and not keys. A finding is waived when as many of the counted people as the
policy asks for waive it, by waivers that have not ended and were not given for longer than the policy allows.
A rejection stands until the same person approves the version at a later time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ApprovalDocument, RejectionDocument, RevocationsDocument, Waiver
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Reason
from poisonguard.policy.model import Policy

DENIED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What approvals must be of, to count.

    Attributes:
        dataset: Name of the dataset.
        version: Name of the version.
        manifest_statement: Digest of the manifest statement.
        scans: Digests of the trusted, current scans of this version.
        policy_digest: Digest of the policy.
        purpose: What the data is wanted for.
        authors: People who published or scanned the version.
        now: The time.
        revocations: The list of revocations that holds, if there is one.
    """

    dataset: str
    version: str
    manifest_statement: str
    scans: frozenset[str]
    policy_digest: str
    purpose: str
    authors: frozenset[str]
    now: datetime
    revocations: RevocationsDocument | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """An approval that counts, and the people it counts for."""

    approval: ApprovalDocument
    digest: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """An approval that does not count, by the digest of its statement, and why."""

    digest: str
    code: str
    problem: str
    people: tuple[str, ...]

    @property
    def reason(self) -> Reason:
        """As a reason."""
        who = ", ".join(self.people)
        return Reason(self.code, f"the approval by {who} does not count: {self.problem}", DENIED, _hint(self.code))


@dataclass(frozen=True, slots=True)
class Weighed:
    """Approvals, sorted into those that count and those that do not."""

    counted: tuple[Consent, ...]
    aside: tuple[Aside, ...]

    @property
    def set_aside(self) -> tuple[Reason, ...]:
        """Why approvals do not count."""
        return tuple(item.reason for item in self.aside)

    @property
    def people(self) -> frozenset[str]:
        """Everybody who consents."""
        return frozenset(person for consent in self.counted for person in consent.people)


def weigh(policy: Policy, case: Case, approvals: Sequence[Signed[ApprovalDocument]]) -> Weighed:
    """Sort approvals, given in the order of the log, into those that count and those that do not."""
    counted: list[Consent] = []
    aside: list[Aside] = []
    latest = _latest(case, approvals)
    for signed in approvals:
        people = tuple(person for person in signed.people if person not in case.authors)
        last = tuple(person for person in people if latest.get(person, signed) is signed)
        problem = _mismatch(case, signed) or _untimely(policy, case, signed.document)
        if not problem and not people:
            problem = ("approval-by-author", "they published or scanned this version themselves")
        if not problem and not last:
            problem = ("approval-superseded", "they approved it anew since")
        if problem:
            aside.append(Aside(signed.digest, *problem, signed.people))
        else:
            counted.append(Consent(signed.document, signed.digest, last))
    return Weighed(tuple(counted), tuple(aside))


def waived_findings(policy: Policy, case: Case, weighed: Weighed) -> frozenset[str]:
    """Fingerprints that enough of the counted people waive."""
    pairs = {
        (waiver.finding, person)
        for consent in weighed.counted
        for waiver in consent.approval.waivers
        if _holds(policy, case, consent.approval, waiver)
        for person in consent.people
    }
    votes = Counter(finding for finding, _ in pairs)
    return frozenset(finding for finding, count in votes.items() if count >= policy.waivers.approvers)


def standing_rejections(
    case: Case, weighed: Weighed, rejections: Sequence[Signed[RejectionDocument]]
) -> tuple[Reason, ...]:
    """Rejections of this version that nobody has taken back."""
    later = {person: consent.approval.created for consent in weighed.counted for person in consent.people}
    return tuple(
        Reason(
            "rejected",
            f"{person} rejected this version on {format_time(signed.document.created)}: {signed.document.reason}",
            DENIED,
            "Publish a mended version, or let the same steward approve this one.",
        )
        for signed in rejections
        if (signed.document.dataset, signed.document.version) == (case.dataset, case.version)
        for person in signed.people
        if person not in later or later[person] <= signed.document.created
    )


def _latest(case: Case, approvals: Iterable[Signed[ApprovalDocument]]) -> Mapping[str, Signed[ApprovalDocument]]:
    """Everybody's last word on this version, for this purpose and under this policy."""
    wanted = (case.dataset, case.version, case.purpose, case.policy_digest)
    latest: dict[str, Signed[ApprovalDocument]] = {}
    for signed in sorted(approvals, key=lambda item: item.document.created):  # stable: within a second, by the log
        said = signed.document
        if (said.dataset, said.version, said.purpose, said.policy_digest) == wanted and _begins(said) <= case.now:
            latest |= dict.fromkeys(signed.people, signed)
    return latest


def _mismatch(case: Case, signed: Signed[ApprovalDocument]) -> tuple[str, str] | None:
    approval = signed.document
    of = (approval.dataset, approval.version, approval.manifest_statement)
    if of != (case.dataset, case.version, case.manifest_statement):
        return "approval-other-version", f"it is of {approval.dataset} {approval.version[:16]}"
    revoked = case.revocations.of_approval(signed.digest) if case.revocations else None
    if revoked is not None:
        return "approval-revoked", f"it was revoked on {format_time(revoked.revoked)}: {revoked.reason}"
    if approval.policy_digest != case.policy_digest:
        return "approval-other-policy", f"it was given under policy {approval.policy_digest[:12]}"
    if not case.scans.issuperset(approval.scan_statements):
        return "approval-other-scan", "it rests on a scan that is not trusted and current here"
    if approval.purpose != case.purpose:
        return "approval-other-purpose", f"it was given for {approval.purpose!r}, not {case.purpose!r}"
    return None


def _untimely(policy: Policy, case: Case, approval: ApprovalDocument) -> tuple[str, str] | None:
    begins = _begins(approval)
    if case.now < begins:
        return "approval-from-future", f"it begins on {format_time(begins)}"
    ends = ends_of(policy, approval)
    if case.now >= ends:
        return "approval-expired", f"it ended on {format_time(ends)}"
    return None


def _begins(approval: ApprovalDocument) -> datetime:
    return max(approval.created, approval.not_before)


def ends_of(policy: Policy, approval: ApprovalDocument) -> datetime:
    """When an approval ends: by its own word or the policy's, whichever comes first."""
    return min(approval.expires, approval.created + policy.approval_max_age)


def _hint(code: str) -> str:
    match code:
        case "approval-by-author":
            return "Let a steward approve who neither published nor scanned it."
        case "approval-from-future":
            return "Wait until then, or let the steward approve it from now on."
        case "approval-superseded":
            return "The later approval by the same person holds."
        case _:
            return "Let the steward look at this version and approve it as it is wanted here."


def _holds(policy: Policy, case: Case, approval: ApprovalDocument, waiver: Waiver) -> bool:
    return case.now < min(waiver.expires, approval.created + policy.waivers.max_age)
