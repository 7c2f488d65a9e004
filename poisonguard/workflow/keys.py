"""Make, show and load signing keys.

A passphrase comes from ``--passphrase-file``, else from ``POISONGUARD_PASSPHRASE``, else from the terminal;
where there is no terminal, there is no passphrase, and an encrypted key cannot be used.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from poisonguard.attest.keyfile import Passphrase, load_private_key, save_private_key
from poisonguard.attest.keys import Algorithm, PrivateKey, PublicKey, generate, parse_public_key
from poisonguard.errors import KeyMaterialError

VARIABLE = "POISONGUARD_PASSPHRASE"
MAX_PASSPHRASE_BYTES = 4096
SHORTEST_NEW_PASSPHRASE = 8
"""NIST SP 800-63B's minimum for a secret that a person chooses."""


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


def show_key(path: Path) -> PublicKey:
    """The public key in ``path``, or in ``path.pub`` when ``path`` is a private key file.

    Raises:
        KeyMaterialError: There is no public key.
    """
    public = path.with_name(path.name + ".pub")
    chosen = path if path.suffix == ".pub" or not public.is_file() else public
    return read_public_key(chosen)


def read_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        KeyMaterialError: There is no such file, or it holds no public key.
    """
    try:
        return parse_public_key(path.read_bytes(), where=str(path))
    except OSError as error:
        raise KeyMaterialError(f"{path} cannot be read: {error.strerror}", hint="Give a .pub file.") from error


def load_key(path: Path, passphrase_file: Path | None = None) -> PrivateKey:
    """The private key in ``path``, its passphrase asked for only when it is encrypted.

    Raises:
        KeyMaterialError: The key or its passphrase is wrong or missing.
    """
    return load_private_key(path, passphrase_source(path, passphrase_file))


def passphrase_source(path: Path, passphrase_file: Path | None, *, confirm: bool = False) -> Passphrase | None:
    """Where the passphrase for ``path`` comes from; nothing when there is nowhere to get it."""
    if passphrase_file is not None:
        return lambda: _from_file(passphrase_file)
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE].encode
    if sys.stdin is not None and sys.stdin.isatty():
        return lambda: _from_terminal(path, confirm=confirm)
    return None


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            first = stream.readline(MAX_PASSPHRASE_BYTES).rstrip(b"\r\n")
    except OSError as error:
        raise KeyMaterialError(f"passphrase file {path} cannot be read: {error.strerror}") from error
    if not first:
        raise KeyMaterialError(f"passphrase file {path} has an empty first line")
    return first


def _from_terminal(path: Path, *, confirm: bool) -> bytes:
    first = getpass.getpass(f"Passphrase for {path}: ")
    if confirm and getpass.getpass("Again: ") != first:
        raise KeyMaterialError("the passphrases differ")
    return first.encode()
