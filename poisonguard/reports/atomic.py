"""A file that is either there in full or not there at all.

Written under another name in the same folder, made durable, then renamed; on any error nothing is left behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from poisonguard.errors import UsageError


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes ``path`` when the block ends without an error.

    Raises:
        UsageError: The place cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="Name a file to write to.")
    if path.exists() and not path.is_file():
        # A device or a pipe (/dev/null, /dev/stdout) is written to; a rename would replace it by a file.
        with writing(path):
            device = path.open("wb")
        with device:
            yield device
            with writing(path):
                device.flush()
        return
    path = _target(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with writing(path):
        file = partial.open("xb")
    try:
        with file:
            yield file
            with writing(path):
                file.flush()
                os.fsync(file.fileno())
        with writing(path):
            partial.replace(path)
            _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Refuse early what ``atomic_file`` would refuse after the work: a folder that is not there.

    Raises:
        UsageError: The file's folder does not exist, or the path is a folder itself.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="Name a file to write to.")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: no folder {path.parent}", hint="Make the folder first.")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever the system refuses in this block, it refuses to write to ``path``.

    Raises:
        UsageError: With the system's reason.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"cannot write {path}: {reason}", hint="Choose a place that can be written to.") from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in full or not at all.

    Raises:
        UsageError: The place cannot be written to.
    """
    with atomic_file(path) as file, writing(path):
        file.write(text.encode())


def _target(path: Path) -> Path:
    """Where a link leads: the file it names is replaced, the link stays.

    Raises:
        UsageError: The link leads nowhere that can be found.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot write {path}: {error}", hint="Choose a place that can be written to.") from error


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
