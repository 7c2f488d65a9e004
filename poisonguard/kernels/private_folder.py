"""Private temporary folders that vanish with their process, however it ends.

Rows of the data lie in them, so one that a killed process left behind must not stay. Rules:

1. A folder can be read by its owner only, and is named ``poisonguard-*``.
2. It holds a file that is locked for as long as the process lives: a lock goes with its process, even at ``kill -9``.
3. Whoever makes a folder first removes those beside it, of the same user, whose lock nobody holds.
4. A folder gets its name when it is locked, so nobody takes a new one for one that was left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX, NEW, LOCK = "poisonguard-", ".new-poisonguard-", ".in-use"


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
        with suppress(OSError):  # a file system without locks: the folder is not removed by others, then
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = made.rename(place / f"{PREFIX}{made.name.removeprefix(NEW)}")

    def close(self) -> None:
        """Remove it, and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
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
    for folder in _own_folders(place):
        with suppress(OSError):  # in use, without a lock, or removed by another process meanwhile
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _own_folders(place: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                        yield Path(entry.path)
