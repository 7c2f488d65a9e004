"""Named bytes that several processes share: in a directory, or in an object store through fsspec.

Rules:

1. An object appears whole or not at all: a file is written beside its place and renamed, an object is put at once.
2. An object is never changed. Its name says what is in it, so whoever puts it again puts the same.
3. A place is a plain value that can be pickled; every process makes its own connection.
4. What a killed writer left half-written is deleted by whoever looks there a day later.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from poisonguard.dataset.storage import store_refusal
from poisonguard.errors import PoisonguardError, UnreadableData, UsageError
from poisonguard.kernels.mapped import map_file
from poisonguard.kernels.private_folder import PrivateFolder

TEMPORARY = ".new-"
FORGOTTEN = 86_400
"""Seconds after which nobody writes to a temporary file any more."""
NOTHING = pa.py_buffer(b"")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Objects(Protocol):
    """Where objects are."""

    @property
    def shown(self) -> str:
        """The place, as a message may name it."""

    def get(self, name: str) -> pa.Buffer | None:
        """An object's bytes, mapped where that is possible; nothing when there is none."""

    def size(self, name: str) -> int | None:
        """How many bytes an object has; nothing when there is none."""

    def part(self, name: str, start: int, stop: int) -> pa.Buffer:
        """Bytes ``start`` to ``stop`` of an object, fewer where it is shorter: for who needs little of a large one."""

    def names(self, folder: str) -> list[str]:
        """Names of the objects right below ``folder``, sorted."""

    def writing(self, name: str) -> Any:
        """A context with the path of a file, which becomes the object when the context ends without an error."""

    def remove(self, name: str) -> None:
        """Forget an object; none need be there."""


