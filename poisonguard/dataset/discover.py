"""Find every file of a dataset: a file, a directory, a glob, or an fsspec URL.

Rules:

1. Every file is listed, hidden and empty ones too; only ``.poisonguard/`` at the root, our own workspace, is
   left out, and that is noted.
2. A symbolic link, FIFO, device or socket is an error, never skipped.
3. Names obey ``poisonguard.dataset.names``.
4. Nothing found is an error.
"""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from poisonguard.dataset.names import check_paths, shown
from poisonguard.dataset.storage import LocalStorage, RemoteStorage, Storage, store_refusal
from poisonguard.errors import DataError, NothingToScan, UnreadableData, UsageError

WORKSPACE = ".poisonguard"
MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Found:
    """One file: its POSIX path relative to the root, and its bytes when it was listed."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Every file of a dataset, sorted by path (code points).

    Attributes:
        root: Directory or prefix that the paths are relative to.
        single: Whether the location names one file.
        files: The files.
        notes: What a reader should know of the listing.
        storage: Opens the files.
    """

    root: str
    single: bool
    files: tuple[Found, ...]
    notes: tuple[str, ...]
    storage: Storage = field(repr=False, compare=False)

    @property
    def total_bytes(self) -> int:
        """Bytes in all files."""
        return sum(item.size for item in self.files)


def discover(location: str) -> Tree:
    """List the files at ``location``.

    Raises:
        NothingToScan: There is no such path, or no file in it.
        UnreadableData: A link, a special file or a name that is not allowed.
        UsageError: The URL's protocol is unknown or its client is not installed.
    """
    path = local_path(location)
    if path is None:
        return _checked(location, _remote(location))
    if os.path.lexists(path) or not MAGIC & set(path):
        return _checked(location, _local(path))
    return _checked(location, _globbed(path))


def local_path(location: str) -> str | None:
    """The local path or glob that ``location`` means; nothing when it is a URL of a store.

    Raises:
        NothingToScan: It is empty, which would mean the root of the file system.
    """
    protocol, separator, rest = location.partition("://")
    if separator and protocol not in {"file", "local"}:
        return None
    path = urllib.parse.unquote(rest) if separator else location
    if separator and path.startswith("localhost/"):
        path = path.removeprefix("localhost")
    elif location.startswith("file:/") and not separator:
        path = urllib.parse.unquote(location.removeprefix("file:"))
    if not path:
        raise NothingToScan("no path was given", hint="Name a file, a directory, a glob or a URL.")
    # A shell expands ~ only where it is not quoted, and patterns have to be.
    return os.path.expanduser(path) if path.startswith("~") and not os.path.lexists(path) else path  # noqa: PTH111 - str


def _checked(location: str, tree: Tree) -> Tree:
    if not tree.files:
        raise NothingToScan(f"{shown(location)}: no files", hint="An empty dataset is never a pass; check the path.")
    check_paths(item.path for item in tree.files)
    return tree


def _local(location: str) -> Tree:
    path = location.rstrip("/") or "/"
    try:
        facts = os.lstat(path)
    except (OSError, ValueError) as error:
        raise NothingToScan(f"{shown(location)}: no such file or directory", hint="Check the path.") from error
    if stat.S_ISLNK(facts.st_mode):
        raise UnreadableData(
            f"{shown(location)}: a symbolic link", hint="Name the file or directory that it points to."
        )
    if stat.S_ISDIR(facts.st_mode):
        files, notes = _walk_root(path)
        return Tree(path, single=False, files=files, notes=notes, storage=LocalStorage(path))
    root, name = os.path.split(path)
    found = _regular(name, facts)
    return Tree(root or ".", single=True, files=(found,), notes=(), storage=LocalStorage(root or "."))


def _walk_root(root: str) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    inside = os.path.join(root, WORKSPACE)  # noqa: PTH118 - str paths keep names that are not UTF-8 as they are
    ignored = os.path.isdir(inside) and not os.path.islink(inside)  # noqa: PTH112, PTH114 - the same
    files = sorted(_walk(root, "", skip=WORKSPACE if ignored else ""), key=lambda item: item.path)
    return tuple(files), (f"left out {WORKSPACE}/, poisonguard's own workspace",) if ignored else ()


