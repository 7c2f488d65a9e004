"""Signing keys: P-256 by default, P-384, P-521, Ed25519 and ML-DSA.

A signature is verified by the key's own algorithm, never by one that its sender names. A key's id is the hex
SHA-256 of its SubjectPublicKeyInfo in DER, as written anew by us: two encodings of one key have one id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from poisonguard.attest import mldsa
from poisonguard.errors import KeyMaterialError

MAX_KEY_BYTES = 64 * 1024


class Algorithm(StrEnum):
    """What a key is; decides how it signs."""

    P256 = "p256"
    P384 = "p384"
    P521 = "p521"
    ED25519 = "ed25519"
    ML_DSA_65 = mldsa.ML_DSA_65
    ML_DSA_87 = mldsa.ML_DSA_87


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

PublicHandle = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | mldsa.PublicHandle
PrivateHandle = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mldsa.PrivateHandle


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
            if isinstance(self.handle, ec.EllipticCurvePublicKey):
                self.handle.verify(signature, data, ec.ECDSA(_DIGESTS[self.algorithm]))
            else:
                self.handle.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def to_json(self) -> dict[str, str]:
        """As JSON, for people and programs that ask for a key."""
        return {"keyid": self.keyid, "algorithm": str(self.algorithm), "pem": self.pem}

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
        """Signature of ``data``: DER for ECDSA with the curve's own digest, raw for the other kinds."""
        if isinstance(self.handle, ec.EllipticCurvePrivateKey):
            return self.handle.sign(data, ec.ECDSA(_DIGESTS[self.public.algorithm]))
        return self.handle.sign(data)


def generate(algorithm: Algorithm = Algorithm.P256) -> PrivateKey:
    """A new private key.

    Raises:
        KeyMaterialError: It is ML-DSA, and the installed ``cryptography`` is too old for it.
    """
    if algorithm in _CURVES:
        return private_key(ec.generate_private_key(_CURVES[algorithm]))
    if algorithm is Algorithm.ED25519:
        return private_key(ed25519.Ed25519PrivateKey.generate())
    return private_key(mldsa.generate(algorithm))


def private_key(handle: object, *, where: str = "the key") -> PrivateKey:
    """A private key around a ``cryptography`` key; ``where`` names it in errors.

    Raises:
        KeyMaterialError: It is of a kind that poisonguard does not sign with.
    """
    if not _is_private(handle):
        raise _unsupported(where)
    return PrivateKey(public_key(handle.public_key(), where=where), handle)


def public_key(handle: object, *, where: str = "the key") -> PublicKey:
    """A public key around a ``cryptography`` key; ``where`` names it in errors.

    Raises:
        KeyMaterialError: It is of a kind that poisonguard does not accept.
    """
    if not _is_public(handle):
        raise _unsupported(where)
    der = handle.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = handle.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    return PublicKey(hashlib.sha256(der).hexdigest(), _algorithm(handle, where), pem, handle)


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
    except UnsupportedAlgorithm as error:
        raise KeyMaterialError(f"{where}: the installed cryptography cannot read it", hint=mldsa.UPDATE) from error
    except ValueError as error:
        hint = mldsa.or_update("Give the .pub file that `keys new` wrote.")
        raise KeyMaterialError(f"{where} holds no public key", hint=hint) from error
    return public_key(handle, where=where)


def _is_private(handle: object) -> TypeGuard[PrivateHandle]:
    return isinstance(handle, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) or mldsa.is_private(handle)


def _is_public(handle: object) -> TypeGuard[PublicHandle]:
    return isinstance(handle, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) or mldsa.is_public(handle)


def _algorithm(handle: PublicHandle, where: str) -> Algorithm:
    if isinstance(handle, ed25519.Ed25519PublicKey):
        return Algorithm.ED25519
    if not isinstance(handle, ec.EllipticCurvePublicKey):
        return Algorithm(mldsa.name_of(handle))
    try:
        return _BY_CURVE[handle.curve.name]
    except KeyError:
        raise _unsupported(where) from None


def _unsupported(where: str) -> KeyMaterialError:
    return KeyMaterialError(f"{where} is of a kind that is not accepted", hint=f"Accepted: {', '.join(Algorithm)}.")
