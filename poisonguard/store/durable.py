"""Files that appear whole or not at all, and survive a power cut once the call returned.

Temporary file, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from poisonguard.errors import UsageError

DEVICES = Path("/dev")


def write_durably(path: Path, content: bytes | Iterable[bytes], *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content``, given whole or in parts.

    Readers see the old file or the new one, and the new one survives a power cut.

    Raises:
        UsageError: The file cannot be written, or is a device or a pipe; nothing is left behind.
    """
    special = path.exists() and not path.is_file() and not path.is_dir()
    if special or path.parent.resolve() == DEVICES:
        # A rename would put a file in the place of /dev/null or /dev/stdout, for everybody on the machine.
        raise UsageError(f"{path} is a device or a pipe, which no file replaces", hint="Name a file to write to.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content, mode)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="Check space and permissions.") from error


def _replace(path: Path, content: bytes | Iterable[bytes], mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.writelines((content,) if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:  # an interrupt too: nothing half-written is left behind
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
