"""The registry's index against the statements themselves.

Signatures and log cover what statements say, not the columns by which the registry finds them. Whoever can write to
the database could file a rejection under another version, so that nobody finds it. Therefore, before anything is
decided about a version, the whole log is searched for its name, and what mentions it must be filed rightly.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import document_word
from poisonguard.attest.predicates_v1 import Document, ManifestDocument, document_of
from poisonguard.attest.statement import parse_statement
from poisonguard.errors import IntegrityError
from poisonguard.store.log import RESTORE
from poisonguard.store.registry import Reader, Stored

GROUP = 3
"""Bytes that Base64 spells together."""


def check_index(reader: Reader, versions: Collection[str]) -> None:
    """Refuse unless every statement that mentions one of ``versions`` is found where it belongs.

    Costs one reading of the log; only what mentions a version is parsed.

    Raises:
        IntegrityError: The index does not say what a statement says.
    """
    spelled = [part for version in versions for part in _spellings(version.encode())]
    for item in reader.each():
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
