"""The registry's index against the statements themselves.

Signatures and log cover what statements say, not the columns by which the registry finds them. Whoever can write to
the database could file a rejection under another version, so that nobody finds it. Therefore, before anything is
decided about a version, the whole log is searched for its name, and what mentions it must be filed rightly. So are
lists of revocations and trust roots, of which the newest is wanted.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import document_word
from poisonguard.attest.predicates_v1 import Document, ManifestDocument, document_of
from poisonguard.attest.revocations_v1 import REVOCATIONS
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.trust import PAYLOAD_TYPE
from poisonguard.errors import IntegrityError
from poisonguard.store.log import RESTORE
from poisonguard.store.registry import Kind, Reader, Stored

_TRUST_ROOT = f'"payloadType":"{PAYLOAD_TYPE}"'.encode()
"""What no other envelope spells: a quotation mark inside of a text is escaped."""
GROUP = 3
"""Bytes that Base64 spells together."""


def check_index(reader: Reader, versions: Collection[str]) -> None:
    """Refuse unless every statement that mentions one of ``versions``, or revokes, is found where it belongs.

    Costs one reading of the log; only what mentions a version is parsed.

    Raises:
        IntegrityError: The index does not say what a statement says.
    """
    digests = (version.removeprefix("pg1:") for version in versions)  # a manifest names itself by its digest alone
    spelled = [part for text in (*digests, REVOCATIONS) for part in _spellings(text.encode())]
    for item in reader.each():
        if _TRUST_ROOT in item.envelope and item.kind is not Kind.TRUST_ROOT:
            raise IntegrityError(f"statement {item.position} is a trust root that was hidden", hint=RESTORE)
        if any(part in item.envelope for part in spelled):
            envelope = parse_envelope(item.envelope)
            check_filed(item, document_of(parse_statement(envelope.payload)), envelope.digest)


def check_filed(item: Stored, document: Document, digest: str) -> None:
    """Refuse unless the index says of a statement what the statement says.

    Args:
        item: The statement as it is stored.
        document: What it says.
        digest: Digest of its payload.

    Raises:
        IntegrityError: It does not.
    """
    number = document.release.number if isinstance(document, ManifestDocument) else None
    said = (document_word(document), document.dataset, document.version, number, digest)
    if said != (item.kind.value, item.dataset, item.version, item.number, item.payload_digest):
        raise IntegrityError(
            f"the registry's index does not say what statement {item.position} says",
            hint=RESTORE,
        )


def _spellings(text: bytes) -> Iterator[bytes]:
    """How Base64 spells ``text`` inside of something longer: it depends on where the text begins."""
    for before in range(GROUP):
        encoded = base64.b64encode(bytes(before) + text)
        first = -(-before * 4 // GROUP)  # characters that the bytes before have a part in
        whole = (before + len(text)) // GROUP * 4  # characters that the bytes after have no part in
        yield encoded[first:whole]