@dataclass(frozen=True, slots=True)
class LocalObjects:
    """Files below one directory.

    Attributes:
        root: The directory.
        lasting: Whether files outlive a loss of power, whole or not at all.
        private: Whether the user alone may read what is put; otherwise the umask, the folder's group (setgid) and its
            default access list say who may.
    """

    root: str
    lasting: bool = True
    private: bool = True

    @property
    def shown(self) -> str:
        """The directory."""
        return self.root

    def get(self, name: str) -> pa.Buffer | None:
        """The file, mapped."""
        path = Path(self.root, name)
        try:
            data = pa.py_buffer(map_file(path)) if path.stat().st_size else NOTHING
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        with suppress(OSError):  # a store that is only read is used all the same
            os.utime(path)  # what is of use is not old
        return data

    def size(self, name: str) -> int | None:
        """Of the file."""
        data = self.get(name)
        return None if data is None else data.size

    def part(self, name: str, start: int, stop: int) -> pa.Buffer:
        """Of the mapped file."""
        data = self.get(name) or NOTHING
        return data.slice(start, max(0, min(stop, data.size) - start))

    def names(self, folder: str) -> list[str]:
        """Files in the folder that are complete."""
        try:
            with os.scandir(Path(self.root, folder)) as entries:
                return sorted(f"{folder}/{entry.name}" for entry in entries if not _is_temporary(Path(entry)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnreadableData(
                f"{self.root}: {error.strerror}", hint="Check the work store's permissions."
            ) from error

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A file beside the place, renamed at the end.

        Raises:
            UsageError: There is no room, or no permission.
        """
        path = Path(self.root, name)
        temporary = self._begun(path)
        try:
            yield temporary
            self._renamed(temporary, path)
        except OSError as error:
            if error.errno in FULL:
                raise _no_room(self.root, error) from error
            raise
        finally:  # an interrupt too: nothing half-written stays
            with suppress(OSError):
                temporary.unlink()

    def remove(self, name: str) -> None:
        """Delete the file."""
        with suppress(OSError):
            Path(self.root, name).unlink()

    def _begun(self, path: Path) -> Path:
        """A new file beside ``path``."""
        try:
            path.parent.mkdir(mode=0o700 if self.private else 0o777, parents=True, exist_ok=True)
            temporary = path.with_name(TEMPORARY + secrets.token_hex(8))
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if self.private else 0o666))
        except OSError as error:
            raise _no_room(self.root, error) from error
        return temporary

    def _renamed(self, temporary: Path, path: Path) -> None:
        try:
            if self.lasting:  # a unit that was cut off would stop every later scan
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
            temporary.replace(path)
        except OSError as error:
            raise _no_room(self.root, error) from error

    def _unreadable(self, error: OSError) -> UnreadableData:
        return UnreadableData(f"{self.root}: {error.strerror}", hint="Check the work store's permissions.")


@dataclass(frozen=True, slots=True)
class RemoteObjects:
    """Objects below a URL that fsspec opens."""

    url: str

    @property
    def shown(self) -> str:
        """The URL without what may be secret in it."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"

    def get(self, name: str) -> pa.Buffer | None:
        """The object, fetched into a file without a name, and mapped."""
        with PrivateFolder() as private:
            path = private.path / "object"
            try:
                store, root = _connected(self.url)
                store.get_file(f"{root}/{name}", str(path))
            except FileNotFoundError:
                return None
            except Exception as error:  # each store's client has errors of its own: they become ours
                raise _refusal(self.shown, error) from error
            return pa.py_buffer(map_file(path)) if path.stat().st_size else NOTHING

    def size(self, name: str) -> int | None:
        """As the store knows it now."""
        try:
            store, root = _connected(self.url)
            store.invalidate_cache(f"{root}/{name}")
            return int(store.info(f"{root}/{name}")["size"])
        except FileNotFoundError:
            return None
        except Exception as error:  # as above
            raise _refusal(self.shown, error) from error

    def part(self, name: str, start: int, stop: int) -> pa.Buffer:
        """In one request."""
        try:
            store, root = _connected(self.url)
            return pa.py_buffer(store.cat_file(f"{root}/{name}", start=start, end=stop))
        except Exception as error:  # as above
            raise _refusal(self.shown, error) from error

    def names(self, folder: str) -> list[str]:
        """Objects right below the prefix, as the store knows them now."""
        try:
            store, root = _connected(self.url)
            found = store.ls(f"{root}/{folder}", detail=False, refresh=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # as above
            raise _refusal(self.shown, error) from error
        return sorted(f"{folder}/{key.rstrip('/').rsplit('/', 1)[-1]}" for key in found)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A file on this machine, put at the end: in one request, or in parts that show only when all are there."""
        with PrivateFolder() as private:
            path = private.path / "object"
            path.touch()
            yield path
            try:
                store, root = _connected(self.url)
                store.put_file(str(path), f"{root}/{name}")
            except Exception as error:  # as above
                raise _refusal(self.shown, error) from error

    def remove(self, name: str) -> None:
        """Delete the object."""
        with suppress(Exception):  # it may be gone, or belong to others: nothing depends on it
            store, root = _connected(self.url)
            store.rm_file(f"{root}/{name}")


@lru_cache(maxsize=4)
def _connected(url: str) -> tuple[Any, str]:
    """This process's own connection, and the prefix."""
    try:
        import fsspec  # noqa: PLC0415 - only for URLs

        store, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UsageError(f"the work store: {error}", hint="Install the store's fsspec client.") from error
    return store, root.rstrip("/")


def is_forgotten(path: Path, seconds: float) -> bool:
    """Whether a file, last changed at ``seconds``, is what a killed writer left behind."""
    return path.name.startswith(TEMPORARY) and time.time() - seconds > FORGOTTEN


def _is_temporary(path: Path) -> bool:
    """Whether a file is still being written, or never will be: then it is deleted."""
    if not path.name.startswith(TEMPORARY):
        return False
    with suppress(OSError):  # it may be gone by now, or belong to others
        if is_forgotten(path, path.lstat().st_mtime):
            path.unlink()
    return True


def _refusal(place: str, error: Exception) -> PoisonguardError:
    if isinstance(error, PoisonguardError):
        return error
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{place}: no such place", hint="Make the bucket, or check --cache.")
    return store_refusal(place, error)


def _no_room(place: str, error: OSError) -> UsageError:
    what = "with room" if error.errno in FULL else "that can be written"
    hint = f"Name a place {what} (--cache DIR; TMPDIR for what is temporary), or scan with --no-cache."
    return UsageError(f"{place}: the work store cannot be written: {os.strerror(error.errno or 0)}", hint=hint)
