"""Audit the whole registry, from the first leaf to the last.

Rules:

1. Every leaf is the statement that was appended, every checkpoint ever signed is the root of its leaves.
2. The log starts with a trust root; each later one follows from the one before, and one of them is pinned here.
3. Every statement was signed by people who were entitled when it was logged.
4. What the registry's index says of a statement is what the statement says.
5. Version numbers of a dataset only rise.
6. A checkpoint that somebody kept must still be a prefix of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.keys import PublicKey
from poisonguard.attest.trust import RoleName, TrustedRoot, TrustRoot, pin_of
from poisonguard.errors import IntegrityError
from poisonguard.store import log
from poisonguard.store.registry import Kind, Reader, Stored
from poisonguard.workflow.index import check_filed
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
    """

    origin: str
    statements: int
    checkpoints: int
    kept: int
    root: str
    trust_version: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of the log, for people; texts are raw.

    Attributes:
        position: Place in the log.
        kind: What it is.
        subject: What it speaks of.
        people: Who signed it, entitled or not.
        digest: Digest of its payload.
    """

    position: int
    kind: str
    subject: str
    people: tuple[str, ...]
    digest: str


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
        keys = root.keys_of(RoleName.LOG)

        def check_note(note: str, size: int, expected: bytes) -> None:
            found = open_checkpoint(note.encode(), keys, origin=origin)
            if (found.size, found.root) != (size, expected):
                raise IntegrityError(f"checkpoint {size} is signed for another log", hint=log.RESTORE)

        done = log.audit(reader.connection, check_note)
        _check_statements(workspace, reader.each())
        for note in kept:
            _check_kept(reader, note, keys, origin)
    return AuditReport(origin, done.leaves, done.checkpoints, len(kept), done.root.hex(), root.version)


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

    trusted: TrustedRoot | None = None
    pins: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)

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
        self.trusted = (
            TrustedRoot.start(item.envelope, pin) if self.trusted is None else self.trusted.update(item.envelope)
        )
        self.pins.add(pin)

    def _statement(self, item: Stored, root: TrustRoot) -> None:
        envelope = parse_envelope(item.envelope)
        signed = open_signed(envelope, root)
        if isinstance(signed, Unentitled):
            raise IntegrityError(signed.problem)
        document = signed.document
        check_filed(item, document, envelope.digest)
        number = item.number
        if number is not None and number <= self.numbers.get(document.dataset, 0):
            raise IntegrityError(f"statement {item.position} publishes number {number} after a higher one")
        if number is not None:
            self.numbers[document.dataset] = number


def _check_statements(workspace: Workspace, items: Iterator[Stored]) -> None:
    walk = _Walk()
    for item in items:
        try:
            walk.step(item)
        except IntegrityError as error:
            raise IntegrityError(
                f"statement {item.position}: {error.message}", hint=error.hint or log.RESTORE
            ) from error
    if walk.trusted is not None and pin_of(workspace.pinned) not in walk.pins:
        raise IntegrityError("the pinned trust root is not in the log", hint=log.RESTORE)


def _check_kept(reader: Reader, note: bytes, keys: Sequence[PublicKey], origin: str) -> None:
    kept = open_checkpoint(note, keys, origin=origin)
    if log.root_at(reader.connection, kept.size) != kept.root:
        raise IntegrityError(
            f"the log's first {kept.size} statements are not those of the checkpoint that was kept",
            hint="The log was rewritten after that checkpoint; keep both and find out who did it.",
        )


def _entry(item: Stored, root: TrustRoot) -> Entry:
    if item.kind is Kind.TRUST_ROOT:
        trusted = TrustedRoot.start(item.envelope, pin_of(item.envelope))
        return Entry(item.position, item.kind, f"version {trusted.root.version}", (), item.payload_digest)
    people = root.signers(parse_envelope(item.envelope), what=f"statement {item.position}")
    number = f"@{item.number}" if item.number else ""
    subject = f"{item.dataset}{number} {item.version[:16]}"
    return Entry(item.position, item.kind, subject, tuple(sorted(people)), item.payload_digest)
