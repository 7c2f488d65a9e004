"""Make, show, import and load signing keys.

Wherever a key is asked for, it is the path of a private key file, the URI of a key that is held elsewhere, or the
path of a key reference that :func:`import_key` wrote. A passphrase, or a PIN, comes from ``--passphrase-file``, else
from ``POISONGUARD_PASSPHRASE``, else from the terminal; where there is no terminal, there is none, and what is
encrypted or locked cannot be used.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
from functools import cache
from pathlib import Path

from poisonguard.attest.key_io import KeyFile, create_key_files, public_path_of, read_key_file
from poisonguard.attest.key_reference import is_reference, parse_reference
from poisonguard.attest.keyfile import Passphrase, public_half, save_private_key, shows_public_half, unlock
from poisonguard.attest.keys import Algorithm, PublicKey, Signer, generate, parse_public_key
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.signers import SCHEMES, RemoteKey, Secret, import_reference, uri_of

VARIABLE = "POISONGUARD_PASSPHRASE"
MAX_PASSPHRASE_BYTES = 4096
SHORTEST_NEW_PASSPHRASE = 8
"""NIST SP 800-63B's minimum for a secret that a person chooses."""

FILE_SCHEME = "file2:"
"""``securesystemslib``'s URI of a PEM file; read here, with the checks of every key file."""

HOW_TO_NAME_A_KEY = f"A key is a file, or a URI that begins with {', '.join(f'{name}:' for name in SCHEMES)}."


def new_key(path: Path, algorithm: Algorithm, passphrase: bytes | None) -> PublicKey:
    """Make a key pair: ``path`` holds the private half, ``path.pub`` the public one.

    Args:
        path: Where; never over another key.
        algorithm: Kind of key.
        passphrase: What to encrypt with; ``None`` leaves the key in the clear.

    Raises:
        KeyMaterialError: The passphrase is too short, or the files cannot be written.
    """
    if passphrase is not None and len(passphrase) < SHORTEST_NEW_PASSPHRASE:
        raise KeyMaterialError(f"the passphrase is shorter than {SHORTEST_NEW_PASSPHRASE} characters")
    key = generate(algorithm)
    save_private_key(key, path, passphrase)
    return key.public


def import_key(uri: str, path: Path, passphrase_file: Path | None = None) -> PublicKey:
    """Write a reference to a key that is held elsewhere to ``path``, and its public half to ``path.pub``.

    Args:
        uri: Where the key is held.
        path: The new file; never over another.
        passphrase_file: File with the PIN, for a device that shows nothing without one.

    Raises:
        KeyMaterialError: The URI is wrong, the device cannot be used, or the files cannot be written.
    """
    known = uri_of(uri)
    if known is None:
        raise KeyMaterialError(f"{uri} is not the URI of a key that is held elsewhere", hint=HOW_TO_NAME_A_KEY)
    reference = import_reference(known, _secret(known, passphrase_file))
    create_key_files(path, reference.encode(), 0o644, reference.public.pem.encode())
    return reference.public


def show_key(key: Path, passphrase_file: Path | None = None) -> PublicKey:
    """The public half of a key.

    The key file itself is asked before the ``.pub`` file beside it, which may be missing, half-written or another's.

    Args:
        key: A ``.pub`` file, or whatever a key can be.
        passphrase_file: Its passphrase, needed only when encrypted PEM has no ``.pub`` file beside it.

    Raises:
        KeyMaterialError: There is no public key.
    """
    uri = uri_of(str(key))
    if uri is not None:
        return import_reference(uri, _secret(uri, passphrase_file)).public
    path = _path(str(key))
    beside = public_path_of(path)
    written = beside.is_file() and beside.stat().st_size > 0
    if path.suffix == ".pub" or (written and not path.exists()):
        return read_public_key(beside if written else path)
    file = read_key_file(path)
    if is_reference(file.data):
        return parse_reference(file.data, str(path)).public
    if file.data.startswith(b"-----BEGIN PUBLIC KEY"):
        return parse_public_key(file.data, where=str(path))
    if written and not shows_public_half(file):
        return read_public_key(beside)
    return public_half(file, passphrase_source(str(path), passphrase_file))


