"""Private temporary folders that vanish with their process, however it ends.

Rows of the data lie in them, so one that a killed process left behind must not stay. Rules:

1. A folder can be read by its owner only, and is named ``poisonguard-*``.
2. It holds a file that is locked for as long as the process lives: a lock goes with its process, even at ``kill -9``.
3. Whoever makes a folder first removes those beside it, of the same user, whose lock nobody holds.
4. A folder gets its name when it is locked, so nobody takes a new one for one that was left behind. One that never got
   its name is removed a day later.
5. The lock is removed last: whoever is killed before leaves what the next one removes.
6. The file says since which start of the machine it is locked. Machines that share a folder may not see each other's
   locks, so what another one locked, or this one before it was started again, is removed a day later only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX, NEW, LOCK = "poisonguard-", ".new-poisonguard-", ".in-use"
FORGOTTEN = 86_400
"""Seconds after which a folder is nobody's whose lock tells nothing here."""
_STARTED = Path("/proc/sys/kernel/random/boot_id")


class PrivateFolder:
    """A folder for as long as it is not closed; a context manager.

    Attributes:
        path: Where it is.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        remove_left_behind(place)
        made = Path(tempfile.mkdtemp(prefix=NEW, dir=place))
        self._lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.write(self._lock, _started())
        with suppress(OSError):  # a file system without locks: the folder is not removed by others, then
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = made.rename(place / f"{PREFIX}{made.name.removeprefix(NEW)}")

    def close(self) -> None:
        """Remove it, and all that is in it."""
        _remove(self.path)
        with suppress(OSError):  # closed before
            os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def remove_left_behind(place: Path) -> None:
    """Remove the folders in ``place`` whose processes are gone."""
    for folder in _own_folders(place, PREFIX):
        with suppress(OSError):  # in use, without a lock, or removed by another process meanwhile
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.read(lock, 64) == _started() or _is_forgotten(folder):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(folder)
            finally:
                os.close(lock)
    for folder in _own_folders(place, NEW):
        if _is_forgotten(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last; what cannot be removed keeps the lock, for the next who tries."""
    with suppress(OSError):  # closed before, or removed by another process meanwhile
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOCK:
                path.unlink()
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()


def _started() -> bytes:
    """What tells this start of this machine from all others; nothing where the system does not tell."""
    with suppress(OSError):
        return _STARTED.read_bytes().strip()
    return b""


def _is_forgotten(folder: Path) -> bool:
    """Whether nothing was put into the folder, or taken out of it, for a day."""
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > FORGOTTEN
    return False


def _own_folders(place: Path, prefix: str) -> Iterator[Path]:
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                        yield Path(entry.path)
