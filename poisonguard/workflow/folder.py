"""Where the workspace is, and how its small files are read. Light: the gate uses it.

The ``.poisonguard`` folder is looked for from the working directory upwards, and never taken from inside the data
in question: whoever wrote the data must not be able to bring their own trust root.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from poisonguard.attest.trust import TrustedRoot, open_envelope, parse_root, pin_of
from poisonguard.dataset.discover import local_path
from poisonguard.errors import IntegrityError, UsageError

FOLDER = ".poisonguard"
DATABASE = "registry.db"
TRUST = "trust.json"
LOG_KEY = "log.key"
STATE = "state.json"


def find_folder(start: Path | None = None, *, data: str | None = None) -> Path | None:
    """The nearest workspace from ``start`` (the working directory) upwards that does not lie in ``data``."""
    here = working_directory(start)
    for parent in (here, *here.parents):
        folder = parent / FOLDER
        if folder.is_dir() and not in_data(folder, data, here):
            return folder
    return None


def working_directory(start: Path | None = None) -> Path:
    """``start``, or the working directory, without links.

    Raises:
        UsageError: The working directory is gone.
    """
    try:
        return (start or Path.cwd()).resolve()
    except OSError as error:
        raise UsageError("the working directory is gone", hint="Change to one that is there.") from error


def in_data(candidate: Path, data: str | None, here: Path) -> bool:
    """Whether ``candidate`` belongs to the data, whose author may have written it: it lies there or matches there.

    Args:
        candidate: An absolute path without links.
        data: Path, pattern or URL, as the user gave it.
        here: The working directory.
    """
    path = local_path(data) if data else None
    if path is None or "\0" in path:
        return False
    root = os.path.realpath(here / path)
    if os.path.isdir(root):  # noqa: PTH112 - answers no, where Path raises for a name that is too long
        return candidate.is_relative_to(root)
    if os.path.lexists(root):
        return False
    # A pattern: each ``*`` may stand for more here than it does for the listing, never for less.
    fixed, rest = _split_pattern(path)
    pattern = f"{glob.escape(os.path.realpath(here / fixed))}/{rest}".replace("**/", "*")
    return any(fnmatchcase(str(candidate), wanted) for wanted in (pattern, f"{pattern}/*"))


def lies_beside_data(folder: Path, data: str) -> bool:
    """Whether the workspace ``folder`` lies in the very directory that holds a single file or a pattern's files."""
    path = local_path(data)
    if path is None or "\0" in path or os.path.isdir(path):  # noqa: PTH112 - as above
        return False
    if not (os.path.lexists(path) or glob.has_magic(path)):
        return False
    fixed, _ = _split_pattern(path)
    return folder.parent == Path(os.path.realpath(fixed or "."))


def _split_pattern(path: str) -> tuple[str, str]:
    """The directory in which a pattern (or a plain name) begins, and the pattern itself."""
    fixed = os.path.dirname(re.split(r"[*?[]", path, maxsplit=1)[0])  # noqa: PTH120 - text, not yet a path
    return fixed, path[len(fixed) :].lstrip("/")


def read_small(path: Path, limit: int, *, what: str) -> bytes:
    """The bytes of a file that must not be larger than ``limit``.

    Raises:
        UsageError: It cannot be read; ``what`` says what it should have been.
        IntegrityError: It is larger.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=f"It should be {what}.") from error
    if len(data) > limit:
        raise IntegrityError(f"{path} is larger than {limit} bytes", hint=f"It should be {what}.")
    return data


def lineage(chain: tuple[bytes, ...], ours: Sequence[bytes]) -> tuple[bytes, ...]:
    """The trust roots of a bundle, and those of ``ours`` that follow from them, when the bundle is older than ours."""
    try:
        versions = [parse_root(open_envelope(data)).version for data in ours]
        if len(chain) >= max(versions, default=0):
            # Ours cannot follow: versions count from 1 in steps of 1. Nobody makes us verify a long chain for nothing.
            return chain
        trusted = TrustedRoot.start(chain[0], pin_of(chain[0]))
        for data in chain[1:]:
            trusted = trusted.update(data)
        newer = [data for data, version in zip(ours, versions, strict=True) if version > trusted.root.version]
        for data in newer:
            trusted = trusted.update(data)
    except IntegrityError:
        # Another family altogether, or a gap: whoever judges the chain against the pin says so.
        return chain
    return (*chain, *newer)