def read_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        KeyMaterialError: There is no such file, or it holds no public key.
    """
    try:
        return parse_public_key(path.read_bytes(), where=str(path))
    except OSError as error:
        raise KeyMaterialError(f"{path} cannot be read: {error.strerror}", hint="Give a .pub file.") from error


def load_key(key: Path | str, passphrase_file: Path | None = None) -> Signer:
    """What signs with ``key``; its passphrase is asked for only when it is encrypted, a PIN only when it signs.

    Args:
        key: Path of a private key file or of a key reference, or a URI.
        passphrase_file: File with the passphrase or PIN.

    Raises:
        KeyMaterialError: The key or its passphrase is wrong or missing.
    """
    uri = uri_of(str(key))
    if uri is not None:
        secret = _secret(uri, passphrase_file)
        return RemoteKey(import_reference(uri, secret), secret)
    path = _path(str(key))
    file = read_key_file(path)
    if is_reference(file.data):
        return _referenced(file, passphrase_file)
    return unlock(file, passphrase_source(str(path), passphrase_file))


def passphrase_source(name: str, passphrase_file: Path | None, *, confirm: bool = False) -> Passphrase | None:
    """Where the passphrase or PIN for the key ``name`` comes from; nothing when there is nowhere to get it."""
    if passphrase_file is not None:
        return lambda: _from_file(passphrase_file)
    if os.environ.get(VARIABLE):
        return lambda: os.fsencode(os.environ[VARIABLE])
    if sys.stdin is not None and sys.stdin.isatty():
        return lambda: _from_terminal(name, confirm=confirm)
    return None


def _path(key: str) -> Path:
    if key.startswith(FILE_SCHEME):
        return Path(os.environ.get("CRYPTO_SIGNER_PATH_PREFIX", ""), key.removeprefix(FILE_SCHEME))
    path = Path(key)
    if re.match(r"[a-z][a-z0-9+.-]+:", key) and not path.exists():
        raise KeyMaterialError(f"{key} is no file, and no URI that is understood", hint=HOW_TO_NAME_A_KEY)
    return path


def _referenced(file: KeyFile, passphrase_file: Path | None) -> RemoteKey:
    file.require_unaltered()
    reference = parse_reference(file.data, str(file.path))
    return RemoteKey(reference, _secret(reference.uri, passphrase_file))


def _secret(uri: str, passphrase_file: Path | None) -> Secret:
    source = passphrase_source(uri, passphrase_file)

    @cache
    def secret(name: str) -> str:
        if source is None:
            raise KeyMaterialError(
                f"{uri} needs a {name.upper()} and there is no terminal to ask on",
                hint="Set POISONGUARD_PASSPHRASE or use --passphrase-file.",
            )
        try:
            return source().decode()
        except UnicodeDecodeError as error:
            raise KeyMaterialError(f"the {name.upper()} for {uri} is not UTF-8") from error

    return secret


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            line = stream.readline(MAX_PASSPHRASE_BYTES + 2)
    except OSError as error:
        raise KeyMaterialError(f"passphrase file {path} cannot be read: {error.strerror}") from error
    first = line.rstrip(b"\r\n")
    if not first:
        raise KeyMaterialError(f"passphrase file {path} has an empty first line")
    if len(first) > MAX_PASSPHRASE_BYTES:
        raise KeyMaterialError(f"the first line of passphrase file {path} is longer than {MAX_PASSPHRASE_BYTES} bytes")
    return first


def _from_terminal(name: str, *, confirm: bool) -> bytes:
    word = "PIN" if uri_of(name) else "Passphrase"
    try:
        first = getpass.getpass(f"{word} for {name}: ")
        again = getpass.getpass("Again: ") if confirm else first
    except EOFError as error:
        raise KeyMaterialError(f"no passphrase was typed for {name}") from error
    if again != first:
        raise KeyMaterialError("the passphrases differ")
    return first.encode()
