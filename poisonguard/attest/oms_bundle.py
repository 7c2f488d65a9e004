"""The outside of an OpenSSF Model Signing 1.0 bundle: a Sigstore bundle around one DSSE envelope.

(https://github.com/ossf/model-signing-spec, ``spec/v1.0.md`` §4 and §8.1-8.2, and its JSON schemas.)

Rules of reading:

1. It is JSON of at most ``MAX_BUNDLE_BYTES``, strict (``canonical.parse_foreign``), with exactly the three members.
2. The media type is that of a Sigstore bundle 0.3.
3. Exactly one of key, certificate chain and Sigstore certificate is there, beside it nothing but log entries and
   timestamps; these are of the schema's shape, and a Sigstore certificate has at least one log entry.
4. The envelope has exactly its three members, the in-toto payload type, and exactly one signature, as Sigstore
   bundles have: a second one would have no key, and a reader who looks at the first only would not miss it.
5. Base64 is standard, padded and spelled in the one way the bytes encode to.

Rules of verifying with a key (``verify_with_key``): the bundle is in key mode; what it says of the key (``hint``, or
``rawBytes`` before 1.1.0) is true of the trusted key; the signature is this key's, ECDSA over the DSSE encoding.
Log entries and timestamps are not looked at: neither mode needs them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from poisonguard.attest.canonical import canonical, parse_foreign
from poisonguard.attest.envelope import pae
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import Algorithm, PublicKey, Signer
from poisonguard.attest.statement import PAYLOAD_TYPE
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.errors import IntegrityError, KeyMaterialError, UsageError

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES = frozenset({MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"})
MAX_BUNDLE_BYTES = 256 * 1024 * 1024
"""About a million files: each takes some 150 bytes and its name, and base64 a third more."""
MAX_CERTIFICATES = 16
WHAT = "OMS bundle"
_ALGORITHMS = frozenset({Algorithm.P256, Algorithm.P384, Algorithm.P521})


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """Key mode: what the bundle says of the key; one of the two.

    Attributes:
        hint: Fingerprint of the key.
        raw: The key itself, as bundles before 1.1.0 have it.
    """

    hint: str | None
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class CertificateMaterial:
    """Certificate mode: the signer's certificate and those that lead to the root, in DER."""

    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SigstoreMaterial:
    """Sigstore (keyless) mode, which is not verified here."""

    certificate: bytes


Material = KeyMaterial | CertificateMaterial | SigstoreMaterial


@dataclass(frozen=True, slots=True)
class OmsBundle:
    """A parsed bundle; nothing in it is trusted yet."""

    material: Material
    payload: bytes
    signature: bytes


def write_bundle(payload: bytes, signer: Signer) -> bytes:
    """A bundle around ``payload``, signed by one key.

    Raises:
        KeyMaterialError: The key is of a kind that OMS does not know.
        UsageError: The bundle is larger than a reader accepts.
    """
    check_key(signer.public)
    signature = signer.sign(pae(PAYLOAD_TYPE, payload))
    data = canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key_hint(signer.public)}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": encode_base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": encode_base64(signature), "keyid": ""}],
            },
        }
    )
    if len(data) > MAX_BUNDLE_BYTES:
        raise UsageError("an OMS bundle of so many files is too large", hint="Sign parts of the dataset, or no OMS.")
    return data


def check_key(key: PublicKey) -> None:
    """Refuse a key that cannot sign OMS bundles.

    Raises:
        KeyMaterialError: It is on none of the three curves.
    """
    if key.algorithm not in _ALGORITHMS:
        raise KeyMaterialError(
            f"key {key.keyid[:12]} is {key.algorithm}, which OpenSSF Model Signing does not know",
            hint="Use a P-256, P-384 or P-521 key: 'poisonguard keys new' makes P-256.",
        )


def key_hint(key: PublicKey) -> str:
    """How ``model_signing`` names a key: hex SHA-256 of its PEM text."""
    return hashlib.sha256(key.pem.encode()).hexdigest()


def parse_bundle(data: bytes) -> OmsBundle:
    """Read a bundle.

    Raises:
        IntegrityError: A rule of reading is broken.
    """
    fields = Fields(parse_foreign(data, what=WHAT, limit=MAX_BUNDLE_BYTES), WHAT)
    if fields.text("mediaType") not in MEDIA_TYPES:
        raise fields.refusal("has a mediaType that is not that of a Sigstore bundle 0.3")
    material = _material(Fields(fields.take("verificationMaterial"), f"{WHAT}.verificationMaterial"))
    payload, signature = _envelope(Fields(fields.take("dsseEnvelope"), f"{WHAT}.dsseEnvelope"))
    fields.done()
    return OmsBundle(material, payload, signature)


def verify_with_key(bundle: OmsBundle, key: PublicKey) -> None:
    """Check that ``key`` signed the bundle.

    Raises:
        IntegrityError: It did not, or the bundle is not in key mode.
        KeyMaterialError: The key is of a kind that OMS does not know.
    """
    check_key(key)
    if not isinstance(bundle.material, KeyMaterial):
        raise other_mode(bundle, "key")
    _check_claim(bundle.material, key)
    verify_signature(bundle, key)


def verify_signature(bundle: OmsBundle, key: PublicKey) -> None:
    """Check the signature alone.

    Raises:
        IntegrityError: It is not that of ``key``.
    """
    if not key.verify(pae(PAYLOAD_TYPE, bundle.payload), bundle.signature):
        raise IntegrityError(
            f"{WHAT}: the signature is not that of key {key.keyid[:12]}",
            hint="The bundle was altered, or signed with another key; get both from their source again.",
        )


