"""Approve or reject a version: a steward signs exactly what they were shown.

Rules:

1. Only a trusted, published version with a scan under the policy, not too old, and not revoked, can be approved.
2. Whoever signs is a steward for the dataset, and neither published nor scanned the version.
3. A steward who rejected a version approves it only by saying so (``supersede``).
4. Only findings that the scan holds, and that the policy lets anybody waive, can be waived; a waiver ends with the
   approval, or before it when the policy or whoever signs says so.
5. What is signed is what was reviewed: an approval names the manifest statement, every scan statement shown and
   the policy; if the registry changed in between, nothing is signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from poisonguard.attest.keys import Signer
from poisonguard.attest.predicates_v1 import ApprovalDocument, ManifestDocument, RejectionDocument, Waiver
from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import RoleName
from poisonguard.domain.decision import Reason
from poisonguard.errors import GateFailed, UnknownVersion, UsageError
from poisonguard.policy.approvals import Consent as Given
from poisonguard.policy.approvals import ends_of
from poisonguard.policy.judgement import Rules
from poisonguard.policy.model import Policy
from poisonguard.store.registry import Reader, Writer
from poisonguard.workflow.changes import file_changes
from poisonguard.workflow.context import (
    NamedVersion,
    approved_before,
    policy_in_force,
    resolve_version,
    rules_in_force,
    standing_of,
)
from poisonguard.workflow.gate import TRAINING
from poisonguard.workflow.publish import require_role, signed_statement
from poisonguard.workflow.standing import Standing
from poisonguard.workflow.workspace import Workspace

LONGEST = timedelta(days=3653)
"""Ten years: nobody answers for longer; the policy usually allows far less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed between the last approved version and the one under review, by file.

    Attributes:
        since: The last approved version, ``NAME@N``.
        added: Paths that are new.
        removed: Paths that are gone.
        changed: Paths whose bytes differ.
        rows: Rows more (or, negative, fewer).
        columns: Whether the columns differ.
    """

    since: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    rows: int
    columns: bool


@dataclass(frozen=True, slots=True)
class Review:
    """What a steward looks at before they sign.

    Attributes:
        named: The version.
        standing: Where it stands.
        difference: What changed since the last approved version; nothing when there is none.
        rules: Under what it was judged.
    """

    named: NamedVersion
    standing: Standing
    difference: Difference | None
    rules: Rules

    @property
    def findings(self) -> tuple[FindingRecord, ...]:
        """Findings of the scans that count, each once."""
        found = {item.fingerprint: item for scan in self.standing.scans for item in scan.document.findings}
        return tuple(found.values())

    @property
    def verdict(self) -> tuple[Reason, ...]:
        """What speaks against the version, after the waivers given so far."""
        return self.standing.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a steward says.

    Attributes:
        reason: Why.
        lifetime: How long it holds.
        not_before: From when; now when not given.
        purpose: What for.
        waive: Fingerprint to justification.
        waive_for: How long waivers hold; as long as the approval and the policy let them when not given.
        supersede: Whether it takes back an earlier rejection of theirs.
    """

    reason: str
    lifetime: timedelta
    not_before: datetime | None = None
    purpose: str = TRAINING
    waive: dict[str, str] = field(default_factory=dict)
    waive_for: timedelta | None = None
    supersede: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What was signed, and where the version stands now.

    Attributes:
        digest: Digest of the statement.
        person: Who signed.
        standing: Where the version stands now.
        until: Until when an approval holds.
        waived_until: Until when its waivers hold, if there are any.
        replaced: The earlier approval by the same person that no longer counts, if there is one.
    """

    digest: str
    person: str
    standing: Standing
    until: datetime | None = None
    waived_until: datetime | None = None
    replaced: Given | None = None


def review(
    workspace: Workspace, text: str, now: datetime, *, policy: Policy | None = None, purpose: str = TRAINING
) -> Review:
    """The version that ``text`` names, as a steward should see it.

    Raises:
        UnknownVersion: There is none, or its manifest is not trusted.
    """
    with workspace.registry.read() as reader:
        rules = _rules(workspace, reader, policy or policy_in_force(), now, purpose)
        named = resolve_version(reader, text)
        found = _trusted(reader, named, rules)
        return Review(named, found, _difference(reader, found, rules), rules)


def check_approval(reviewed: Review, signers: Sequence[Signer], consent: Consent) -> None:
    """Refuse what could not be signed whatever the review shows: before anybody reads it for nothing.

    Raises:
        UsageError: The signer is no steward here, or they are several, or give no reason or no sensible time.
        GateFailed: The signer is an author.
    """
    _check_said(consent)
    _steward(reviewed.standing, reviewed.rules, signers)


def check_rejection(reviewed: Review, signers: Sequence[Signer], reason: str) -> None:
    """Refuse what could not be signed whatever the review shows.

    Raises:
        UsageError: The signer is no steward here, or they are several, or give no reason.
    """
    _check_reason(reason)
    _one_steward(reviewed.standing, reviewed.rules, signers)


def approve(
    workspace: Workspace, reviewed: Review, signers: Sequence[Signer], consent: Consent, now: datetime
) -> Decided:
    """Sign an approval of what was reviewed with the keys of one steward, and append it.

    Raises:
        UsageError: The signer is no steward here, or they are several, rejected the version before, or waives what
            cannot be waived.
        GateFailed: There is no scan to rest on, the signer is an author, or the version changed since the review.
    """
    _check_said(consent)
    with workspace.registry.write() as writer:
        rules = _rules(workspace, writer, reviewed.rules.policy, now, consent.purpose)
        found = _unchanged(writer, reviewed, rules)
        person = _steward(found, rules, signers)
        _check_approvable(found, person, consent)
        document = _approval(found, rules, consent)
        statement = signed_statement(document, signers)
        writer.append([statement], workspace.checkpoint_signer())
        after = _trusted(writer, reviewed.named, rules)
    return Decided(
        digest=statement.payload_digest,
        person=person,
        standing=after,
        until=ends_of(rules.policy, document),
        waived_until=min((item.expires for item in document.waivers), default=None),
        replaced=_replaced(found, document, person),
    )


def reject(workspace: Workspace, reviewed: Review, signers: Sequence[Signer], reason: str, now: datetime) -> Decided:
    """Sign a rejection of what was reviewed with the keys of one steward, and append it.

    A version need not be scanned to be rejected.

    Raises:
        UsageError: The signer is no steward here, or gives no reason.
        GateFailed: The version changed since the review.
    """
    _check_reason(reason)
    with workspace.registry.write() as writer:
        rules = _rules(workspace, writer, reviewed.rules.policy, now, TRAINING)
        found = _unchanged(writer, reviewed, rules)
        person = _one_steward(found, rules, signers)
        document = RejectionDocument(
            dataset=found.case.dataset,
            version=found.case.version,
            manifest_statement=found.case.manifest_statement,
            scan_statements=tuple(sorted(found.case.scans)),
            policy_digest=found.case.policy_digest,
            reason=reason,
            created=rules.now,
            nonce=secrets.token_hex(16),
        )
        statement = signed_statement(document, signers)
        writer.append([statement], workspace.checkpoint_signer())
        after = _trusted(writer, reviewed.named, rules)
    return Decided(statement.payload_digest, person, after)


def _rules(workspace: Workspace, reader: Reader, policy: Policy, now: datetime, purpose: str) -> Rules:
    return replace(rules_in_force(workspace, reader, policy, now), purpose=purpose)


def _trusted(reader: Reader, named: NamedVersion, rules: Rules) -> Standing:
    found = standing_of(reader, named, rules)
    if found is None:
        raise UnknownVersion(
            f"{named.title} was published by nobody who may", hint="See 'poisonguard trust show' for the publishers."
        )
    return found


def _unchanged(writer: Writer, reviewed: Review, rules: Rules) -> Standing:
    found = _trusted(writer, reviewed.named, rules)
    shown = reviewed.standing.case
    if (found.case.manifest_statement, found.case.scans) != (shown.manifest_statement, shown.scans):
        raise GateFailed(
            f"{found.title} changed since it was shown: it was scanned again, or a scan became too old",
            hint="Look at it again, then sign.",
        )
    return found


def _one_steward(found: Standing, rules: Rules, signers: Sequence[Signer]) -> str:
    """Several keys may sign, of different kinds, but they are one person's: everybody signs for themselves."""
    people = require_role(rules.root, signers, RoleName.STEWARD, found.case.dataset, rules.revocations)
    if len(people) != 1:
        raise UsageError(f"the keys are of {len(people)} people", hint="Each steward runs the command on their own.")
    return people[0]


