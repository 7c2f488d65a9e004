"""DSSE v1 envelopes (https://github.com/secure-systems-lab/dsse): bytes and who signed them.

Rules of reading:

1. An envelope is canonical JSON with exactly ``payload``, ``payloadType`` and ``signatures``.
2. Its type is the one asked for; this is checked before anybody looks at the payload.
3. Base64 is standard, padded and spelled in the one way the bytes encode to.
4. There is at least one signature, at most ``MAX_SIGNATURES``, and no two with one key id.

Rules of verifying:

5. Every signature is looked at; the algorithm is the trusted key's, never named by the sender.
6. A signature under the id of a trusted key that this key did not make is tampering: the envelope is refused,
   however many good ones stand beside it.
7. A signature under an unknown key id counts for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import PublicKey, Signer
from poisonguard.attest.statement import PAYLOAD_TYPE
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.errors import IntegrityError, UsageError

MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature and the id of the key that is said to have made it."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its type, and its signatures, sorted by key id."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the payload: the name by which other statements refer to this one."""
        return hashlib.sha256(self.payload).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The envelope as JSON."""
        return {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": item.keyid, "sig": encode_base64(item.sig)} for item in self.signatures],
        }

    def to_bytes(self) -> bytes:
        """The envelope as it is stored, logged and sent."""
        return canonical(self.to_json())


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signers: Sequence[Signer], *, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope around ``payload``, signed by every signer.

    Raises:
        UsageError: There is no signer.
    """
    return add_signatures(Envelope(payload, payload_type, ()), signers)


def add_signatures(envelope: Envelope, signers: Sequence[Signer]) -> Envelope:
    """The envelope with signatures of ``signers`` added; a key's older signature gives way.

    Raises:
        UsageError: There is no signer.
    """
    if not signers:
        raise UsageError("nothing to sign with", hint="Name a private key with --key.")
    message = pae(envelope.payload_type, envelope.payload)
    signatures = {item.keyid: item for item in envelope.signatures}
    signatures |= {item.public.keyid: Signature(item.public.keyid, item.sign(message)) for item in signers}
    return Envelope(envelope.payload, envelope.payload_type, tuple(signatures[keyid] for keyid in sorted(signatures)))


def parse_envelope(data: bytes, *, payload_type: str = PAYLOAD_TYPE, what: str = "envelope") -> Envelope:
    """Read an envelope of the given type.

    Raises:
        IntegrityError: A rule of reading is broken.
    """
    return envelope_from_json(parse(data, what=what), payload_type=payload_type, what=what)


def envelope_from_json(value: Any, *, payload_type: str = PAYLOAD_TYPE, what: str = "envelope") -> Envelope:
    """Read an envelope that is part of a larger document, already parsed canonically.

    Raises:
        IntegrityError: A rule of reading is broken.
    """
    fields = Fields(value, what)
    fields.literal("payloadType", payload_type)
    payload = decode_base64(fields.text("payload"), f"{what}.payload")
    signatures = fields.items("signatures", _signature)
    fields.done()
    keyids = [item.keyid for item in signatures]
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise IntegrityError(f"{what} holds {len(signatures)} signatures, not 1 to {MAX_SIGNATURES}")
    if keyids != sorted(set(keyids)):
        raise IntegrityError(f"{what} holds two signatures under one key id, or in disorder")
    return Envelope(payload, payload_type, signatures)


def verify(envelope: Envelope, keys: Iterable[PublicKey], *, what: str = "envelope") -> tuple[PublicKey, ...]:
    """The keys of ``keys`` that signed the envelope, each once; possibly none.

    Raises:
        IntegrityError: A signature that claims to be by one of ``keys`` is not.
    """
    known = {key.keyid: key for key in keys}
    message = pae(envelope.payload_type, envelope.payload)
    claimed = [(known[item.keyid], item.sig) for item in envelope.signatures if item.keyid in known]
    for key, signature in claimed:
        if not key.verify(message, signature):
            raise IntegrityError(
                f"{what}: the signature under key {key.keyid[:12]} does not verify",
                hint="The document or the signature was altered; get it from its source again.",
            )
    return tuple(dict.fromkeys(key for key, _ in claimed))


def _signature(value: Any, where: str) -> Signature:
    fields = Fields(value, where)
    result = Signature(fields.text("keyid"), decode_base64(fields.text("sig"), f"{where}.sig"))
    fields.done()
    return result
