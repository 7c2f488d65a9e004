"""Publish a version: sign its manifest, and a scan of it, and append both to the registry.

Rules:

1. Whoever signs plays the role for this dataset in the trust root; this is checked before anything is signed.
2. Manifest and scan go into the log together or not at all.
3. The same content under the same name is the same version: it is published once, and scanned as often as
   one likes. Anything else gets the next number, and names the versions it was made from as its parents: those that
   the publisher names, which are published and trusted, or else the last approved one.
4. The listing of files, report and profile are stored in the same transaction as the statements that bind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.envelope import parse_envelope, sign
from poisonguard.attest.evidence import Signed, document_word, open_signed
from poisonguard.attest.keys import Signer
from poisonguard.attest.listing import Listing
from poisonguard.attest.predicates_v1 import (
    Document,
    ManifestDocument,
    RevocationsDocument,
    scan_of,
    statement_of,
    version_name,
)
from poisonguard.attest.revocations_v1 import LogPlace
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.domain.dataset import Manifest, Release
from poisonguard.domain.result import ScanResult
from poisonguard.domain.wording import count
from poisonguard.errors import IntegrityError, UsageError
from poisonguard.policy.judgement import Rules
from poisonguard.policy.model import Policy
from poisonguard.store.registry import Kind, Reader, Statement, Writer
from poisonguard.workflow.context import approved_release, resolve_version, rules_in_force
from poisonguard.workflow.workspace import Workspace

DATASET_NAME = re.compile(r"\w[\w .+/-]{0,127}")
"""No ``@`` and no ``:``, which references use; no pattern characters, which trust roots use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A finished scan with the files it left.

    Attributes:
        result: What it says.
        report: The JSON report.
        profile: The profile for later comparison, if there is one.
    """

    result: ScanResult
    report: bytes
    profile: bytes | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What to publish: content under a dataset's name, and a scan of it, if there is one.

    ``parents`` name the versions that it was made from; without any, it is the last approved one.
    """

    dataset: str
    manifest: Manifest
    files: Listing
    scanned: Scanned | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Attributes:
        release: The version.
        new: Whether the manifest was published now, not found published.
        people: Who signed.
        scan: Digest of the scan statement, if there is one.
    """

    release: Release
    new: bool
    people: tuple[str, ...]
    scan: str | None

    @property
    def title(self) -> str:
        """``NAME@N``."""
        return f"{self.release.dataset}@{self.release.number}"


def publish(
    workspace: Workspace,
    publication: Publication,
    signers: Sequence[Signer],
    now: datetime,
    policy: Policy | None = None,
) -> Published:
    """Sign and append the manifest, unless it is published already, and the scan, if there is one.

    Args:
        workspace: Where to.
        publication: What.
        signers: Private keys.
        now: The time.
        policy: Under what a version counts as approved, to be named as the parent; the settings' when not given.

    Raises:
        UsageError: A key does not play the role, or the dataset's name cannot be used.
        IntegrityError: The registry or the trust root is not what was written.
    """
    check_name(publication.dataset)
    with workspace.registry.write() as writer:
        rules = rules_in_force(workspace, writer, policy, now)
        version = version_name(publication.manifest)
        known = _published(writer, publication.dataset, version, rules)
        people = _require_roles(rules, signers, publication, new=known is None)
        release = known or _next_release(writer, publication, version, rules)
        documents = _documents(writer, publication, release, now=rules.now, new=known is None)
        statements = [signed_statement(document, signers) for document in documents]
        if statements:
            writer.append(statements, workspace.checkpoint_signer())
    kinds = {item.kind: item.payload_digest for item in statements}
    return Published(release, Kind.MANIFEST in kinds, tuple(sorted(people)), kinds.get(Kind.SCAN))


def require_role(
    root: TrustRoot,
    signers: Sequence[Signer],
    role: RoleName,
    dataset: str,
    revocations: RevocationsDocument | None = None,
) -> tuple[str, ...]:
    """The people behind ``signers``, who all play ``role`` for ``dataset`` and are enough.

    Raises:
        UsageError: One does not, or they are too few, or a key was revoked.
    """
    for signer in signers:
        if revocations is not None and revocations.of_key(signer.public.keyid) is not None:
            raise UsageError(f"key {signer.public.keyid[:12]} was revoked", hint="Sign with another key.")
    allowed = root.in_role(role, dataset)
    eligible = ", ".join(sorted(allowed)) or "nobody"
    hint = f"Who may: {eligible}. See 'poisonguard trust show'."
    people = sorted({_person(root, signer, role, hint) for signer in signers})
    outsiders = [person for person in people if person not in allowed]
    if outsiders:
        raise UsageError(f"{outsiders[0]} does not play the role {role} for {dataset!r}", hint=hint)
    counted = root.entitled(role, root.by_person(signer.public for signer in signers), dataset)
    halves = [person for person in people if person not in counted]
    if halves:
        raise UsageError(
            f"{halves[0]} signs with one kind of key, and the role {role} takes a classical and a post-quantum one",
            hint="Give both keys.",
        )
    needed = 1 if role is RoleName.STEWARD else root.threshold(role)
    if len(people) < needed:
        raise UsageError(
            f"the role {role} takes the keys of {count(needed, 'person', 'people')}, and {len(people)} signed",
            hint=hint,
        )
    return tuple(people)


def signed_statement(document: Document, signers: Sequence[Signer]) -> Statement:
    """The document, signed, as the registry stores it."""
    envelope = sign(statement_of(document).payload(), signers)
    kind = Kind(document_word(document))
    return Statement(
        kind=kind,
        dataset=document.dataset,
        version=document.version,
        number=document.release.number if isinstance(document, ManifestDocument) else None,
        payload_digest=envelope.digest,
        envelope=envelope.to_bytes(),
    )


def _person(root: TrustRoot, signer: Signer, role: RoleName, hint: str) -> str:
    try:
        return root.person_of(signer.public)
    except IntegrityError:
        raise UsageError(
            f"key {signer.public.keyid[:12]} is not in the trust root, so it does not play the role {role}", hint=hint
        ) from None


def _require_roles(rules: Rules, signers: Sequence[Signer], publication: Publication, *, new: bool) -> frozenset[str]:
    """The people who sign; refused before anything is stored when one may not."""
    roles = [RoleName.PUBLISHER] if new else []
    roles += [RoleName.SCANNER] if publication.scanned is not None else []
    people = (require_role(rules.root, signers, role, publication.dataset, rules.revocations) for role in roles)
    return frozenset(name for names in people for name in names)


def _documents(
    writer: Writer, publication: Publication, release: Release, *, now: datetime, new: bool
) -> list[Document]:
    """What is to be signed; what the documents name by digest is stored."""
    documents: list[Document] = []
    if new:
        writer.put_listing(release.version, publication.files)
        documents.append(ManifestDocument(release, publication.manifest))
    if publication.scanned is not None:
        documents.append(_scan_document(writer, publication.scanned, now))
    return documents


def _scan_document(writer: Writer, scanned: Scanned, now: datetime) -> Document:
    report = writer.put_blob(scanned.report)
    profile = writer.put_blob(scanned.profile) if scanned.profile is not None else None
    return scan_of(scanned.result, scanned=now, report_digest=report, profile_digest=profile)


def _published(reader: Reader, dataset: str, version: str, rules: Rules) -> Release | None:
    """The release of that content, unless those who signed it are no longer trusted."""
    for item in reader.statements(Kind.MANIFEST, dataset=dataset, version=version)[::-1]:
        place = LogPlace(rules.origin, item.position)
        match open_signed(parse_envelope(item.envelope), rules.root, revocations=rules.revocations, place=place):
            case Signed(document=ManifestDocument() as document):
                return document.release
    return None


def _next_release(writer: Writer, publication: Publication, version: str, rules: Rules) -> Release:
    return Release(
        dataset=publication.dataset,
        number=writer.latest_number(publication.dataset) + 1,
        version=version,
        parents=_parents(writer, publication, version, rules),
        created=format_time(rules.now),
    )


def _parents(reader: Reader, publication: Publication, version: str, rules: Rules) -> tuple[str, ...]:
    """Versions that this one was made from, sorted, each once."""
    if not publication.parents:
        approved = approved_release(reader, publication.dataset, rules)
        return (approved.version,) if approved else ()
    named = [resolve_version(reader, text) for text in publication.parents]
    for text, parent in zip(publication.parents, named, strict=True):
        if parent.version == version:
            raise UsageError(f"--parent {text} is this very version", hint="Name the version it was made from.")
        if _published(reader, parent.dataset, parent.version, rules) is None:
            raise UsageError(f"--parent {text} was published by nobody who is trusted now", hint="Publish it anew.")
    return tuple(sorted({parent.version for parent in named}))


def check_name(dataset: str) -> None:
    """Refuse a name that references or trust roots could not name.

    Raises:
        UsageError: It is one.
    """
    if not DATASET_NAME.fullmatch(dataset) or dataset != dataset.strip():
        raise UsageError(
            f"{dataset!r} cannot be a dataset's name",
            hint="Give one with --name: letters, digits, spaces and . _ - + / only.",
        )
