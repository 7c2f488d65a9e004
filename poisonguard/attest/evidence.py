"""From an envelope to a document that somebody entitled has signed.

Rules:

1. Signatures are checked before the payload is parsed: what nobody in the trust root signed is never read.
2. What was altered or is malformed is refused with an error; what is whole, but signed by people without the
   right, is :class:`Unentitled` and says why.
3. Manifests take the threshold of publishers for their dataset, scans that of scanners, approvals and
   rejections at least one steward; people who sign without the role count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from poisonguard.attest.envelope import Envelope
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    document_of,
)
from poisonguard.attest.scan_v1 import ScanDocument
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.trust import RoleName, TrustRoot

DocumentT_co = TypeVar("DocumentT_co", bound=Document, covariant=True)


@dataclass(frozen=True, slots=True)
class Signed(Generic[DocumentT_co]):
    """A document and those entitled people who signed it.

    Attributes:
        document: What is said.
        digest: Digest of the statement (hex SHA-256 of the payload), by which others refer to it.
        people: Names of the entitled signers, sorted.
    """

    document: DocumentT_co
    digest: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unentitled:
    """A statement that those who signed it had no right to make; it counts for nothing."""

    digest: str
    problem: str


@dataclass(frozen=True, slots=True)
class Statements:
    """Trusted statements, by what they are; each kind in the order given."""

    manifests: tuple[Signed[ManifestDocument], ...]
    scans: tuple[Signed[ScanDocument], ...]
    approvals: tuple[Signed[ApprovalDocument], ...]
    rejections: tuple[Signed[RejectionDocument], ...]

    @classmethod
    def of(cls, opened: Iterable[Signed[Document]]) -> Statements:
        """Sort statements by what they are."""
        manifests: list[Signed[ManifestDocument]] = []
        scans: list[Signed[ScanDocument]] = []
        approvals: list[Signed[ApprovalDocument]] = []
        rejections: list[Signed[RejectionDocument]] = []
        for signed in opened:
            match signed.document:
                case ManifestDocument() as document:
                    manifests.append(Signed(document, signed.digest, signed.people))
                case ScanDocument() as document:
                    scans.append(Signed(document, signed.digest, signed.people))
                case ApprovalDocument() as document:
                    approvals.append(Signed(document, signed.digest, signed.people))
                case RejectionDocument() as document:
                    rejections.append(Signed(document, signed.digest, signed.people))
        return cls(tuple(manifests), tuple(scans), tuple(approvals), tuple(rejections))


def open_signed(envelope: Envelope, root: TrustRoot) -> Signed[Document] | Unentitled:
    """The document in ``envelope``, believed under ``root``.

    Raises:
        IntegrityError: A signature under a known key does not verify, or the document is malformed.
    """
    digest = envelope.digest
    signers = root.signers(envelope, what=f"statement {digest[:12]}")
    if not signers:
        return Unentitled(digest, f"statement {digest[:12]} is signed by nobody in the trust root")
    document = document_of(parse_statement(envelope.payload))
    role, needed = _role_of(document, root)
    entitled = sorted(signers.keys() & root.in_role(role, document.dataset))
    if len(entitled) >= needed:
        return Signed(document, digest, tuple(entitled))
    who = ", ".join(sorted(signers))
    return Unentitled(
        digest,
        f"{document_word(document)} {digest[:12]} is signed by {who}, but takes {needed} in role {role} "
        f"for {document.dataset!r}",
    )


def document_word(document: Document) -> str:
    """What a document is called in a sentence."""
    return type(document).__name__.removesuffix("Document").lower()


def _role_of(document: Document, root: TrustRoot) -> tuple[RoleName, int]:
    if isinstance(document, ManifestDocument):
        return RoleName.PUBLISHER, root.threshold(RoleName.PUBLISHER)
    if isinstance(document, ScanDocument):
        return RoleName.SCANNER, root.threshold(RoleName.SCANNER)
    return RoleName.STEWARD, 1
