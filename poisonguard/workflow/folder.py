"""Where the workspace is, and how its small files are read. Light: the gate uses it.

The ``.poisonguard`` folder is looked for from the working directory upwards, and never taken from inside the data
in question: whoever wrote the data must not be able to bring their own trust root.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poisonguard.attest.trust import TrustedRoot, open_envelope, parse_root, pin_of
from poisonguard.errors import IntegrityError, UsageError

FOLDER = ".poisonguard"
DATABASE = "registry.db"
TRUST = "trust.json"
LOG_KEY = "log.key"
BLOBS = "blobs"
STATE = "state.json"


def find_folder(start: Path | None = None, *, data: str | None = None) -> Path | None:
    """The nearest workspace from ``start`` (the working directory) upwards that does not lie in ``data``."""
    here = (start or Path.cwd()).resolve()
    for parent in (here, *here.parents):
        folder = parent / FOLDER
        if folder.is_dir() and not _inside(folder, data):
            return folder
    return None


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
        trusted = TrustedRoot.start(chain[0], pin_of(chain[0]))
        for data in chain[1:]:
            trusted = trusted.update(data)
        newer = [data for data in ours if parse_root(open_envelope(data)).version > trusted.root.version]
        for data in newer:
            trusted = trusted.update(data)
    except IntegrityError:
        # Another family altogether, or a gap: whoever judges the chain against the pin says so.
        return chain
    return (*chain, *newer)


def _inside(folder: Path, data: str | None) -> bool:
    """Whether ``folder`` lies in the data; a URL or a pattern holds no folder of ours."""
    if data is None or not Path(data).is_dir():
        return False
    return folder.is_relative_to(Path(data).resolve())
