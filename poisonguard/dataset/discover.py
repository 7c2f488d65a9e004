"""Find every file of a dataset: a file, a directory, a glob, or an fsspec URL.

Rules:

1. Every file is listed, hidden and empty ones too; only ``.poisonguard/`` at the root, our own workspace, is
   left out, and that is noted.
2. A symbolic link, FIFO, device or socket is an error, never skipped.
3. Names obey ``poisonguard.dataset.names``.
4. Nothing found is an error.
5. Files come in order of their paths (code points): a folder's names are sorted as they are read, a folder's with
   the ``/`` that follows it. In memory are the names of the folders on the way, and the last few thousand files.

A store's listing (fsspec) is held as a whole, for its clients give it as a whole. Nothing that a client remembers of
an earlier listing is believed: every listing asks the store.
"""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from poisonguard.dataset.names import PathCheck, shown
from poisonguard.dataset.pairing import pairs
from poisonguard.dataset.spill import Spill
from poisonguard.dataset.storage import LocalStorage, RemoteStorage, Storage, store_refusal, version_marks
from poisonguard.errors import DataError, NothingToScan, PoisonguardError, UnreadableData, UsageError

WORKSPACE = ".poisonguard"
LEFT_OUT = (f"left out {WORKSPACE}/, poisonguard's own workspace",)
MAGIC = frozenset("*?[")
LOCAL = frozenset({"file", "local"})
"""Protocols of this machine's own files."""
Patterns = frozenset[tuple[str, ...]]
"""What may still match below a folder: the parts of each pattern that are left; no parts left means everything."""
EVERYTHING: Patterns = frozenset({()})


@dataclass(frozen=True, slots=True)
class Found:
    """One file: its POSIX path relative to the root, its bytes when it was listed, and a mark of its last change.

    The mark is for comparing two listings: a file that was changed, or replaced by one of the same size, has another.
    """

    path: str
    size: int
    mark: int = 0


class FoundFiles(Collection[Found]):
    """Files in order of their paths, counted; in memory while they are few.

    Attributes:
        total_bytes: Bytes in all of them.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self._records = Spill()
        self.total_bytes = 0
        check = PathCheck()
        for item in found:
            check.see(item.path)
            self._records.append((item.path, item.size, item.mark))
            self.total_bytes += item.size

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Found]:
        return (Found(*record) for record in self._records)

    def __getitem__(self, index: int) -> Found:
        return Found(*self._records[index])

    def __contains__(self, item: object) -> bool:
        return any(item == found for found in self)


@dataclass(frozen=True, slots=True)
class Tree:
    """Every file of a dataset, sorted by path (code points).

    Attributes:
        location: What was listed, as the user named it.
        root: Directory or prefix that the paths are relative to.
        single: Whether the location names one file.
        files: The files.
        notes: What a reader should know of the listing.
        storage: Opens the files.
    """

    location: str
    root: str
    single: bool
    files: FoundFiles = field(repr=False, compare=False)
    notes: tuple[str, ...]
    storage: Storage = field(repr=False, compare=False)

    @property
    def total_bytes(self) -> int:
        """Bytes in all files."""
        return self.files.total_bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """Where files are listed, and the files, as they are found."""

    root: str
    single: bool
    storage: Storage
    found: Iterable[Found]
    notes: tuple[str, ...] = ()


def discover(location: str) -> Tree:
    """List the files at ``location``.

    Raises:
        NothingToScan: There is no such path, or no file in it.
        UnreadableData: A link, a special file or a name that is not allowed.
        UsageError: The URL's protocol is unknown or its client is not installed.
    """
    place = _place(location)
    files = FoundFiles(place.found)
    if not files:
        raise NothingToScan(f"{shown(location)}: no files", hint="An empty dataset is never a pass; check the path.")
    return Tree(location, place.root, place.single, files, place.notes, place.storage)


def changed_paths(tree: Tree) -> Iterator[str]:
    """List once more: paths of files that came, went or changed since ``tree`` was listed, in order.

    Raises:
        NothingToScan: There is no such path any more.
        UnreadableData: There is a link or a special file now.
    """
    for path, before, now in pairs(tree.files, _place(tree.location).found):
        if before != now:
            yield path


def local_path(location: str) -> str | None:
    """The local path or glob that ``location`` means; nothing when it is a URL of a store.

    Raises:
        NothingToScan: It is empty, which would mean the root of the file system.
        UsageError: It is a chain of URLs that ends in a local path.
    """
    protocol, separator, rest = location.partition("://")
    if separator and protocol not in LOCAL:
        _refuse_disguised(location)
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


def _refuse_disguised(location: str) -> None:
    """Local data that look like a store's would escape every rule about what lies in the data or beside them."""
    *before, last = location.split("::")
    protocol, separator, _ = last.partition("://")
    if before and (not separator or protocol in LOCAL):
        raise UsageError(
            f"{shown(location)}: a chain of URLs that ends in a local path",
            hint="Name the path itself, without the chain.",
        )


def _place(location: str) -> _Place:
    path = local_path(location)
    if path is None:
        return _remote(location)
    if os.path.lexists(path) or not MAGIC & set(path):
        return _local(path)
    return _globbed(path)


def _local(location: str) -> _Place:
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
        found = _walk(path, EVERYTHING, f"{WORKSPACE}/")
        notes = LEFT_OUT if _holds_workspace(path) else ()
        return _Place(path, single=False, storage=LocalStorage(path), found=found, notes=notes)
    root, name = os.path.split(path)
    root = root or "."
    return _Place(root, single=True, storage=LocalStorage(root), found=(_regular(name, facts),))


