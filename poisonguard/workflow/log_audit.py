"""Audit the whole registry, from the first leaf to the last.

Rules:

1. Every leaf is the statement that was appended, every checkpoint ever signed is the root of its leaves.
2. The log starts with a trust root; each later one follows from the one before, and one of them is pinned here.
3. Every statement was signed by people who were entitled when it was logged.
4. What the registry's index says of a statement is what the statement says.
5. The listing of files of every version is whole, and the one that its manifest binds.
6. Version numbers of a dataset only rise.
7. A checkpoint that somebody kept must still be a prefix of the log.
8. Each list of revocations follows from the one before; what a revoked key signs after that counts as unentitled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.keys import PublicKey
from poisonguard.attest.predicates_v1 import (
    Document,
    ManifestDocument,
    ReceiptDocument,
    RevocationsDocument,
    ScanDocument,
    document_of,
)
from poisonguard.attest.revocations_v1 import LogPlace
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import RoleName, TrustedRoot, TrustRoot, establish, open_envelope, pin_of
from poisonguard.errors import IntegrityError
from poisonguard.store import log
from poisonguard.store.kept import check_kept
from poisonguard.store.registry import Kind, Reader, Stored
from poisonguard.workflow.index import check_filed
from poisonguard.workflow.notary import check_note
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit went over and found sound.

    Attributes:
        origin: Name of the log.
        statements: Statements in the log.
        checkpoints: Signed checkpoints.
        kept: Checkpoints kept elsewhere that were compared.
        root: Hex root of the log.
        trust_version: Version of the newest trust root.
        absent: Reports and profiles that scans name and that are not kept here.
    """

    origin: str
    statements: int
    checkpoints: int
    kept: int
    root: str
    trust_version: int
    absent: int

    def to_json(self) -> dict[str, Any]:
        """As JSON, schema ``poisonguard-audit/v1``."""
        return {
            "schema": "poisonguard-audit/v1",
            "origin": self.origin,
            "statements": self.statements,
            "checkpoints": self.checkpoints,
            "kept": self.kept,
            "root": self.root,
            "trustRootVersion": self.trust_version,
            "absent": self.absent,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of the log, for people; texts are raw.

    Attributes:
        position: Place in the log.
        kind: What it is.
        subject: What it speaks of.
        time: When, as the statement says; nothing for a trust root, which says none.
        people: Who signed it, entitled or not.
        digest: Digest of its payload.
    """

    position: int
    kind: str
    subject: str
    time: datetime | None
    people: tuple[str, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "position": self.position,
            "kind": self.kind,
            "subject": self.subject,
            "time": None if self.time is None else format_time(self.time),
            "by": list(self.people),
            "digest": self.digest,
        }


def audit(workspace: Workspace, kept: Sequence[bytes] = ()) -> AuditReport:
    """Go over everything.

    Args:
        workspace: Whose registry.
        kept: Signed checkpoints that somebody kept from earlier.

    Raises:
        IntegrityError: A rule of this module is broken; the message names the first statement that breaks it.
    """
    origin = workspace.origin
    with workspace.registry.read() as reader:
        root = workspace.newest_root(reader).root
        keys = log_keys(reader) or root.keys_of(RoleName.LOG)

        done = log.audit(reader.connection, partial(check_note, keys=keys, origin=origin))
        _check_newest(reader, root, origin)
        walk = _check_statements(workspace, reader)
        absent = check_kept(reader.connection, walk.versions, walk.digests)
        for note in kept:
            _check_kept(reader, note, keys, origin)
    return AuditReport(origin, done.leaves, done.checkpoints, len(kept), done.root.hex(), root.version, absent)


def entries(workspace: Workspace) -> tuple[Entry, ...]:
    """The log, oldest first, signatures checked but entitlement not judged."""
    with workspace.registry.read() as reader:
        root = workspace.newest_root(reader).root
        return tuple(_entry(item, root) for item in reader.each())


def newest_checkpoint(workspace: Workspace) -> str:
    """The newest signed checkpoint, to be kept by an auditor.

    Raises:
        IntegrityError: The log is empty or was altered.
    """
    with workspace.registry.read() as reader:
        checkpoint = reader.checkpoint()
    if checkpoint is None:
        raise IntegrityError("the log is empty", hint=log.RESTORE)
    return checkpoint.note


@dataclass(slots=True)
class _Walk:
    """What is known at one place of the log."""

    reader: Reader
    origin: str
    trusted: TrustedRoot | None = None
    revocations: RevocationsDocument | None = None
    pins: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)

    def step(self, item: Stored) -> None:
        """Take in the next statement.

        Raises:
            IntegrityError: It breaks a rule of this module.
        """
        if item.kind is Kind.TRUST_ROOT:
            self._trust(item)
        elif self.trusted is None:
            raise IntegrityError("the log does not start with a trust root", hint=log.RESTORE)
        else:
            self._statement(item, self.trusted.root)

    def _trust(self, item: Stored) -> None:
        pin = pin_of(item.envelope)
        filed = (item.dataset, item.version, item.number, item.payload_digest)
        if filed != ("", "", None, open_envelope(item.envelope).digest):
            raise IntegrityError("the registry's index does not say that this is a trust root")
        self.trusted = (
            TrustedRoot.start(item.envelope, pin) if self.trusted is None else self.trusted.update(item.envelope)
        )
        self.pins.add(pin)

    def _statement(self, item: Stored, root: TrustRoot) -> None:
        envelope = parse_envelope(item.envelope)
        place = LogPlace(self.origin, item.position)
        signed = open_signed(envelope, root, revocations=self.revocations, place=place)
        if isinstance(signed, Unentitled):
            raise IntegrityError(signed.problem)
        document = signed.document
        check_filed(item, document, envelope.digest)
        if isinstance(document, ManifestDocument):
            # Reading it to the end checks it: sums, order, and every part against the manifest.
            deque(self.reader.listing(document.version, document.manifest), maxlen=0)
            self.versions.add(document.version)
        self.digests |= _kept_beside(document)
        if isinstance(document, RevocationsDocument):
            self._revoke(document)
        number = item.number
        if number is not None and number <= self.numbers.get(document.dataset, 0):
            raise IntegrityError(f"statement {item.position} publishes number {number} after a higher one")
        if number is not None:
            self.numbers[document.dataset] = number

    def _revoke(self, document: RevocationsDocument) -> None:
        if self.revocations is not None and not document.follows(self.revocations):
            last = self.revocations.number
            raise IntegrityError(f"list {document.number} of revocations does not follow from list {last}")
        self.revocations = document


def _check_newest(reader: Reader, root: TrustRoot, origin: str) -> None:
    """The newest checkpoint covers all others, so a key that was retired must not have signed it."""
    newest = reader.checkpoint()
    if newest is not None:
        check_note(newest.note, newest.size, newest.root, root.keys_of(RoleName.LOG), origin)


def _kept_beside(document: Document) -> frozenset[str]:
    """Digests of what a statement has no room for."""
    if isinstance(document, ScanDocument):
        return frozenset({document.report_digest, document.profile_digest or document.report_digest})
    if isinstance(document, ReceiptDocument) and document.reads.listed is None:
        return frozenset({document.reads.digest})
    return frozenset()


def _check_statements(workspace: Workspace, reader: Reader) -> _Walk:
    walk = _Walk(reader, workspace.origin)
    for item in reader.each():
        try:
            walk.step(item)
        except IntegrityError as error:
            raise IntegrityError(
                f"statement {item.position}: {error.message}", hint=error.hint or log.RESTORE
            ) from error
    if walk.trusted is not None and pin_of(workspace.pinned) not in walk.pins:
        raise IntegrityError("the pinned trust root is not in the log", hint=log.RESTORE)
    return walk


def _check_kept(reader: Reader, note: bytes, keys: Sequence[PublicKey], origin: str) -> None:
    kept = open_checkpoint(note, keys, origin=origin)
    reader.prove_growth(kept.size, kept.root)


def log_keys(reader: Reader) -> tuple[PublicKey, ...]:
    """Every key that was the log's at some time; none when the trust roots do not hold, which the walk then names.

    A checkpoint under a key that was retired since is still true or false of this log.
    """
    chain = [item.envelope for item in reader.statements(Kind.TRUST_ROOT)]
    try:
        return establish(chain, pin_of(chain[0])).log_keys if chain else ()
    except IntegrityError:
        return ()


def _entry(item: Stored, root: TrustRoot) -> Entry:
    if item.kind is Kind.TRUST_ROOT:
        trusted = TrustedRoot.start(item.envelope, pin_of(item.envelope))
        return Entry(item.position, item.kind, f"version {trusted.root.version}", None, (), item.payload_digest)
    envelope = parse_envelope(item.envelope)
    people = root.signers(envelope, what=f"statement {item.position}")
    document = document_of(parse_statement(envelope.payload))
    return Entry(
        item.position, item.kind, _subject(item, document), document.created, tuple(sorted(people)), item.payload_digest
    )


def _subject(item: Stored, document: Document) -> str:
    if isinstance(document, RevocationsDocument):
        return f"list {document.number}"
    number = f"@{item.number}" if item.number else ""
    return f"{item.dataset}{number} {item.version[:16]}"
