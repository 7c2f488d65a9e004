"""From an envelope to a document that somebody entitled has signed.

Rules:

1. Signatures are checked before the payload is parsed: what nobody in the trust root signed is never read.
2. What was altered or is malformed is refused with an error; what is whole, but signed by people without the
   right, is :class:`Unentitled` and says why.
3. Manifests take the threshold of publishers for their dataset, scans that of scanners, revocations that of
   revokers, receipts that of trainers, approvals and rejections at least one steward; people who sign without the
   role count for nothing.
4. Signatures by keys that were revoked count for nothing, but for those that ``revocations_v1`` keeps; a list of
   revocations is never signed by a key that it revokes itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Generic, TypeVar

from poisonguard.attest.envelope import Envelope
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
from poisonguard.attest.trust import RoleName, Signers, TrustRoot

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
    """A statement that those who signed it had no right to make; it counts for nothing.

    Attributes:
        digest: Digest of the statement.
        problem: Why it counts for nothing, in a sentence.
        revoked: Whether it would count, had no key been revoked.
    """

    digest: str
    problem: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Statements:
    """Trusted statements, by what they are; each kind in the order given. Receipts decide nothing and are not here."""

    manifests: tuple[Signed[ManifestDocument], ...]
    scans: tuple[Signed[ScanDocument], ...]
    approvals: tuple[Signed[ApprovalDocument], ...]
    rejections: tuple[Signed[RejectionDocument], ...]
    revocations: tuple[Signed[RevocationsDocument], ...] = ()

    def __iter__(self) -> Iterator[Signed[Document]]:
        """Every statement."""
        kinds = (self.manifests, self.scans, self.approvals, self.rejections, self.revocations)
        return chain.from_iterable(kinds)

    @classmethod
    def of(cls, opened: Iterable[Signed[Document]]) -> Statements:
        """Sort statements by what they are."""
        manifests: list[Signed[ManifestDocument]] = []
        scans: list[Signed[ScanDocument]] = []
        approvals: list[Signed[ApprovalDocument]] = []
        rejections: list[Signed[RejectionDocument]] = []
        revocations: list[Signed[RevocationsDocument]] = []
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
                case RevocationsDocument() as document:
                    revocations.append(Signed(document, signed.digest, signed.people))
        return cls(tuple(manifests), tuple(scans), tuple(approvals), tuple(rejections), tuple(revocations))


def open_signed(
    envelope: Envelope,
    root: TrustRoot,
    *,
    revocations: RevocationsDocument | None = None,
    place: LogPlace | None = None,
) -> Signed[Document] | Unentitled:
    """The document in ``envelope``, believed under ``root``.

    Args:
        envelope: The signed statement.
        root: Who may say what.
        revocations: Which keys no longer speak for anybody, if that is known.
        place: Where in the log the statement is proven to be; nothing when that is not proven.

    Raises:
        IntegrityError: A signature under a known key does not verify, or the document is malformed.
    """
    digest = envelope.digest
    signers = root.signers(envelope, what=f"statement {digest[:12]}")
    if not signers:
        return Unentitled(digest, f"statement {digest[:12]} is signed by nobody in the trust root")
    document = document_of(parse_statement(envelope.payload))
    lists = [item for item in (revocations, document) if isinstance(item, RevocationsDocument)]
    role, needed = _role_of(document, root)
    entitled = root.entitled(role, _unrevoked(signers, lists, place, document.created), document.dataset)
    if len(entitled) >= needed:
        return Signed(document, digest, tuple(sorted(entitled)))
    whose = f"{document_word(document)} {digest[:12]}"
    if len(root.entitled(role, signers, document.dataset)) >= needed:
        return Unentitled(digest, f"{whose} is signed by a key that was revoked", revoked=True)
    who = ", ".join(sorted(signers))
    about = f" for {document.dataset!r}" if document.dataset else ""
    return Unentitled(digest, f"{whose} is signed by {who}, but takes {needed} in role {role}{about}")


def document_word(document: Document) -> str:
    """What a document is called in a sentence."""
    return type(document).__name__.removesuffix("Document").lower()


def _role_of(document: Document, root: TrustRoot) -> tuple[RoleName, int]:
    if isinstance(document, ManifestDocument):
        return RoleName.PUBLISHER, root.threshold(RoleName.PUBLISHER)
    if isinstance(document, ScanDocument):
        return RoleName.SCANNER, root.threshold(RoleName.SCANNER)
    if isinstance(document, RevocationsDocument):
        return RoleName.REVOKER, root.threshold(RoleName.REVOKER)
    if isinstance(document, ReceiptDocument):
        return RoleName.TRAINER, root.threshold(RoleName.TRAINER)
    return RoleName.STEWARD, 1


def _unrevoked(
    signers: Signers, lists: Iterable[RevocationsDocument], place: LogPlace | None, created: datetime
) -> Signers:
    """The signers with those keys only that no list voids; whoever has none left is a signer no more."""
    good = {
        name: frozenset(key for key in keys if not any(item.voids(key.keyid, place, created) for item in lists))
        for name, keys in signers.items()
    }
    return {name: keys for name, keys in good.items() if keys}
