"""Where a version stands under trust root and policy: everything the gate asks, but for log and bytes.

This informs people and chooses references; the gate decides for itself, from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Signed, Statements, open_signed
from poisonguard.attest.predicates_v1 import Document, ManifestDocument, RejectionDocument
from poisonguard.attest.revocations_v1 import LogPlace
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.domain.decision import Reason
from poisonguard.domain.result import Assessment
from poisonguard.policy.approvals import Case, Weighed, standing_rejections
from poisonguard.policy.judgement import About, Judgement, Rules, judge
from poisonguard.policy.revoked import stale_reasons
from poisonguard.store.registry import Stored


class State(StrEnum):
    """One word for where a version stands."""

    UNTRUSTED = "untrusted"
    UNSCANNED = "unscanned"
    BLOCKED = "blocked"
    WAITING = "waiting"
    REJECTED = "rejected"
    REVOKED = "revoked"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one version stands.

    Attributes:
        manifest: The trusted manifest statement.
        judged: What policy and trust root say of it.
        older: Trusted scans of this version that do not count; superseded ones among them.
        rejecters: Whose rejections stand, and when they last rejected.
        taken_back: Digests of rejections that do not stand.
        stale: Why nobody can know here what was revoked, as reasons.
    """

    manifest: Signed[ManifestDocument]
    judged: Judgement
    older: tuple[Signed[ScanDocument], ...]
    rejecters: Mapping[str, datetime]
    taken_back: frozenset[str] = frozenset()
    stale: tuple[Reason, ...] = ()

    @property
    def title(self) -> str:
        """``NAME@N``."""
        release = self.manifest.document.release
        return f"{release.dataset}@{release.number}"

    @property
    def case(self) -> Case:
        """What approvals must be of."""
        return self.judged.case

    @property
    def scans(self) -> tuple[Signed[ScanDocument], ...]:
        """Scans that must pass: of this version, under this policy, not too old, not done over; oldest first."""
        return self.judged.chosen.current

    @property
    def superseded(self) -> tuple[Signed[ScanDocument], ...]:
        """Scans that were done over."""
        return self.judged.chosen.superseded

    @property
    def weighed(self) -> Weighed:
        """Approvals that count, and why others do not."""
        return self.judged.weighed

    @property
    def consenting(self) -> frozenset[str]:
        """Who approves and did not reject it since."""
        return self.weighed.people.difference(self.rejecters)

    @property
    def needed(self) -> int:
        """How many people must approve."""
        return self.judged.needed

    @property
    def obstacles(self) -> tuple[Reason, ...]:
        """What speaks against the version, whoever approves: a revocation, and after waivers the scans."""
        chosen = self.judged.chosen.reasons if self.scans else ()
        said = (*self.judged.revoked, *chosen, *self.judged.findings)
        return tuple(reason for reason in said if reason.exit_code)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What speaks against the version here, whoever approves: old news of revocations, and obstacles."""
        return (*self.stale, *self.obstacles)

    @property
    def assessment(self) -> Assessment | None:
        """The gravest word of the scans that count; nothing when there is none."""
        return self.judged.assessment

    @property
    def state(self) -> State:
        """One word: what the gate would say."""
        return State.BLOCKED if self.stale and self.settled is State.APPROVED else self.settled

    @property
    def settled(self) -> State:
        """One word: what people decided, though nobody may know here what was revoked meanwhile."""
        if self.judged.revoked:
            return State.REVOKED
        if self.judged.rejections:
            return State.REJECTED
        if not self.scans:
            return State.UNSCANNED
        if self.judged.enough:
            return State.BLOCKED if self.obstacles else State.APPROVED
        return State.WAITING


def standing(statements: Sequence[Stored], number: int, rules: Rules) -> Standing | None:
    """Where version ``number`` stands; nothing when its manifest is not trusted.

    Args:
        statements: Every statement of the dataset's version.
        number: Number of the version.
        rules: Trust root, policy, time and purpose.

    Raises:
        IntegrityError: A signature under a known key does not verify.
    """
    return _standing(Statements.of(_opened(statements, rules)), number, rules)


def once_approved(statements: Sequence[Stored], number: int, rules: Rules) -> Standing | None:
    """Where version ``number`` stood when it was approved; nothing when it never was, or was revoked or rejected since.

    Approvals and scans age; that a version was approved, when it was approved, does not. What was signed later does
    not count, but for revocations and rejections. Trust root and policy are those that hold now.

    Raises:
        IntegrityError: A signature under a known key does not verify.
    """
    found = Statements.of(_opened(statements, rules))
    begins = {max(item.document.created, item.document.not_before) for item in found.approvals}
    for when in sorted((time for time in begins if time <= rules.now), reverse=True):
        scans = tuple(item for item in found.scans if item.document.created <= when)
        stood = _standing(replace(found, scans=scans), number, replace(rules, now=when))
        if stood is not None and stood.settled is State.APPROVED:
            return stood
    return None


def _standing(found: Statements, number: int, rules: Rules) -> Standing | None:
    manifest = next((item for item in found.manifests if item.document.release.number == number), None)
    if manifest is None:
        return None
    judged = judge(About(manifest, found.scans, found.approvals, found.rejections), rules)
    return Standing(
        manifest=manifest,
        judged=judged,
        older=tuple(item for item in found.scans if item not in judged.chosen.current),
        rejecters=_rejecters(judged, found.rejections),
        taken_back=_taken_back(judged, found.rejections),
        stale=tuple(stale_reasons(rules.root, rules.revocations, rules.now)),
    )


def _opened(statements: Iterable[Stored], rules: Rules) -> Iterator[Signed[Document]]:
    for item in statements:
        place = LogPlace(rules.origin, item.position)
        signed = open_signed(parse_envelope(item.envelope), rules.root, revocations=rules.revocations, place=place)
        if isinstance(signed, Signed):
            yield signed


def _rejecters(judged: Judgement, rejections: Iterable[Signed[RejectionDocument]]) -> Mapping[str, datetime]:
    alone = [replace(signed, people=(person,)) for signed in rejections for person in signed.people]
    latest: dict[str, datetime] = {}
    for signed in alone:
        if standing_rejections(judged.case, judged.weighed, (signed,)):
            (person,) = signed.people
            latest[person] = max(signed.document.created, latest.get(person, signed.document.created))
    return latest


def _taken_back(judged: Judgement, rejections: Iterable[Signed[RejectionDocument]]) -> frozenset[str]:
    return frozenset(
        signed.digest for signed in rejections if not standing_rejections(judged.case, judged.weighed, (signed,))
    )