_MODES: dict[type, tuple[str, str]] = {
    KeyMaterial: ("key", "Give the signer's public key with --public-key."),
    CertificateMaterial: ("certificate", "Give the root certificate you trust with --certificate-chain."),
    SigstoreMaterial: ("sigstore", "poisonguard works offline; verify it with 'model_signing verify sigstore'."),
}
"""What each mode is called, and how a bundle in it is verified."""


def other_mode(bundle: OmsBundle, wanted: str) -> IntegrityError:
    """The refusal of a bundle that is not in mode ``wanted``; says how to verify it."""
    mode, how = _MODES[type(bundle.material)]
    return IntegrityError(f"{WHAT} is signed in {mode} mode, not in {wanted} mode", hint=how)


def _material(fields: Fields) -> Material:
    logged = _check_extras(fields)
    kinds = [name for name in _READERS if fields.has(name)]
    if len(kinds) != 1:
        raise fields.refusal(f"holds {len(kinds)} of {', '.join(_READERS)}, not exactly one")
    (kind,) = kinds
    material = _READERS[kind](Fields(fields.take(kind), f"{fields.where}.{kind}"))
    fields.done()
    if isinstance(material, SigstoreMaterial) and not logged:
        raise fields.refusal("holds a Sigstore certificate without a log entry")
    return material


def _key(fields: Fields) -> KeyMaterial:
    hint = fields.text("hint") if fields.has("hint") else None
    raw = decode_base64(fields.text("rawBytes"), f"{fields.where}.rawBytes") if fields.has("rawBytes") else None
    if hint is None and raw is None:
        raise fields.refusal("has neither hint nor rawBytes")
    return KeyMaterial(hint, raw)


def _chain(fields: Fields) -> CertificateMaterial:
    chain = fields.items("certificates", lambda value, where: _der(Fields(value, where)))
    if not 0 < len(chain) <= MAX_CERTIFICATES:
        raise fields.refusal(f"holds {len(chain)} certificates, not 1 to {MAX_CERTIFICATES}")
    return CertificateMaterial(chain)


def _sigstore(fields: Fields) -> SigstoreMaterial:
    return SigstoreMaterial(_der(fields))


def _der(fields: Fields) -> bytes:
    return decode_base64(fields.text("rawBytes"), f"{fields.where}.rawBytes")


_READERS: dict[str, Callable[[Fields], Material]] = {
    "publicKey": _key,
    "x509CertificateChain": _chain,
    "certificate": _sigstore,
}


def _envelope(fields: Fields) -> tuple[bytes, bytes]:
    fields.literal("payloadType", PAYLOAD_TYPE)
    payload = decode_base64(fields.text("payload"), f"{fields.where}.payload")
    signatures = fields.items("signatures", _signature)
    fields.done()
    if len(signatures) != 1:
        raise fields.refusal(f"holds {len(signatures)} signatures, not one, as a Sigstore bundle does")
    (signature,) = signatures
    return payload, signature


def _signature(value: Any, where: str) -> bytes:
    fields = Fields(value, where)
    signature = decode_base64(fields.text("sig"), f"{where}.sig")
    keyid = fields.take("keyid") if fields.has("keyid") else None
    fields.done()
    if keyid is not None and not isinstance(keyid, str):
        raise fields.refusal("has a keyid that is neither text nor null")
    return signature


def _check_claim(material: KeyMaterial, key: PublicKey) -> None:
    """What the bundle says of its key must be true of ours."""
    # The specification says "key fingerprint": that of the PEM text is model_signing's, that of the DER is ours.
    names = {key_hint(key), key.keyid}
    claims = [material.hint] if material.hint is not None else []
    claims += [hashlib.sha256(material.raw).hexdigest()] if material.raw is not None else []
    if not names.issuperset(claims):
        raise IntegrityError(
            f"{WHAT} says that it is signed with another key than {key.keyid[:12]}",
            hint="Give the public key of whoever signed it.",
        )


_TEXT = str
_LOG_ENTRY: dict[str, Any] = {
    "logIndex": _TEXT,
    "logId": {"keyId": _TEXT},
    "kindVersion": {"kind": _TEXT, "version": _TEXT},
    "integratedTime": _TEXT,
    "inclusionPromise": {"signedEntryTimestamp": _TEXT},
    "inclusionProof": {
        "logIndex": _TEXT,
        "rootHash": _TEXT,
        "treeSize": _TEXT,
        "hashes": [_TEXT],
        "checkpoint": {"envelope": _TEXT},
    },
    "canonicalizedBody": _TEXT,
}
_TIMESTAMPS = {"rfc3161Timestamps": [{"signedTimestamp": _TEXT}]}


def _check_extras(fields: Fields) -> bool:
    """Check the shape of log entries and timestamps; whether there is a log entry."""
    entries = fields.take("tlogEntries") if fields.has("tlogEntries") else []
    _check_shape(entries, [_LOG_ENTRY], f"{fields.where}.tlogEntries")
    if fields.has("timestampVerificationData"):
        where = f"{fields.where}.timestampVerificationData"
        _check_shape(fields.take("timestampVerificationData"), _TIMESTAMPS, where)
    return bool(entries)


def _check_shape(value: Any, shape: Any, where: str) -> None:
    """Members that the schema names have its type; others are allowed there."""
    kind = shape if shape is _TEXT else type(shape)
    if not isinstance(value, kind):
        raise IntegrityError(f"{where} is not of the schema's shape")
    if isinstance(value, list):
        (each,) = shape
        for index, item in enumerate(value):
            _check_shape(item, each, f"{where}[{index}]")
    elif isinstance(value, dict):
        for name in shape.keys() & value.keys():
            _check_shape(value[name], shape[name], f"{where}.{name}")
