"""Bundles out of the registry and into it.

Rules of import:

1. The bundle's trust roots follow from the one pinned here; newer ones are taken over.
2. Its checkpoint is signed by a trusted log, and every statement is proven to be in that log.
3. Every statement was signed by people who are entitled under the newest trust root.
4. A number that is taken by another manifest here is a fork, and refused.
5. Everything is imported in one transaction, or nothing; what is here already stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.envelope import Envelope
from poisonguard.attest.evidence import Unentitled, document_word, open_signed
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.trust import RoleName, TrustedRoot, TrustRoot, establish, pin_of
from poisonguard.errors import IntegrityError, UnknownVersion
from poisonguard.store import bundle as bundles
from poisonguard.store.blobs import write_durably
from poisonguard.store.bundle import Bundle
from poisonguard.store.registry import Kind, Reader, Statement, Writer
from poisonguard.workflow.context import NamedVersion, resolve_version
from poisonguard.workflow.folder import TRUST, lineage
from poisonguard.workflow.index import check_index
from poisonguard.workflow.trust_root import follow
from poisonguard.workflow.workspace import Workspace, trust_chain


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: Statements that are new here.
        known: Statements that were here already.
        titles: Versions that the bundle is of, ``NAME@N``.
        trust_version: Version of the trust root now.
    """

    added: int
    known: int
    titles: tuple[str, ...]
    trust_version: int


def export(reader: Reader, trust_roots: tuple[bytes, ...], named: NamedVersion) -> Bundle:
    """Everything the gate needs to know of one version.

    Raises:
        IntegrityError: The log was altered.
        UnknownVersion: Nothing is known of the version.
    """
    statements = [
        item
        for item in reader.statements(dataset=named.dataset, version=named.version)
        if item.kind is not Kind.MANIFEST or item.number == named.number
    ]
    if not statements:
        raise UnknownVersion(f"{named.title} is not in the registry")
    checkpoint, proofs = reader.prove(item.position for item in statements)
    return Bundle(
        trust_roots=trust_roots,
        checkpoint=checkpoint.note.encode(),
        statements=tuple(
            bundles.logged(item.envelope, proof.position, proof.hashes)
            for item, proof in zip(statements, proofs, strict=True)
        ),
    )


def export_file(workspace: Workspace, text: str, path: Path) -> NamedVersion:
    """Write the bundle of the version that ``text`` names; the file is whole or not there.

    Raises:
        UnknownVersion: There is none.
        IntegrityError: The log or its index was altered.
        UsageError: The file cannot be written.
    """
    with workspace.registry.read() as reader:
        named = resolve_version(reader, text)
        check_index(reader, {named.version})
        bundle = export(reader, trust_chain(reader, workspace.pinned), named)
    write_durably(path, bundles.dump(bundle))
    return named


def import_bundle(workspace: Workspace, bundle: Bundle, now: datetime) -> Imported:
    """Take a bundle's statements over into the registry.

    Raises:
        IntegrityError: A rule of import is broken.
        GateFailed: The trust root has expired.
    """
    with workspace.registry.read() as reader:
        bundle = replace(bundle, trust_roots=lineage(bundle.trust_roots, trust_chain(reader, workspace.pinned)))
    trusted = _trusted(bundle, workspace.pinned)
    trusted.check_time(now)
    _check_log(bundle, trusted.root)
    statements = [_statement(item.envelope, trusted.root) for item in bundle.statements]
    with workspace.registry.write() as writer:
        _refuse_forks(writer, statements)
        missing = [item for item in statements if not writer.holds(item.envelope)]
        roots = follow(writer, bundle.trust_roots)
        if roots or missing:
            writer.append([*roots, *missing], workspace.checkpoint_signer())
    write_durably(workspace.folder / TRUST, _newest(bundle, trusted))
    titles = sorted({f"{item.dataset}@{item.number}" for item in statements if item.number is not None})
    return Imported(len(missing), len(statements) - len(missing), tuple(titles), trusted.root.version)


def _trusted(bundle: Bundle, pinned: bytes) -> TrustedRoot:
    try:
        return establish(bundle.trust_roots, pin_of(pinned))
    except IntegrityError as error:
        raise IntegrityError(
            f"the bundle does not follow from the trust root pinned here: {error.message}",
            hint="Check with whoever made the bundle which trust root it is under.",
        ) from error


def _newest(bundle: Bundle, trusted: TrustedRoot) -> bytes:
    return next(data for data in bundle.trust_roots if pin_of(data) == trusted.digest)


def _check_log(bundle: Bundle, root: TrustRoot) -> None:
    checkpoint = open_checkpoint(bundle.checkpoint, root.keys_of(RoleName.LOG))
    for item in bundle.statements:
        if not item.is_in(checkpoint.size, checkpoint.root):
            raise IntegrityError(f"statement {item.envelope.digest[:12]} is not proven to be in the bundle's log")


def _statement(envelope: Envelope, root: TrustRoot) -> Statement:
    signed = open_signed(envelope, root)
    if isinstance(signed, Unentitled):
        raise IntegrityError(signed.problem, hint="Only statements that are trusted here are imported.")
    document = signed.document
    return Statement(
        kind=Kind(document_word(document)),
        dataset=document.dataset,
        version=document.version,
        number=document.release.number if isinstance(document, ManifestDocument) else None,
        payload_digest=signed.digest,
        envelope=envelope.to_bytes(),
    )


def _refuse_forks(writer: Writer, statements: Iterable[Statement]) -> None:
    for item in statements:
        held = writer.find_manifest(item.dataset, item.number) if item.number is not None else None
        if held is not None and held.payload_digest != item.payload_digest:
            raise IntegrityError(
                f"{item.dataset}@{item.number} is another version here than in the bundle",
                hint="Two registries published under one name; give one of the datasets another name.",
            )
