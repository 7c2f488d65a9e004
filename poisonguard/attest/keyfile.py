"""Private keys on disk, encrypted at rest.

Form, written by us: one JSON object with the public key and the PKCS#8 DER under AES-256-GCM, the key derived
from the passphrase by scrypt (RFC 7914); the header is authenticated too. Ordinary PKCS#8 PEM, encrypted or
not, loads as well. Rules:

1. A new file is created 0600, never over another, and is durable before the call returns.
2. A file that group or others may touch, that is not a regular file, or that is a symbolic link is refused.
3. An unencrypted key is written only when the passphrase is ``None`` by intent of the caller.
4. scrypt parameters beyond our bounds are refused: a file cannot make us work or allocate without end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import MAX_KEY_BYTES, PrivateKey, private_key
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.errors import IntegrityError, KeyMaterialError

Passphrase = Callable[[], bytes]

KIND = "poisonguard-private-key/v1"
SCRYPT_LOG2_COST = 17  # with block size 8: OWASP's recommendation, 128 MiB and about 0.3 s
SCRYPT_BLOCK = 8
MAX_SCRYPT_LOG2_COST = 18


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
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise KeyMaterialError(f"{public} exists", hint="Keys are never overwritten; choose another name.")
    _create(path, _pem(key) if passphrase is None else _sealed(key, passphrase), 0o600)
    _create(public, key.public.pem.encode(), 0o644)


def load_private_key(path: Path, passphrase: Passphrase | None = None) -> PrivateKey:
    """Read a private key.

    Args:
        path: Our own key file, or PKCS#8 PEM.
        passphrase: Called once, and only when the key is encrypted.

    Raises:
        KeyMaterialError: No such file, open to others, not a key, or the passphrase is wrong or missing.
    """
    data = _read_private(path)
    if data.startswith(b"{"):
        return _unsealed(data, path, passphrase)
    if b"ENCRYPTED" not in data:
        return _load_pem(data, path, None)
    return _load_pem(data, path, _ask(passphrase, path))


def _pem(key: PrivateKey) -> bytes:
    return key.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _sealed(key: PrivateKey, passphrase: bytes) -> bytes:
    der = key.handle.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, nonce = os.urandom(16), os.urandom(12)
    header = _header(key.public.pem, SCRYPT_LOG2_COST, salt, nonce)
    secret = _derive(passphrase, salt, SCRYPT_LOG2_COST)
    header["ciphertext"] = encode_base64(AESGCM(secret).encrypt(nonce, der, canonical(header)))
    return canonical(header) + b"\n"


def _header(pem: str, log2_cost: int, salt: bytes, nonce: bytes) -> dict[str, Any]:
    return {
        "kind": KIND,
        "public": pem,
        "kdf": "scrypt",
        "log2Cost": log2_cost,
        "salt": encode_base64(salt),
        "cipher": "aes-256-gcm",
        "nonce": encode_base64(nonce),
    }


def _unsealed(data: bytes, path: Path, passphrase: Passphrase | None) -> PrivateKey:
    try:
        pem, log2_cost, salt, nonce, ciphertext = _parse_sealed(data)
    except IntegrityError as error:
        raise KeyMaterialError(f"{path} is damaged: {error.message}", hint="Restore the key from a backup.") from error
    secret = _derive(_ask(passphrase, path), salt, log2_cost)
    try:
        der = AESGCM(secret).decrypt(nonce, ciphertext, canonical(_header(pem, log2_cost, salt, nonce)))
    except (InvalidTag, ValueError):
        raise _wrong_passphrase(path) from None
    return private_key(load_der_private_key(der, None))


def _parse_sealed(data: bytes) -> tuple[str, int, bytes, bytes, bytes]:
    fields = Fields(parse(data.removesuffix(b"\n"), what="key file", limit=MAX_KEY_BYTES), "key file")
    fields.literal("kind", KIND)
    fields.literal("kdf", "scrypt")
    fields.literal("cipher", "aes-256-gcm")
    pem, log2_cost = fields.text("public"), fields.integer("log2Cost", minimum=1)
    salt, nonce, ciphertext = (decode_base64(fields.text(name), name) for name in ("salt", "nonce", "ciphertext"))
    fields.done()
    if log2_cost > MAX_SCRYPT_LOG2_COST or len(nonce) != 12:  # noqa: PLR2004  12 bytes is GCM's own nonce size
        raise IntegrityError("its parameters are out of bounds")
    return pem, log2_cost, salt, nonce, ciphertext


def _load_pem(data: bytes, path: Path, passphrase: bytes | None) -> PrivateKey:
    try:
        return private_key(load_pem_private_key(data, passphrase))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if passphrase is not None:
            raise _wrong_passphrase(path) from error
        raise KeyMaterialError(f"{path} holds no private key", hint="Give the file that `keys new` wrote.") from error


def _derive(passphrase: bytes, salt: bytes, log2_cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**log2_cost, r=SCRYPT_BLOCK, p=1).derive(passphrase)


def _ask(passphrase: Passphrase | None, path: Path) -> bytes:
    if passphrase is None:
        raise KeyMaterialError(
            f"{path} is encrypted and no passphrase was given",
            hint="Set POISONGUARD_PASSPHRASE or use --passphrase-file.",
        )
    return passphrase()


def _wrong_passphrase(path: Path) -> KeyMaterialError:
    return KeyMaterialError(f"wrong passphrase for {path}", hint="Try again; the key file was not changed.")


def _read_private(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise KeyMaterialError(f"{path} {reason}", hint="Give the path of a private key file.") from error
    with os.fdopen(descriptor, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise KeyMaterialError(f"{path} is not a regular file")
        if mode & 0o077:
            raise KeyMaterialError(f"{path} can be touched by others", hint=f"Run: chmod 600 {path}")
        data = stream.read(MAX_KEY_BYTES + 1)
    if len(data) > MAX_KEY_BYTES:
        raise KeyMaterialError(f"{path} is too large for a key")
    return data


def _create(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise KeyMaterialError(f"{path} exists", hint="Keys are never overwritten; choose another name.") from error
    except OSError as error:
        raise KeyMaterialError(f"{path} cannot be written: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
