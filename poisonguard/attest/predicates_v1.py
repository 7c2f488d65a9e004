"""What poisonguard signs, version 1: manifest, scan result, approval, rejection, revocations, training receipt.

Each document is a frozen value here, an in-toto predicate on the wire, and nothing in between:
``statement_of(document)`` and ``document_of(statement)`` are inverse. Rules of reading:

1. The predicate type decides the document; an unknown type is refused.
2. Every member is present, of its type, and no other member exists.
3. The statement's subject is what the predicate speaks of, signed *and* bound: the version that it names; of
   revocations, which speak of no version, the list itself.
4. A manifest's version name is the digest of its content.
5. Lists that are sets (scans, waivers, waived findings, parents) are sorted and hold nothing twice.
6. An approval expires after it begins.

Every document says its ``subject`` (a name and a hex SHA-256) and when it was ``created``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from poisonguard.attest.fields import Fields
from poisonguard.attest.manifest_v1 import manifest_from_json, manifest_to_json, version_name
from poisonguard.attest.receipt_v1 import RECEIPT, ReceiptDocument, receipt_from_json, receipt_to_json
from poisonguard.attest.revocations_v1 import (
    REVOCATIONS,
    RevocationsDocument,
    revocations_from_json,
    revocations_to_json,
)
from poisonguard.attest.scan_v1 import FindingRecord, ScanDocument, scan_from_json, scan_of, scan_to_json
from poisonguard.attest.statement import Statement
from poisonguard.attest.times import format_time, parse_time
from poisonguard.domain.dataset import Manifest, Release
from poisonguard.errors import IntegrityError

MANIFEST = "https://poisonguard.dev/dataset-manifest/v1"
SCAN = "https://poisonguard.dev/scan-result/v1"
APPROVAL = "https://poisonguard.dev/approval/v1"
REJECTION = "https://poisonguard.dev/rejection/v1"


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """A version published under a dataset's name: what the bytes are."""

    release: Release
    manifest: Manifest

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.release.dataset

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.release.version

    @property
    def created(self) -> datetime:
        """When it was signed."""
        return parse_time(self.release.created)

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the version."""
        return self.dataset, self.version.removeprefix("pg1:")


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception for one finding."""

    finding: str
    justification: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDocument:
    """One steward's consent to train on one version.

    Attributes:
        dataset: Name of the dataset.
        version: Name of the version.
        manifest_statement: Digest of the manifest statement that was read.
        scan_statements: Digests of the scan statements that were read, sorted; at least one.
        policy_digest: Digest of the policy under which consent is given.
        role: In what role; ``steward``.
        reason: Why, in the steward's words.
        purpose: What for, for example ``training``.
        created: When it was signed.
        not_before: From when it holds.
        expires: Until when it holds.
        waivers: Findings that do not stand in the way, sorted by fingerprint.
        nonce: Random text that makes the statement one of a kind.
    """

    dataset: str
    version: str
    manifest_statement: str
    scan_statements: tuple[str, ...]
    policy_digest: str
    reason: str
    purpose: str
    created: datetime
    not_before: datetime
    expires: datetime
    nonce: str
    waivers: tuple[Waiver, ...] = ()
    role: str = "steward"

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the version."""
        return self.dataset, self.version.removeprefix("pg1:")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionDocument:
    """One steward's refusal of one version; stands until the same steward approves the version later."""

    dataset: str
    version: str
    manifest_statement: str
    scan_statements: tuple[str, ...]
    policy_digest: str
    reason: str
    created: datetime
    nonce: str
    role: str = "steward"

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the version."""
        return self.dataset, self.version.removeprefix("pg1:")


Document = (
    ManifestDocument | ScanDocument | ApprovalDocument | RejectionDocument | RevocationsDocument | ReceiptDocument
)


def statement_of(document: Document) -> Statement:
    """The statement that says ``document``."""
    match document:
        case ManifestDocument():
            kind, predicate = MANIFEST, _manifest_predicate(document)
        case ScanDocument():
            kind, predicate = SCAN, scan_to_json(document)
        case ApprovalDocument():
            kind, predicate = APPROVAL, _approval_predicate(document)
        case RejectionDocument():
            kind, predicate = REJECTION, _review_predicate(document)
        case RevocationsDocument():
            kind, predicate = REVOCATIONS, revocations_to_json(document)
        case _ as receipt:
            kind, predicate = RECEIPT, receipt_to_json(receipt)
    return Statement(*document.subject, kind, predicate)


def document_of(statement: Statement) -> Document:
    """The document that ``statement`` says.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    try:
        read = READERS[statement.predicate_type]
    except KeyError:
        raise IntegrityError(f"unknown predicate type {statement.predicate_type[:80]!r}") from None
    document = read(statement.predicate)
    if document.subject != (statement.subject, statement.sha256):
        raise IntegrityError("a statement's subject is not what its predicate speaks of")
    return document


