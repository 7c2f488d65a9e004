"""The story of one version, told from the log: who published, scanned, approved, used and revoked it, and when.

Rules:

1. Everything is told in the order of the log, with the time that each statement gives itself.
2. What does not count is told too, with the reason why it does not.
3. A list of revocations is told where it first names the version, one of its approvals, or a key that signed for it.
4. A later version of the dataset is told, since it may take this one's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    ReceiptDocument,
    RejectionDocument,
    RevocationsDocument,
    document_of,
)
from poisonguard.attest.revocations_v1 import LogPlace
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Reason
from poisonguard.domain.wording import count, counts
from poisonguard.errors import IntegrityError
from poisonguard.policy.approvals import ends_of
from poisonguard.policy.judgement import Rules
from poisonguard.policy.model import Policy
from poisonguard.store.log import RESTORE
from poisonguard.store.registry import Kind, Reader, Stored
from poisonguard.workflow.context import NamedVersion, resolve_version, rules_in_force, standing_of
from poisonguard.workflow.standing import Standing, State
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a version; texts are raw.

    Attributes:
        position: Place in the log.
        time: When, as the statement says.
        what: One word: published, scanned, approved, rejected, trained, revoked, superseded.
        people: Who signed, entitled or not.
        text: What they said.
        details: More of it, a line each.
        problem: Why it does not count; empty when it does.
        statement: Digest of the statement.
    """

    position: int
    time: datetime
    what: str
    people: tuple[str, ...]
    text: str
    statement: str
    details: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "position": self.position,
            "time": format_time(self.time),
            "what": self.what,
            "by": list(self.people),
            "text": self.text,
            "details": list(self.details),
            "problem": self.problem,
            "statement": self.statement,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """What the log tells of a version.

    Attributes:
        named: The version.
        standing: Where it stands; nothing when its manifest is not trusted.
        events: What happened, oldest first.
    """

    named: NamedVersion
    standing: Standing | None
    events: tuple[Event, ...]

    @property
    def state(self) -> State:
        """Where it stands, in one word."""
        return self.standing.state if self.standing is not None else State.UNTRUSTED

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What speaks against it, whoever approves."""
        return self.standing.reasons if self.standing is not None else ()

    def to_json(self) -> dict[str, Any]:
        """As JSON, schema ``poisonguard-story/v1``."""
        return {
            "schema": "poisonguard-story/v1",
            "dataset": self.named.dataset,
            "number": self.named.number,
            "version": self.named.version,
            "state": str(self.state),
            "reasons": [{"code": item.code, "message": item.message, "hint": item.hint} for item in self.reasons],
            "events": [event.to_json() for event in self.events],
        }


def tell(workspace: Workspace, text: str, policy: Policy, now: datetime) -> Story:
    """The story of the version that ``text`` names.

    Raises:
        UnknownVersion: There is none.
        IntegrityError: Registry or trust root are not what was written.
        GateFailed: The trust root has expired.
    """
    with workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, policy, now)
        named = resolve_version(reader, text)
        found = standing_of(reader, named, rules)
        teller = _Teller(named, rules, found)
        events = sorted(teller.events(reader), key=lambda event: event.position)
    return Story(named, found, tuple(events))


@dataclass(slots=True)
class _Teller:
    """Tells one statement after the other.

    Attributes:
        named: The version.
        rules: Trust root, policy, time and revocations.
        found: Where it stands; nothing when its manifest is not trusted.
        approvals: Digests of the version's approvals.
        keys: Ids of keys that signed for the version.
    """

    named: NamedVersion
    rules: Rules
    found: Standing | None
    approvals: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def events(self, reader: Reader) -> Iterator[Event]:
        """Everything that concerns the version."""
        for item in reader.statements(dataset=self.named.dataset, version=self.named.version):
            if item.number in {None, self.named.number}:
                yield self._event(item)
        for item in reader.statements(Kind.MANIFEST, dataset=self.named.dataset):
            if item.number is not None and item.number > self.named.number:
                yield self._event(item)
        yield from self._revocations(reader.statements(Kind.REVOCATIONS))

    def _event(self, item: Stored) -> Event:
        envelope = parse_envelope(item.envelope)
        if item.version == self.named.version:
            self.keys |= {signature.keyid for signature in envelope.signatures}
        document = document_of(parse_statement(envelope.payload))
        what, text, details = self._words(document, envelope.digest)
        return Event(
            position=item.position,
            time=document.created,
            what=what,
            people=_signers(envelope, self.rules, item),
            text=text,
            details=details,
            problem=_problem(envelope, self.rules, item) or self._weakness(envelope.digest),
            statement=envelope.digest,
        )

    def _weakness(self, digest: str) -> str:
        """Why a statement by entitled people does not count."""
        if self.found is None:
            return ""
        weak = {item.digest: item.problem for item in self.found.weighed.aside}
        weak |= {scan.digest: "under another policy, or too old" for scan in self.found.older}
        weak |= {scan.digest: "done over" for scan in self.found.superseded}
        weak |= dict.fromkeys(self.found.taken_back, "taken back since")
        gone = (item for item in self.found.weighed.counted if self.found.consenting.isdisjoint(item.people))
        weak |= {item.digest: "they rejected it since" for item in gone}
        return weak.get(digest, "")

    def _words(self, document: Document, digest: str) -> tuple[str, str, tuple[str, ...]]:
        match document:
            case ManifestDocument():
                return self._publication(document)
            case ScanDocument():
                found = count(len(document.findings), "finding")
                return "scanned", f"{document.assessment}, {found}, pack {document.pack}", ()
            case ApprovalDocument():
                self.approvals.add(digest)
                until = format_time(ends_of(self.rules.policy, document))
                waived = (
                    f"waived {item.finding} until {format_time(item.expires)}: {item.justification}"
                    for item in document.waivers
                )
                return "approved", f"for {document.purpose} until {until}: {document.reason}", tuple(waived)
            case RejectionDocument():
                return "rejected", document.reason, ()
            case ReceiptDocument():
                reads = document.reads
                how_much = "all" if reads.complete else "some"
                text = f"{how_much} chunks, of {counts(file=reads.files, byte=reads.size)}, for {document.purpose}"
                return "trained on", f"{document.status}: {text}", ()
            case RevocationsDocument():
                raise IntegrityError("a list of revocations is filed under a version", hint=RESTORE)

    def _publication(self, document: ManifestDocument) -> tuple[str, str, tuple[str, ...]]:
        if document.release.number != self.named.number:
            return "superseded", f"a newer version was published: {document.dataset}@{document.release.number}", ()
        content = document.manifest
        return "published", counts(file=content.file_count, byte=content.size, row=content.rows), ()

    def _revocations(self, lists: Sequence[Stored]) -> Iterator[Event]:
        told: set[str] = set()
        for item in lists:
            envelope = parse_envelope(item.envelope)
            document = document_of(parse_statement(envelope.payload))
            if not isinstance(document, RevocationsDocument):
                continue
            for text in self._taken_back(document):
                if text not in told:
                    told.add(text)
                    yield Event(
                        position=item.position,
                        time=document.created,
                        what="revoked",
                        people=_signers(envelope, self.rules, item),
                        text=text,
                        problem=_problem(envelope, self.rules, item),
                        statement=envelope.digest,
                    )

    def _taken_back(self, document: RevocationsDocument) -> Iterator[str]:
        """What a list takes back of this version."""
        version = document.of_version(self.named.dataset, self.named.version)
        if version is not None:
            yield f"the version: {version.reason}"
        for approval in document.approvals:
            if approval.statement in self.approvals:
                yield f"approval {approval.statement[:16]}: {approval.reason}"
        for key in document.keys:
            if key.keyid in self.keys:
                yield f"key {key.keyid[:16]} from {format_time(key.since)} on: {key.reason}"


def _problem(envelope: Envelope, rules: Rules, item: Stored) -> str:
    place = LogPlace(rules.origin, item.position)
    signed = open_signed(envelope, rules.root, revocations=rules.revocations, place=place)
    return signed.problem if isinstance(signed, Unentitled) else ""


def _signers(envelope: Envelope, rules: Rules, item: Stored) -> tuple[str, ...]:
    return tuple(sorted(rules.root.signers(envelope, what=f"statement {item.position}")))
