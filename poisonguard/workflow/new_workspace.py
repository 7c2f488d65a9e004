"""A workspace appears whole or not at all: it is built beside its place and renamed.

When the registry is elsewhere, two things must appear together, and a crash can come between them. The registry comes
first; a crash then leaves the folder beside its place, which holds the only copy of the log key. Asking again puts
that folder in place.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poisonguard.errors import PoisonguardError, UsageError
from poisonguard.store.durable import sync_folder
from poisonguard.workflow.folder import FOLDER
from poisonguard.workflow.registry_location import LOCATION, without_password
from poisonguard.workflow.workspace import Workspace

BESIDE = f"{FOLDER}.new-"


@contextmanager
def built_beside(place: Path) -> Iterator[Path]:
    """A folder that becomes ``place`` when the block ends well, and vanishes otherwise.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=BESIDE, dir=place.parent))
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}") from error
    try:
        yield folder
        put_in_place(folder, place)
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, place: Path) -> None:
    """Rename a finished workspace to where it belongs."""
    folder.chmod(0o755)
    sync_folder(folder)
    folder.rename(place)
    sync_folder(place.parent)


def interrupted(place: Path, location: str) -> Workspace | None:
    """The workspace beside ``place`` whose registry at ``location`` was made, before a crash kept it from its place."""
    for folder in sorted(place.parent.glob(f"{BESIDE}*")):
        workspace = Workspace(folder)
        try:
            stored = (folder / LOCATION).read_text(encoding="utf-8").strip()
            if stored == without_password(location) and _began(workspace):
                return workspace
        except (OSError, UnicodeDecodeError, PoisonguardError):
            continue
    return None


def _began(workspace: Workspace) -> bool:
    with workspace, workspace.registry.read() as reader:
        first = next(reader.each(), None)
    return first is not None and first.envelope == workspace.pinned