def _steward(found: Standing, rules: Rules, signers: Sequence[Signer]) -> str:
    person = _one_steward(found, rules, signers)
    if person in found.case.authors:
        raise GateFailed(
            f"{person} published or scanned {found.title} and cannot approve it",
            hint="Separation of duties: another steward must approve.",
        )
    return person


def _check_approvable(found: Standing, person: str, consent: Consent) -> None:
    for reason in found.judged.revoked:
        raise GateFailed(f"{reason.message}; it cannot be approved", hint=reason.hint)
    if not found.scans:
        raise GateFailed(_no_scan(found), hint="Run 'poisonguard scan DATA --sign KEY' under the same policy first.")
    rejected = found.rejecters.get(person)
    if rejected is not None and not consent.supersede:
        raise UsageError(f"{person} rejected {found.title} before", hint="To take that back, add --supersede.")
    if rejected is not None and found.case.now <= rejected:
        # Signed times count whole seconds; an approval of the same second would not be later.
        raise UsageError(f"{person} rejected {found.title} this very second", hint="Try again in a second.")


def _no_scan(found: Standing) -> str:
    if not found.older:
        return f"{found.title} has no trusted scan result"
    last = max(item.document.scanned for item in found.older)
    return f"{found.title} has no scan under this policy that is recent enough; the last is of {format_time(last)}"