def _holds_workspace(root: str) -> bool:
    inside = os.path.join(root, WORKSPACE)  # noqa: PTH118 - str paths keep names that are not UTF-8 as they are
    return os.path.isdir(inside) and not os.path.islink(inside)  # noqa: PTH112, PTH114 - the same


def _walk(root: str, patterns: Patterns, skip: str) -> Iterator[Found]:
    """Every file below ``root`` that matches, in order; ``skip`` is the name of what is left out at the root."""
    top = (name for name in _names(root) if name != skip)
    pending: list[tuple[str, Iterator[str], Patterns]] = [("", top, _expanded(patterns))]
    while pending:
        folder, names, wanted = pending[-1]
        for name in names:
            matches, below = _step(wanted, name.removesuffix("/"))
            if not name.endswith("/"):
                if matches:
                    yield _regular(folder + name, _lstat(root, folder + name))
            elif below:
                pending.append((folder + name, iter(_names(f"{root}/{folder}{name}")), _expanded(below)))
                break
        else:
            pending.pop()


def _names(folder: str) -> list[str]:
    """What is in a folder, sorted as paths are; the name of a folder ends with ``/``."""
    try:
        with os.scandir(folder) as entries:
            names = [f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
    except OSError as error:
        raise UnreadableData(f"{shown(folder)}: {error.strerror}", hint="Check the permissions.") from error
    names.sort()
    return names


def _step(patterns: Patterns, name: str) -> tuple[bool, Patterns]:
    """Whether a file of that name matches, and what may match below a folder of that name."""
    if patterns is EVERYTHING:
        return True, EVERYTHING
    fitting = [parts for parts in patterns if fnmatchcase(name, parts[0])]
    if any(parts != ("**",) and len(parts) == 1 for parts in fitting):
        return True, EVERYTHING
    below = {parts if parts[0] == "**" else parts[1:] for parts in fitting}
    return False, frozenset(below)


def _expanded(patterns: Patterns) -> Patterns:
    """The patterns, and what is left of them where ``**`` stands for no folder."""
    if () in patterns:
        return EVERYTHING
    shorter = frozenset(parts[1:] or ("*",) for parts in patterns if parts[0] == "**") - patterns
    return _expanded(patterns | shorter) if shorter else patterns


def _lstat(root: str, path: str) -> os.stat_result:
    try:
        return os.lstat(f"{root}/{path}")
    except OSError as error:
        raise UnreadableData(f"{shown(path)}: {error.strerror}", hint="Stop the writer and run again.") from error


def _regular(path: str, facts: os.stat_result) -> Found:
    if stat.S_ISREG(facts.st_mode):
        return Found(path, facts.st_size, facts.st_ctime_ns)
    if stat.S_ISLNK(facts.st_mode):
        raise UnreadableData(
            f"{shown(path)}: a symbolic link", hint="Links are not followed: put the file itself into the dataset."
        )
    raise UnreadableData(
        f"{shown(path)}: a FIFO, device or socket", hint="Only regular files can be training data: remove it."
    )


def _globbed(location: str) -> _Place:
    parts = location.split("/")
    first = next(index for index, part in enumerate(parts) if MAGIC & set(part))
    root = "/".join(parts[:first]) or ("/" if location.startswith("/") else ".")
    if not os.path.isdir(root):  # noqa: PTH112 - str paths keep names that are not UTF-8 as they are
        raise NothingToScan(f"{shown(location)}: no such directory as {shown(root)}", hint="Check the path.")
    wanted = frozenset({tuple(part for part in parts[first:] if part)})
    reaches = any(_step(_expanded(wanted), WORKSPACE))
    notes = LEFT_OUT if reaches and _holds_workspace(root) else ()
    found = _matching(location, root, wanted)
    return _Place(root, single=False, storage=LocalStorage(root), found=found, notes=notes)


def _matching(location: str, root: str, patterns: Patterns) -> Iterator[Found]:
    found = _walk(root, patterns, f"{WORKSPACE}/")
    first = next(found, None)
    if first is None:
        raise NothingToScan(f"{shown(location)}: no file matches", hint="Quote the pattern and check the path.")
    yield first
    yield from found


def _remote(location: str) -> _Place:
    try:
        import fsspec  # noqa: PLC0415 - only for URLs: the gate on local files must start fast

        store, root = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{shown(location)}: {shown(str(error))}", hint="Install the store's fsspec client."
        ) from error
    except PoisonguardError:
        raise
    except Exception as error:  # each store's client has errors of its own: they become ours
        raise UsageError(
            f"{shown(location)}: not a URL that opens a store ({shown(str(error))})", hint="Check the URL."
        ) from error
    try:
        # Clients are shared in this process, and remember what they once listed: what came since would not be seen.
        store.invalidate_cache()
        return _listed(location, store, root.rstrip("/"))
    except DataError:
        raise
    except Exception as error:  # as above
        raise store_refusal(location, error) from error


def _listed(location: str, store: Any, root: str) -> _Place:
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
    kept = tuple(item for item in files if not item.path.startswith(f"{WORKSPACE}/"))
    notes = LEFT_OUT if len(kept) < len(files) else ()
    return _Place(base, store.isfile(root), RemoteStorage(store, base), kept, notes)


def _objects(base: str, keys: dict[str, dict[str, Any]]) -> Iterator[Found]:
    for key, facts in keys.items():
        if facts.get("type") == "link" or facts.get("islink"):
            raise UnreadableData(f"{shown(key)}: a symbolic link", hint="Links are not followed.")
        mark = hash(version_marks(facts))  # compared in this process only
        yield Found(key[len(base) + 1 :] if base else key, int(facts.get("size") or 0), mark)
