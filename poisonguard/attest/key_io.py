"""Key files as bytes: read without surprises, written whole or not at all.

Rules:

1. A new file appears whole and durable, with its mode, under its name, and never over another: it is written under
   a hidden name beside it and linked into place. A crash leaves at worst that hidden file.
2. A file that is not regular, that is a symbolic link, or that is larger than a key is refused.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from poisonguard.attest.keys import MAX_KEY_BYTES
from poisonguard.errors import KeyMaterialError


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file that was read.

    Attributes:
        path: Where it lies.
        data: What it holds.
        mode: Its permissions when it was open.
    """

    path: Path
    data: bytes
    mode: int

    def require_private(self) -> None:
        """Refuse a file that group or others may touch.

        Raises:
            KeyMaterialError: They may.
        """
        if self.mode & 0o077:
            raise KeyMaterialError(f"{self.path} can be touched by others", hint=f"Run: chmod 600 {self.path}")

    def require_unaltered(self) -> None:
        """Refuse a file that group or others may write.

        Raises:
            KeyMaterialError: They may.
        """
        if self.mode & 0o022:
            raise KeyMaterialError(f"{self.path} can be changed by others", hint=f"Run: chmod go-w {self.path}")


def read_key_file(path: Path) -> KeyFile:
    """Read a file that may hold a key.

    Raises:
        KeyMaterialError: Rule 2 is broken, or it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise KeyMaterialError(f"{path} {reason}", hint="Give the path of a key file.") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):  # before a stream is made of it, which a directory cannot be
        os.close(descriptor)
        raise KeyMaterialError(f"{path} is not a regular file", hint="Give the path of a key file.")
    with os.fdopen(descriptor, "rb") as stream:
        data = stream.read(MAX_KEY_BYTES + 1)
    if len(data) > MAX_KEY_BYTES:
        raise KeyMaterialError(f"{path} is too large for a key")
    return KeyFile(path, data, stat.S_IMODE(mode))


def create_key_files(path: Path, data: bytes, mode: int, public: bytes) -> None:
    """Write a new key file, and then its public half to ``path`` + ``.pub``.

    Raises:
        KeyMaterialError: One of them exists, or cannot be written.
    """
    public_path = public_path_of(path)
    if path.exists() and not public_path.exists():
        raise KeyMaterialError(
            f"{path} exists, but {public_path} does not",
            hint=f"If making it was interrupted, finish it: poisonguard keys show --pem {path} > {public_path}",
        )
    if public_path.exists():
        raise _exists(public_path)
    _create(path, data, mode)
    _create(public_path, public, 0o644)


def public_path_of(path: Path) -> Path:
    """Where the public half of the key in ``path`` lies."""
    return path.with_name(path.name + ".pub")


def _create(path: Path, data: bytes, mode: int) -> None:
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            _write(hidden, data, mode)
            os.link(hidden, path)
        finally:
            hidden.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise KeyMaterialError(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(path: Path) -> KeyMaterialError:
    return KeyMaterialError(f"{path} exists", hint="Keys are never overwritten; choose another name.")
