"""A bundle: one portable file with everything that the gate needs offline.

It is canonical JSON: the chain of trust roots, the statements of one version with their places in the log and
proofs that they are in it, and the log's checkpoint. A bundle proves nothing by itself; the gate believes only
what the pinned trust root vouches for. Rules of reading:

1. At most ``MAX_BYTES`` of canonical JSON of the one media type, no unknown member.
2. At least one trust root and at least one statement; at most ``MAX_ROOTS`` and ``MAX_STATEMENTS``.
3. Statements are in the order of the log, no place twice; proofs are at most 64 hashes of 32 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from poisonguard.attest import trust
from poisonguard.attest.canonical import MAX_BYTES, canonical, parse
from poisonguard.attest.envelope import Envelope, envelope_from_json, parse_envelope
from poisonguard.attest.fields import Fields
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.domain.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from poisonguard.errors import IntegrityError

MEDIA_TYPE = "application/vnd.poisonguard.bundle.v1+json"
MAX_ROOTS = 1024
MAX_STATEMENTS = 10_000
MAX_PROOF = 64


@dataclass(frozen=True, slots=True)
class LoggedStatement:
    """A statement and the proof that it is in the log.

    Attributes:
        envelope: The statement as it is logged: ``envelope.to_bytes()`` is the leaf's data.
        index: Its place in the log, from 0.
        proof: Inclusion proof for the bundle's checkpoint, lowest hash first.
    """

    envelope: Envelope
    index: int
    proof: tuple[bytes, ...]

    def is_in(self, size: int, root: bytes) -> bool:
        """Whether the proof shows the statement in the log of ``size`` leaves under ``root``."""
        return verify_inclusion(leaf_hash(self.envelope.to_bytes()), self.index, size, self.proof, root)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that the gate needs offline.

    Attributes:
        trust_roots: Envelopes of the trust root, oldest first, as their files' bytes.
        checkpoint: Signed note of the log.
        statements: Statements of one version, in the order of the log.
    """

    trust_roots: tuple[bytes, ...]
    checkpoint: bytes
    statements: tuple[LoggedStatement, ...]


def dump(bundle: Bundle) -> bytes:
    """The bundle as a file's bytes.

    Raises:
        IntegrityError: A trust root is malformed, or the checkpoint is not text.
    """
    return canonical(
        {
            "mediaType": MEDIA_TYPE,
            "trustRoots": [trust.open_envelope(data).to_json() for data in bundle.trust_roots],
            "checkpoint": _text(bundle.checkpoint),
            "statements": [_statement_to_json(item) for item in bundle.statements],
        }
    )


def load(data: bytes) -> Bundle:
    """The bundle in a file's bytes; nothing in it is trusted yet.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(parse(data, what="bundle", limit=MAX_BYTES), "bundle")
    fields.literal("mediaType", MEDIA_TYPE)
    bundle = Bundle(
        trust_roots=fields.items("trustRoots", _trust_root),
        checkpoint=fields.text("checkpoint").encode(),
        statements=fields.items("statements", _statement),
    )
    fields.done()
    _check(bundle)
    return bundle


def logged(envelope: bytes, index: int, proof: Sequence[bytes]) -> LoggedStatement:
    """A logged statement from a stored envelope's bytes.

    Raises:
        IntegrityError: The envelope is malformed.
    """
    return LoggedStatement(parse_envelope(envelope), index, tuple(proof))


def _check(bundle: Bundle) -> None:
    if not 0 < len(bundle.trust_roots) <= MAX_ROOTS:
        raise IntegrityError(f"the bundle holds {len(bundle.trust_roots)} trust roots, not 1 to {MAX_ROOTS}")
    if not 0 < len(bundle.statements) <= MAX_STATEMENTS:
        raise IntegrityError(f"the bundle holds {len(bundle.statements)} statements, not 1 to {MAX_STATEMENTS}")
    places = [item.index for item in bundle.statements]
    if places != sorted(set(places)):
        raise IntegrityError("the bundle's statements are out of order, or one is there twice")


def _statement_to_json(item: LoggedStatement) -> dict[str, Any]:
    proof = [encode_base64(node) for node in item.proof]
    return {"envelope": item.envelope.to_json(), "index": item.index, "proof": proof}


def _statement(value: Any, where: str) -> LoggedStatement:
    fields = Fields(value, where)
    envelope = envelope_from_json(fields.take("envelope"), what=f"{where}.envelope")
    statement = LoggedStatement(envelope, fields.integer("index"), fields.items("proof", _hash))
    fields.done()
    if len(statement.proof) > MAX_PROOF:
        raise fields.refusal("has a proof that is too long")
    return statement


def _hash(value: Any, where: str) -> bytes:
    node = decode_base64(value, where) if isinstance(value, str) else b""
    if len(node) != HASH_SIZE:
        raise IntegrityError(f"{where} is not a SHA-256")
    return node


def _trust_root(value: Any, where: str) -> bytes:
    return envelope_from_json(value, payload_type=trust.PAYLOAD_TYPE, what=where).to_bytes()


def _text(note: bytes) -> str:
    try:
        return note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError("the checkpoint is not UTF-8") from error
