"""Keys, certificates, bundles and trees for the tests of OpenSSF Model Signing."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from poisonguard.attest.envelope import pae
from poisonguard.attest.keys import Algorithm, PrivateKey, generate, private_key
from poisonguard.attest.oms import Origin
from poisonguard.attest.oms_bundle import MEDIA_TYPE, key_hint
from poisonguard.attest.statement import PAYLOAD_TYPE

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
ALGORITHMS = (Algorithm.P256, Algorithm.P384, Algorithm.P521)
KEYS = {algorithm: generate(algorithm) for algorithm in Algorithm if algorithm in {*ALGORITHMS, Algorithm.ED25519}}
KEY = KEYS[Algorithm.P256]
ORIGIN = Origin(subject="data", version="pg1:" + "0" * 64, hash_profile="file=sha256; test")

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def private_pem(self) -> bytes:
        return self.key.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def identity(  # noqa: PLR0913 - each is one property of a certificate that a test wants to be wrong
    name: str,
    issuer: Identity | None = None,
    *,
    curve: str = "p256",
    authority: bool | None = False,
    path_length: int | None = None,
    usages: tuple[str, ...] | None = None,
    code_signing: bool = False,
    valid: tuple[int, int] = (-10, 10),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    issuer_name: str | None = None,
    now: datetime = NOW,
) -> Identity:
    """A certificate that ``issuer`` issued, or that is its own issuer; valid in days from ``now``."""
    secret = ec.generate_private_key(CURVES[curve])
    if usages is None:
        usages = ("key_cert_sign",) if authority else ("digital_signature",)
    signed_by = issuer.certificate.subject if issuer else _name(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer_name) if issuer_name else signed_by)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid[0]))
        .not_valid_after(now + timedelta(days=valid[1]))
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    if usages:
        flags = {usage: usage in usages for usage in _USAGES}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    if code_signing:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    issuing = issuer.key.handle if issuer else secret
    assert isinstance(issuing, ec.EllipticCurvePrivateKey)
    return Identity(builder.sign(issuing, hashes.SHA256()), private_key(secret))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def key_material(key: PrivateKey = KEY) -> dict[str, Any]:
    return {"publicKey": {"hint": key_hint(key.public)}, "tlogEntries": []}


def chain_material(*chain: bytes) -> dict[str, Any]:
    certificates = [{"rawBytes": base64.b64encode(der).decode()} for der in chain]
    return {"x509CertificateChain": {"certificates": certificates}, "tlogEntries": []}


def statement(files: dict[str, bytes], **serialization: object) -> dict[str, Any]:
    """A statement of another maker than us about ``files``."""
    digests = {name: sha256(data) for name, data in files.items()}
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "resources": [{"name": name, "digest": digest, "algorithm": "sha256"} for name, digest in digests.items()],
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False} | serialization,
        },
    }


def bundle(said: object, key: PrivateKey = KEY, material: dict[str, Any] | None = None) -> dict[str, Any]:
    """A bundle of another maker than us around a statement, which may be anything."""
    payload = said if isinstance(said, bytes) else json.dumps(said, indent=2).encode()
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": key_material(key) if material is None else material,
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
