"""ML-DSA (FIPS 204), the post-quantum signature, where the installed ``cryptography`` has it.

Pure ML-DSA over the data with an empty context, at FIPS 204's two stronger levels. ``cryptography`` has it from 48
on; with an older one everything else works, and whoever asks for ML-DSA is told what to install.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple, Protocol, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm

from poisonguard.errors import KeyMaterialError

ML_DSA_65 = "ml-dsa-65"
ML_DSA_87 = "ml-dsa-87"
UPDATE = "An ML-DSA key needs cryptography 48 or newer: pip install --upgrade cryptography"


class PublicHandle(Protocol):
    """What ``cryptography`` gives for a public ML-DSA key."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise ``InvalidSignature`` unless it is one."""

    def public_bytes(self, encoding: Any, format: Any) -> bytes:  # noqa: A002 - named by cryptography
        """The key, written down."""


class PrivateHandle(Protocol):
    """What ``cryptography`` gives for a private ML-DSA key."""

    def sign(self, data: bytes) -> bytes:
        """A signature of ``data``."""

    def public_key(self) -> PublicHandle:
        """The public half."""

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002 - as above
        """The key, written down."""


class _Kind(NamedTuple):
    name: str
    private: Any
    public: Any


def generate(name: str) -> PrivateHandle:
    """A new private key of the kind ``name``.

    Raises:
        KeyMaterialError: The installed ``cryptography`` cannot do it.
    """
    try:
        for kind in KINDS:
            if kind.name == name:
                handle: PrivateHandle = kind.private.generate()
                return handle
    except UnsupportedAlgorithm:
        pass  # it knows the name, but the OpenSSL that it was built with cannot do it
    raise KeyMaterialError(f"the installed cryptography cannot make {name} keys", hint=UPDATE)


def or_update(hint: str) -> str:
    """``hint``, and what to install where a key may be unreadable because it is ML-DSA."""
    return hint if KINDS else f"{hint} {UPDATE}"


def is_private(handle: object) -> TypeGuard[PrivateHandle]:
    """Whether it is a private ML-DSA key of a kind that is accepted here."""
    return any(isinstance(handle, kind.private) for kind in KINDS)


def is_public(handle: object) -> TypeGuard[PublicHandle]:
    """Whether it is a public ML-DSA key of a kind that is accepted here."""
    return any(isinstance(handle, kind.public) for kind in KINDS)


def name_of(handle: PublicHandle) -> str:
    """The kind of a public key."""
    return next(kind.name for kind in KINDS if isinstance(handle, kind.public))


def _kinds() -> tuple[_Kind, ...]:
    try:
        module: Any = import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
    except ImportError:
        return ()
    return (
        _Kind(ML_DSA_65, module.MLDSA65PrivateKey, module.MLDSA65PublicKey),
        _Kind(ML_DSA_87, module.MLDSA87PrivateKey, module.MLDSA87PublicKey),
    )


KINDS = _kinds()
"""The kinds that the installed ``cryptography`` names."""
