"""Bundles out of the registry and into it.

Rules of import:

1. The bundle's trust roots follow from the one pinned here; newer ones are taken over.
2. Its checkpoint is signed by a trusted log, and every statement is proven to be in that log.
3. Every statement was signed by people who are entitled under the newest trust root.
4. A number that is taken by another manifest here is a fork, and refused.
5. The listing of files is the one that the manifest binds, and so are the chunk leaves beside it.
6. A list of revocations follows the one here, or is older than it and contained in it; what a revoked key signed is
   not imported, since this log cannot show that it was signed before.
7. Everything is imported in one transaction, or nothing; what is here already stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.evidence import Signed, Statements, Unentitled, document_word, open_signed
from poisonguard.attest.listing import Listing, Shards
from poisonguard.attest.predicates_v1 import Document, ManifestDocument, RevocationsDocument, document_of
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.trust import RoleName, TrustedRoot, TrustRoot, establish, pin_of
from poisonguard.dataset.chunktree import tree_of
from poisonguard.domain.dataset import Manifest
from poisonguard.errors import IntegrityError, UnknownVersion
from poisonguard.store import bundle as bundles
from poisonguard.store.bundle import Bundle
from poisonguard.store.durable import write_durably
from poisonguard.store.log import RESTORE
from poisonguard.store.registry import Kind, Reader, Statement, Writer
from poisonguard.workflow.context import NamedVersion, resolve_version
from poisonguard.workflow.folder import TRUST, lineage
from poisonguard.workflow.index import check_index
from poisonguard.workflow.revocation_lists import check_succession, last_list
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
        if item.kind is not Kind.RECEIPT and (item.kind is not Kind.MANIFEST or item.number == named.number)
    ]
    manifest = next((_manifest(item) for item in statements if item.kind is Kind.MANIFEST), None)
    if manifest is None:
        raise UnknownVersion(f"{named.title} is not in the registry")
    statements = sorted((*statements, *reader.statements(Kind.REVOCATIONS)[-1:]), key=lambda item: item.position)
    checkpoint, proofs = reader.prove(item.position for item in statements)
    return Bundle(
        trust_roots=trust_roots,
        checkpoint=checkpoint.note.encode(),
        statements=tuple(
            bundles.logged(item.envelope, proof.position, proof.hashes)
            for item, proof in zip(statements, proofs, strict=True)
        ),
        shards=reader.shards(named.version),
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
        write_durably(path, bundles.parts(bundle))
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
    signed = [_signed(item.envelope, trusted.root) for item in bundle.statements]
    statements = [_statement(item.envelope, said) for item, said in zip(bundle.statements, signed, strict=True)]
    lists = Statements.of(signed).revocations
    with workspace.registry.write() as writer:
        last = last_list(workspace, writer, trusted.root)
        check_succession(last, [item.document for item in lists])
        _refuse_forks(writer, statements)
        missing = [item for item in statements if not writer.holds(item.envelope) and not _is_old(item, lists, last)]
        _refuse_revoked(missing, trusted.root, last, lists)
        roots = follow(writer, bundle.trust_roots)
        for item in missing:
            if item.kind is Kind.MANIFEST:
                writer.put_listing(item.version, _listing(_manifest(item), bundle.shards))
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


def _manifest(item: Statement) -> Manifest:
    document = document_of(parse_statement(parse_envelope(item.envelope).payload))
    if not isinstance(document, ManifestDocument):
        raise IntegrityError(f"statement {item.payload_digest[:12]} is no manifest", hint=RESTORE)
    return document.manifest


def _listing(manifest: Manifest, shards: Shards) -> Listing:
    """The listing, read once through: the registry keeps no leaves that the gate would refuse for ever."""
    listing, tree = Listing(manifest, shards), tree_of(manifest.hash_profile)
    for entry, leaves in listing.with_leaves():
        if leaves and tree.root(entry.size, leaves) != entry.tree_root:
            raise IntegrityError(f"{entry.path}: the bundle holds other chunk leaves than the manifest binds")
    return listing


def _newest(bundle: Bundle, trusted: TrustedRoot) -> bytes:
    return next(data for data in bundle.trust_roots if pin_of(data) == trusted.digest)


def _check_log(bundle: Bundle, root: TrustRoot) -> None:
    checkpoint = open_checkpoint(bundle.checkpoint, root.keys_of(RoleName.LOG))
    for item in bundle.statements:
        if not item.is_in(checkpoint.size, checkpoint.root):
            raise IntegrityError(f"statement {item.envelope.digest[:12]} is not proven to be in the bundle's log")


def _signed(envelope: Envelope, root: TrustRoot, revocations: RevocationsDocument | None = None) -> Signed[Document]:
    signed = open_signed(envelope, root, revocations=revocations)
    if isinstance(signed, Unentitled):
        raise IntegrityError(signed.problem, hint="Only statements that are trusted here are imported.")
    return signed


def _is_old(item: Statement, lists: Iterable[Signed[RevocationsDocument]], last: RevocationsDocument | None) -> bool:
    """Whether it is a list of revocations that the last one here has overtaken."""
    mine = next((signed.document for signed in lists if signed.digest == item.payload_digest), None)
    return mine is not None and last is not None and mine.number <= last.number


def _refuse_revoked(
    missing: Iterable[Statement],
    root: TrustRoot,
    last: RevocationsDocument | None,
    lists: Iterable[Signed[RevocationsDocument]],
) -> None:
    known = [*([last] if last is not None else []), *(signed.document for signed in lists)]
    newest = max(known, key=lambda item: item.number, default=None)
    for item in missing:
        _signed(parse_envelope(item.envelope), root, newest)


def _statement(envelope: Envelope, signed: Signed[Document]) -> Statement:
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
