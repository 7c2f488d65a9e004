"""The proof that one file is in a published version, as one portable document.

It is canonical JSON: a bundle's head with the manifest's statement (and the newest list of revocations) and without
shards, the file's entry as it stands in the listing, its place, and the O(log n) hashes that lead from the entry to
the manifest's root. Rules of reading:

1. At most ``MAX_BYTES``, of the one media type, no unknown member.
2. The bundle's head obeys the rules of a bundle; it lists no shards.
3. The entry obeys the rules of a line of a listing; there are at most 64 hashes.

Nothing in it is trusted; ``poisonguard.workflow.check_proof`` checks it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.listing import FileProof, HeldShards, entry_line, parse_line
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.domain.merkle import HASH_SIZE
from poisonguard.errors import IntegrityError
from poisonguard.store import bundle as bundles
from poisonguard.store.bundle import MAX_PROOF, Bundle

MEDIA_TYPE = "application/vnd.poisonguard.file-proof.v1+json"
MAX_BYTES = 16 * 1024 * 1024
WHAT = "the proof of a file"


def dump(bundle: Bundle, proof: FileProof) -> bytes:
    """The document as bytes, ended by a newline."""
    head = bundles.dump(replace(bundle, shards=HeldShards(())))
    document = {
        "mediaType": MEDIA_TYPE,
        "bundle": parse(head.removesuffix(b"\n"), what="bundle"),
        "file": parse(entry_line(proof.entry), what="file"),
        "index": proof.index,
        "count": proof.count,
        "hashes": [encode_base64(node) for node in proof.hashes],
    }
    return canonical(document) + b"\n"


def load(data: bytes) -> tuple[Bundle, FileProof]:
    """The bundle and the proof in a document; nothing in them is trusted yet.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(parse(data.removesuffix(b"\n"), what=WHAT, limit=MAX_BYTES), WHAT)
    fields.literal("mediaType", MEDIA_TYPE)
    bundle = bundles.load(canonical(fields.take("bundle")) + b"\n")
    entry = parse_line(canonical(fields.take("file")))
    proof = FileProof(entry, fields.integer("index"), fields.integer("count"), fields.items("hashes", _hash))
    fields.done()
    if len(proof.hashes) > MAX_PROOF or bundle.shards.roots:
        raise IntegrityError(f"{WHAT} holds more than a proof")
    return bundle, proof


def _hash(value: Any, where: str) -> bytes:
    node = decode_base64(value, where) if isinstance(value, str) else b""
    if len(node) != HASH_SIZE:
        raise IntegrityError(f"{where} is not a SHA-256")
    return node
