"""Private keys on disk, encrypted at rest.

Form, written by us: one JSON object with the public key and the PKCS#8 DER under AES-256-GCM, the key derived
from the passphrase by scrypt (RFC 7914); the header is authenticated too. Ordinary PKCS#8 PEM, encrypted or
not, loads as well. Rules:

1. A file is read and created as :mod:`poisonguard.attest.key_io` says; a private key that group or others may touch
   is refused.
2. An unencrypted key is written only when the passphrase is ``None`` by intent of the caller.
3. scrypt parameters beyond our bounds are refused: a file cannot make us work or allocate without end.
4. The public half can be read without the passphrase, so that a lost ``.pub`` file costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from poisonguard.attest import mldsa
from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.key_io import KeyFile, create_key_files, read_key_file
from poisonguard.attest.keys import PrivateKey, PublicKey, parse_public_key, private_key
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.errors import IntegrityError, KeyMaterialError

Passphrase = Callable[[], bytes]

KIND = "poisonguard-private-key/v1"
SCRYPT_LOG2_COST = 17  # with block size 8: OWASP's recommendation, 128 MiB and about 0.3 s
SCRYPT_BLOCK = 8
MAX_SCRYPT_LOG2_COST = 18


class _Sealed(NamedTuple):
    """What a file of our own form holds."""

    pem: str
    log2_cost: int
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    def header(self) -> dict[str, Any]:
        """All but the ciphertext, which it is authenticated with."""
        return {
            "kind": KIND,
            "public": self.pem,
            "kdf": "scrypt",
            "log2Cost": self.log2_cost,
            "salt": encode_base64(self.salt),
            "cipher": "aes-256-gcm",
            "nonce": encode_base64(self.nonce),
        }


def save_private_key(key: PrivateKey, path: Path, passphrase: bytes | None) -> None:
    """Write ``key`` to a new file, and its public half to ``path`` + ``.pub``.

    Args:
        key: The key.
        path: Where; must not exist, nor may the ``.pub`` file.
        passphrase: What to encrypt with; ``None`` writes the key in the clear.

    Raises:
        KeyMaterialError: The passphrase is empty, or a file exists or cannot be written.
    """
    if passphrase is not None and not passphrase:
        raise KeyMaterialError("the passphrase is empty", hint="Give one, or ask for an unencrypted key by name.")
    data = _plain(key, Encoding.PEM) if passphrase is None else _seal(key, passphrase)
    create_key_files(path, data, 0o600, key.public.pem.encode())


def load_private_key(path: Path, passphrase: Passphrase | None = None) -> PrivateKey:
    """Read a private key.

    Args:
        path: Our own key file, or PKCS#8 PEM.
        passphrase: Called once, and only when the key is encrypted.

    Raises:
        KeyMaterialError: No such file, open to others, not a key, or the passphrase is wrong or missing.
    """
    return unlock(read_key_file(path), passphrase)


def unlock(file: KeyFile, passphrase: Passphrase | None = None) -> PrivateKey:
    """The private key in a file that was read; as :func:`load_private_key`.

    Raises:
        KeyMaterialError: Open to others, not a key, or the passphrase is wrong or missing.
    """
    file.require_private()
    if file.data.startswith(b"{"):
        return _unseal(_sealed_in(file), file.path, passphrase)
    secret = _ask(passphrase, file.path) if _is_encrypted_pem(file) else None
    return _load_pem(file, secret)


def shows_public_half(file: KeyFile) -> bool:
    """Whether the public half can be read without the passphrase: not from encrypted PEM."""
    return file.data.startswith(b"{") or not _is_encrypted_pem(file)


def public_half(file: KeyFile, passphrase: Passphrase | None = None) -> PublicKey:
    """The public half of the private key in a file that was read.

    Args:
        file: The file.
        passphrase: Asked for only when :func:`shows_public_half` says no.

    Raises:
        KeyMaterialError: As :func:`unlock`.
    """
    if not file.data.startswith(b"{"):
        return unlock(file, passphrase).public
    return parse_public_key(_sealed_in(file).pem, where=str(file.path))


def _is_encrypted_pem(file: KeyFile) -> bool:
    return b"ENCRYPTED" in file.data


def _plain(key: PrivateKey, encoding: Encoding) -> bytes:
    return key.handle.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def _seal(key: PrivateKey, passphrase: bytes) -> bytes:
    sealed = _Sealed(key.public.pem, SCRYPT_LOG2_COST, os.urandom(16), os.urandom(12), b"")
    header = sealed.header()
    ciphertext = _cipher(sealed, passphrase).encrypt(sealed.nonce, _plain(key, Encoding.DER), canonical(header))
    return canonical(header | {"ciphertext": encode_base64(ciphertext)}) + b"\n"


def _unseal(sealed: _Sealed, path: Path, passphrase: Passphrase | None) -> PrivateKey:
    cipher = _cipher(sealed, _ask(passphrase, path))
    try:
        der = cipher.decrypt(sealed.nonce, sealed.ciphertext, canonical(sealed.header()))
    except InvalidTag:
        raise _wrong_passphrase(path) from None
    try:
        key = private_key(load_der_private_key(der, None), where=str(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unreadable(path) from error
    if key.public.pem != sealed.pem:
        raise KeyMaterialError(f"{path} names another public key than that of the private key in it")
    return key


def _sealed_in(file: KeyFile) -> _Sealed:
    try:
        return _parse_sealed(file.data)
    except IntegrityError as error:
        hint = "Restore the key from a backup."
        raise KeyMaterialError(f"{file.path} is damaged: {error.message}", hint=hint) from error


def _parse_sealed(data: bytes) -> _Sealed:
    fields = Fields(parse(data.removesuffix(b"\n"), what="key file"), "key file")
    fields.literal("kind", KIND)
    fields.literal("kdf", "scrypt")
    fields.literal("cipher", "aes-256-gcm")
    pem, log2_cost = fields.text("public"), fields.integer("log2Cost", minimum=1)
    salt, nonce, ciphertext = (decode_base64(fields.text(name), name) for name in ("salt", "nonce", "ciphertext"))
    fields.done()
    if log2_cost > MAX_SCRYPT_LOG2_COST or len(nonce) != 12:  # noqa: PLR2004  12 bytes is GCM's own nonce size
        raise IntegrityError("its parameters are out of bounds")
    return _Sealed(pem, log2_cost, salt, nonce, ciphertext)


def _load_pem(file: KeyFile, passphrase: bytes | None) -> PrivateKey:
    try:
        return private_key(load_pem_private_key(file.data, passphrase), where=str(file.path))
    except UnsupportedAlgorithm as error:
        raise _unreadable(file.path) from error
    except (ValueError, TypeError) as error:
        if passphrase is not None:
            raise _wrong_passphrase(file.path) from error
        hint = mldsa.or_update("Give the file that `keys new` wrote.")
        raise KeyMaterialError(f"{file.path} holds no private key", hint=hint) from error


def _cipher(sealed: _Sealed, passphrase: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=sealed.salt, length=32, n=2**sealed.log2_cost, r=SCRYPT_BLOCK, p=1).derive(passphrase))


def _ask(passphrase: Passphrase | None, path: Path) -> bytes:
    if passphrase is None:
        raise KeyMaterialError(
            f"{path} is encrypted and no passphrase was given",
            hint="Set POISONGUARD_PASSPHRASE or use --passphrase-file.",
        )
    return passphrase()


def _wrong_passphrase(path: Path) -> KeyMaterialError:
    return KeyMaterialError(
        f"wrong passphrase for {path}", hint="Try again. If it is the right one, the file is damaged: restore it."
    )


def _unreadable(path: Path) -> KeyMaterialError:
    return KeyMaterialError(f"{path} holds a key that the installed cryptography cannot read", hint=mldsa.UPDATE)
