"""Content-addressed files beside the registry: findings reports and reference profiles.

Rules:

1. A blob's name is the SHA-256 of its bytes: ``<folder>/<first two hex digits>/<sha256>``.
2. A blob appears whole or not at all, and survives a power cut once ``put`` returned:
   temporary file, fsync, rename, fsync of the folder.
3. What ``get`` returns was checked against its name.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from poisonguard.errors import IntegrityError, UnknownVersion, UsageError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """The blobs of one registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the blob called ``digest`` is or would be.

        Raises:
            UsageError: ``digest`` is not a hex SHA-256.
        """
        if not _DIGEST.fullmatch(digest):
            raise UsageError(f"{digest!r} is not the name of a blob", hint="A name is 64 lower-case hex digits.")
        return self.folder / digest[:2] / digest

    def put(self, content: bytes) -> str:
        """Store ``content`` durably and return its name; storing it again changes nothing."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if not self._holds(path, content):
            write_durably(path, content)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes called ``digest``.

        Raises:
            UnknownVersion: There is no such blob.
            IntegrityError: The file does not hold what its name says.
        """
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise UnknownVersion(f"{path} is missing", hint="It was not published here, or was removed.") from None
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(f"{path} does not hold the bytes it is named after", hint="Restore it from a backup.")
        return content

    def __contains__(self, digest: str) -> bool:
        """Whether a blob of that name is stored; its bytes are checked by ``get``."""
        return self.path(digest).is_file()

    @staticmethod
    def _holds(path: Path, content: bytes) -> bool:
        try:
            return path.read_bytes() == content
        except OSError:
            return False


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content``: readers see the old file or the new one, and the new one survives a power cut.

    Raises:
        UsageError: The file cannot be written; nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content, mode)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="Check space and permissions.") from error


def _replace(path: Path, content: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