def _walk(root: str, prefix: str, skip: str = "") -> Iterator[Found]:
    """Every file below ``root``, in no order; ``prefix`` ends with ``/`` or is empty."""
    pending = [prefix]
    while pending:
        folder = pending.pop()
        for entry in _entries(f"{root}/{folder}"):
            path = folder + entry.name
            facts = _lstat(entry, path)
            if path == skip:
                continue
            if stat.S_ISDIR(facts.st_mode):
                pending.append(path + "/")
            else:
                yield _regular(path, facts)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UnreadableData(f"{shown(folder)}: {error.strerror}", hint="Check the permissions.") from error


def _lstat(entry: os.DirEntry[str], path: str) -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as error:
        raise UnreadableData(f"{shown(path)}: {error.strerror}", hint="Stop the writer and run again.") from error


def _regular(path: str, facts: os.stat_result) -> Found:
    if stat.S_ISREG(facts.st_mode):
        return Found(path, facts.st_size)
    if stat.S_ISLNK(facts.st_mode):
        raise UnreadableData(
            f"{shown(path)}: a symbolic link", hint="Links are not followed: put the file itself into the dataset."
        )
    raise UnreadableData(
        f"{shown(path)}: a FIFO, device or socket", hint="Only regular files can be training data: remove it."
    )


def _globbed(location: str) -> Tree:
    parts = location.split("/")
    first = next(index for index, part in enumerate(parts) if MAGIC & set(part))
    root = "/".join(parts[:first]) or ("/" if location.startswith("/") else ".")
    if not os.path.isdir(root):  # noqa: PTH112 - str paths keep names that are not UTF-8 as they are
        raise NothingToScan(f"{shown(location)}: no such directory as {shown(root)}", hint="Check the path.")
    wanted = [part for part in parts[first:] if part]
    files = {item.path: item for item in _matches(root, "", wanted)}
    if not files:
        raise NothingToScan(f"{shown(location)}: no file matches", hint="Quote the pattern and check the path.")
    ordered = tuple(files[path] for path in sorted(files))
    return Tree(root, single=False, files=ordered, notes=(), storage=LocalStorage(root))


def _matches(root: str, prefix: str, parts: Sequence[str]) -> Iterator[Found]:
    """Files below ``root/prefix`` that match; a directory that matches whole brings all its files."""
    if parts[0] == "**":
        yield from _matches(root, prefix, parts[1:] or ["*"])
    for entry in _entries(f"{root}/{prefix}"):
        path = prefix + entry.name
        if path == WORKSPACE or not fnmatchcase(entry.name, parts[0]):
            continue
        facts = _lstat(entry, path)
        if not stat.S_ISDIR(facts.st_mode):
            if len(parts) == 1:
                yield _regular(path, facts)
        elif parts[0] == "**":
            yield from _matches(root, path + "/", parts)
        elif len(parts) == 1:
            yield from _walk(root, path + "/")
        else:
            yield from _matches(root, path + "/", parts[1:])


def _remote(location: str) -> Tree:
    try:
        import fsspec  # noqa: PLC0415 - only for URLs: the gate on local files must start fast

        store, root = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{shown(location)}: {shown(str(error))}", hint="Install the store's fsspec client."
        ) from error
    try:
        return _listed(location, store, root.rstrip("/"))
    except DataError:
        raise
    except Exception as error:
        raise store_refusal(location, error) from error


def _listed(location: str, store: Any, root: str) -> Tree:
    if MAGIC & set(root) and not store.exists(root):
        parts = root.split("/")
        first = next(index for index, part in enumerate(parts) if MAGIC & set(part))
        base = "/".join(parts[:first])
        keys = {key: facts for key, facts in store.glob(root, detail=True).items() if facts.get("type") != "directory"}
    elif store.isfile(root):
        base, _, _ = root.rpartition("/")
        keys = {root: store.info(root)}
    else:
        if not store.exists(root):
            raise NothingToScan(f"{shown(location)}: no such object or prefix", hint="Check the URL.")
        base, keys = root, store.find(root, detail=True)
    files = sorted(_objects(base, keys), key=lambda item: item.path)
    own = [item for item in files if item.path.startswith(f"{WORKSPACE}/")]
    notes = (f"left out {WORKSPACE}/, poisonguard's own workspace",) if own else ()
    kept = tuple(item for item in files if item not in own)
    return Tree(base, store.isfile(root), kept, notes, RemoteStorage(store, base))


def _objects(base: str, keys: dict[str, dict[str, Any]]) -> Iterator[Found]:
    for key, facts in keys.items():
        if facts.get("type") == "link" or facts.get("islink"):
            raise UnreadableData(f"{shown(key)}: a symbolic link", hint="Links are not followed.")
        yield Found(key[len(base) + 1 :] if base else key, int(facts.get("size") or 0))