def _approval(found: Standing, rules: Rules, consent: Consent) -> ApprovalDocument:
    begins = consent.not_before or rules.now
    if begins - rules.now > LONGEST:
        raise UsageError("an approval begins within ten years", hint="See --not-before.")
    expires = begins + consent.lifetime
    return ApprovalDocument(
        dataset=found.case.dataset,
        version=found.case.version,
        manifest_statement=found.case.manifest_statement,
        scan_statements=tuple(sorted(found.case.scans)),
        policy_digest=found.case.policy_digest,
        reason=consent.reason,
        purpose=consent.purpose,
        created=rules.now,
        not_before=begins,
        expires=expires,
        nonce=secrets.token_hex(16),
        waivers=tuple(_waivers(found, rules, consent, expires)),
    )


def _replaced(found: Standing, document: ApprovalDocument, person: str) -> Given | None:
    """What the same person said before, unless the new approval begins later and leaves it in force until then."""
    said = [item for item in found.weighed.counted if person in item.people]
    return said[-1] if said and document.not_before <= document.created else None


def _waivers(found: Standing, rules: Rules, consent: Consent, expires: datetime) -> Sequence[Waiver]:
    if consent.waive_for is not None and not consent.waive:
        raise UsageError("nothing is waived whose end could be set", hint="Give --waive FINGERPRINT=WHY as well.")
    findings = {item.fingerprint: item for scan in found.scans for item in scan.document.findings}
    for fingerprint, justification in consent.waive.items():
        if fingerprint not in findings:
            raise UsageError(
                f"{found.title} has no finding {fingerprint!r}",
                hint="Fingerprints are in the report and in the review.",
            )
        if not justification.strip():
            raise UsageError(f"no reason is given for waiving {fingerprint}", hint="--waive FINGERPRINT=WHY")
        if not rules.policy.waivers.allows(findings[fingerprint].check):
            raise UsageError(
                f"policy {rules.policy.name!r} lets nobody waive findings of {findings[fingerprint].check}",
                hint="Mend the data instead.",
            )
    longest = rules.policy.waivers.max_age
    until = min(expires, rules.now + min(longest, consent.waive_for or longest))
    return [Waiver(name, consent.waive[name], until) for name in sorted(consent.waive)]


def _difference(reader: Reader, found: Standing, rules: Rules) -> Difference | None:
    release = found.manifest.document.release
    before = approved_before(reader, release.dataset, release.number, rules)
    if before is None:
        return None
    return _compare(reader, before.title, before.manifest.document, found.manifest.document)


def _compare(reader: Reader, since: str, before: ManifestDocument, after: ManifestDocument) -> Difference:
    old, new = before.manifest, after.manifest
    changes = list(file_changes(reader.listing(before.version, old), reader.listing(after.version, new)))
    return Difference(
        since=since,
        added=tuple(item.path for item in changes if item.before is None),
        removed=tuple(item.path for item in changes if item.after is None),
        changed=tuple(item.path for item in changes if item.before is not None and item.after is not None),
        rows=new.rows - old.rows,
        columns=new.columns != old.columns,
    )


def _check_said(consent: Consent) -> None:
    _check_reason(consent.reason)
    if not timedelta(0) < consent.lifetime <= LONGEST:
        raise UsageError("an approval holds for one second to ten years", hint="For example --expires 90d.")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("no reason is given", hint="Say why in a sentence: --reason TEXT.")
