"""Signing keys: P-256 by default, P-384, P-521 and Ed25519; verified by the key's own algorithm, never the sender's.

A key's id is the hex SHA-256 of its SubjectPublicKeyInfo in DER, as written anew by us: two encodings of one
key have one id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from poisonguard.errors import KeyMaterialError

MAX_KEY_BYTES = 64 * 1024


class Algorithm(StrEnum):
    """What a key is; decides how it signs."""

    P256 = "p256"
    P384 = "p384"
    P521 = "p521"
    ED25519 = "ed25519"


_CURVES: dict[Algorithm, ec.EllipticCurve] = {
    Algorithm.P256: ec.SECP256R1(),
    Algorithm.P384: ec.SECP384R1(),
    Algorithm.P521: ec.SECP521R1(),
}
_DIGESTS: dict[Algorithm, hashes.HashAlgorithm] = {
    Algorithm.P256: hashes.SHA256(),
    Algorithm.P384: hashes.SHA384(),
    Algorithm.P521: hashes.SHA512(),
}
_BY_CURVE = {curve.name: algorithm for algorithm, curve in _CURVES.items()}

PublicHandle = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateHandle = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; equal to another exactly when it is the same key.

    Attributes:
        keyid: Hex SHA-256 of the DER SubjectPublicKeyInfo.
        algorithm: What it is.
        pem: SubjectPublicKeyInfo PEM, as written by us.
    """

    keyid: str
    algorithm: Algorithm
    pem: str = field(repr=False)
    handle: PublicHandle = field(repr=False, compare=False)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's signature of ``data``."""
        try:
            if isinstance(self.handle, ed25519.Ed25519PublicKey):
                self.handle.verify(signature, data)
            else:
                self.handle.verify(signature, data, ec.ECDSA(_DIGESTS[self.algorithm]))
        except InvalidSignature:
            return False
        return True

    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key, as signed notes use them.

        Raises:
            KeyMaterialError: It is another kind of key.
        """
        if not isinstance(self.handle, ed25519.Ed25519PublicKey):
            raise KeyMaterialError(f"key {self.keyid[:12]} is {self.algorithm}, not ed25519")
        return self.handle.public_bytes(Encoding.Raw, PublicFormat.Raw)


class Signer(Protocol):
    """Whatever can sign: a key file, a hardware key, a key service."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data``."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key in memory; a :class:`Signer`."""

    public: PublicKey
    handle: PrivateHandle = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """Signature of ``data``: raw for Ed25519, DER for ECDSA with the curve's own digest."""
        if isinstance(self.handle, ed25519.Ed25519PrivateKey):
            return self.handle.sign(data)
        return self.handle.sign(data, ec.ECDSA(_DIGESTS[self.public.algorithm]))


def generate(algorithm: Algorithm = Algorithm.P256) -> PrivateKey:
    """A new private key."""
    if algorithm is Algorithm.ED25519:
        return private_key(ed25519.Ed25519PrivateKey.generate())
    return private_key(ec.generate_private_key(_CURVES[algorithm]))


def private_key(handle: object) -> PrivateKey:
    """A private key around a ``cryptography`` key.

    Raises:
        KeyMaterialError: It is of a kind that poisonguard does not sign with.
    """
    if not isinstance(handle, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise _unsupported()
    return PrivateKey(public_key(handle.public_key()), handle)


def public_key(handle: object) -> PublicKey:
    """A public key around a ``cryptography`` key.

    Raises:
        KeyMaterialError: It is of a kind that poisonguard does not accept.
    """
    if not isinstance(handle, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise _unsupported()
    der = handle.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = handle.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    return PublicKey(hashlib.sha256(der).hexdigest(), _algorithm(handle), pem, handle)


def parse_public_key(pem: str | bytes, *, where: str = "public key") -> PublicKey:
    """The key in a SubjectPublicKeyInfo PEM; ``where`` names it in errors.

    Raises:
        KeyMaterialError: It is not a public key that poisonguard accepts.
    """
    data = pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
    if len(data) > MAX_KEY_BYTES:
        raise KeyMaterialError(f"{where} is too large for a key")
    try:
        handle = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyMaterialError(
            f"{where} holds no public key", hint="Give the .pub file that `keys new` wrote."
        ) from error
    return public_key(handle)


def _algorithm(handle: PublicHandle) -> Algorithm:
    if isinstance(handle, ed25519.Ed25519PublicKey):
        return Algorithm.ED25519
    try:
        return _BY_CURVE[handle.curve.name]
    except KeyError:
        raise _unsupported() from None


def _unsupported() -> KeyMaterialError:
    return KeyMaterialError("the key is of a kind that is not accepted", hint=f"Accepted: {', '.join(Algorithm)}.")