def _manifest_predicate(document: ManifestDocument) -> dict[str, Any]:
    release = document.release
    return {
        "content": manifest_to_json(document.manifest),
        "dataset": release.dataset,
        "number": release.number,
        "parents": list(release.parents),
        "created": release.created,
    }


def _read_manifest(value: Any) -> ManifestDocument:
    fields = Fields(value, "manifest")
    manifest = manifest_from_json(fields.take("content"))
    release = Release(
        dataset=fields.text("dataset"),
        number=fields.integer("number", minimum=1),
        version=version_name(manifest),
        parents=_sorted_set(fields.items("parents", _version), "manifest.parents"),
        created=format_time(fields.time("created")),
    )
    fields.done()
    return ManifestDocument(release, manifest)


def _review_predicate(document: ApprovalDocument | RejectionDocument) -> dict[str, Any]:
    return {
        "dataset": document.dataset,
        "version": document.version,
        "manifestStatement": document.manifest_statement,
        "scanStatements": list(document.scan_statements),
        "policyDigest": document.policy_digest,
        "role": document.role,
        "reason": document.reason,
        "created": format_time(document.created),
        "nonce": document.nonce,
    }


def _approval_predicate(document: ApprovalDocument) -> dict[str, Any]:
    return _review_predicate(document) | {
        "purpose": document.purpose,
        "notBefore": format_time(document.not_before),
        "expires": format_time(document.expires),
        "waivers": [
            {"finding": item.finding, "justification": item.justification, "expires": format_time(item.expires)}
            for item in document.waivers
        ],
    }


def _read_review(fields: Fields) -> dict[str, Any]:
    fields.literal("role", "steward")
    return {
        "dataset": fields.text("dataset"),
        "version": fields.version("version"),
        "manifest_statement": fields.digest("manifestStatement"),
        "scan_statements": _sorted_set(fields.items("scanStatements", _digest), f"{fields.where}.scanStatements"),
        "policy_digest": fields.digest("policyDigest"),
        "reason": fields.text("reason"),
        "created": fields.time("created"),
        "nonce": fields.text("nonce"),
    }


def _read_approval(value: Any) -> ApprovalDocument:
    fields = Fields(value, "approval")
    review = _read_review(fields)
    waivers = fields.items("waivers", _waiver)
    document = ApprovalDocument(
        **review,
        purpose=fields.text("purpose"),
        not_before=fields.time("notBefore"),
        expires=fields.time("expires"),
        waivers=waivers,
    )
    fields.done()
    _sorted_set((item.finding for item in waivers), "approval.waivers")
    if not document.scan_statements:
        raise fields.refusal("names no scan")
    if document.expires <= document.not_before:
        raise fields.refusal("expires before it begins")
    return document


def _read_rejection(value: Any) -> RejectionDocument:
    fields = Fields(value, "rejection")
    document = RejectionDocument(**_read_review(fields))
    fields.done()
    return document


def _waiver(value: Any, where: str) -> Waiver:
    fields = Fields(value, where)
    waiver = Waiver(fields.text("finding"), fields.text("justification"), fields.time("expires"))
    fields.done()
    return waiver


def _version(value: Any, where: str) -> str:
    return Fields({"version": value}, where).version("version")


def _digest(value: Any, where: str) -> str:
    return Fields({"digest": value}, where).digest("digest")


def _sorted_set(values: Iterable[str], where: str) -> tuple[str, ...]:
    items = tuple(values)
    if list(items) != sorted(set(items)):
        raise IntegrityError(f"{where} is not sorted, or holds something twice")
    return items


READERS: Mapping[str, Callable[[Any], Document]] = MappingProxyType(
    {
        MANIFEST: _read_manifest,
        SCAN: scan_from_json,
        APPROVAL: _read_approval,
        REJECTION: _read_rejection,
        REVOCATIONS: revocations_from_json,
        RECEIPT: receipt_from_json,
    }
)

__all__ = [
    "APPROVAL",
    "MANIFEST",
    "RECEIPT",
    "REJECTION",
    "REVOCATIONS",
    "SCAN",
    "ApprovalDocument",
    "Document",
    "FindingRecord",
    "ManifestDocument",
    "ReceiptDocument",
    "RejectionDocument",
    "RevocationsDocument",
    "ScanDocument",
    "Waiver",
    "document_of",
    "manifest_from_json",
    "manifest_to_json",
    "scan_of",
    "statement_of",
    "version_name",
]
