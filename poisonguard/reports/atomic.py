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


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
