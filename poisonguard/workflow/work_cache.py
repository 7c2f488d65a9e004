"""Where the states of sketches outlive a scan, under which key, and how large that may become.

Rules:

1. By default they lie in the user's own cache directory, readable by the user only, with a key beside them; where
   nothing can be written there, or the data are too large for it, a scan does without.
2. A store that is named is shared: units found there are audited, and nothing is ever pruned from it. Who may read
   and write there, the umask and the folder's group say: several users may work on one.
3. A store at a URL has no key of its own: the same one is given to everybody who works on it.
4. The gate reads none of this.
5. The user's own store and key are used only where nobody else can write or, the key, read: they are not audited.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from poisonguard.dataset.discover import local_path
from poisonguard.engine.fold import Kept
from poisonguard.engine.objects import TEMPORARY, LocalObjects, RemoteObjects, is_forgotten
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import KeyMaterialError, UsageError
from poisonguard.workflow.folder import in_data, working_directory
from poisonguard.workflow.work_keys import NEW_KEY, given_key, own_key

FOLDER = "units"
LARGEST = 20 << 30
"""Bytes that the user's own cache may take; the units that were longest of no use go first."""
ALIASES = {"s3a": "s3", "gcs": "gs"}
"""Schemes that mean the same store as another."""
STATES_PER_BYTE = 10
"""Bytes that the states may take for each byte of the data: what a row leaves behind, where Parquet packs rows well."""


def named_store(place: str, key: str | None, audited: int | None) -> Kept:
    """The store at a directory or URL.

    Raises:
        KeyMaterialError: There is no key, or none that can be used.
    """
    folder = local_path(place)
    if folder is not None:
        secret = own_key(_home()) if key is None else given_key(key)
        objects = LocalObjects(os.path.abspath(folder), private=False)  # noqa: PTH100 - as given
        return Kept(WorkStore(objects, secret, shared=True), audited)
    if key is None:
        raise KeyMaterialError("a work store at a URL needs a key: --cache-key FILE", hint=NEW_KEY)
    return Kept(WorkStore(RemoteObjects(place), given_key(key), shared=True), audited)


def refuse_in_data(place: str, data: str) -> None:
    """Refuse a store that would become a part of the data.

    Raises:
        UsageError: It lies in them.
    """
    folder = local_path(place)
    if folder is None:
        inside = _lies_below(place, data)
    else:
        inside = bool(data) and in_data(Path(os.path.realpath(folder)), data, working_directory(None))
    if inside:
        shown = place if folder is not None else RemoteObjects(place).shown
        raise UsageError(f"--cache {shown}: lies in the data", hint="Name a folder beside them.")


def _lies_below(place: str, data: str) -> bool:
    """Whether a URL is that of the data, or one below it; a pattern's folder counts as the data."""
    (scheme, ours), (wanted, theirs) = _parts(place), _parts(data)
    fixed = re.split(r"[*?\[]", theirs, maxsplit=1)[0]
    theirs = fixed.rpartition("/")[0] if fixed != theirs else fixed
    return scheme == wanted and f"{ours}/".startswith(f"{theirs}/")


def _parts(url: str) -> tuple[str, str]:
    """Scheme and path of a URL, each written in one way, without who logs in."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return "", url
    host, slash, path = rest.partition("/")
    scheme = scheme.lower()
    return ALIASES.get(scheme, scheme), posixpath.normpath(host.rpartition("@")[2] + slash + path)


def own_store(audited: int | None, data: str) -> Kept | None:
    """The store in the user's cache directory; nothing where it cannot be, or would lie in the data."""
    try:
        home = _home()
        if data and in_data(Path(os.path.realpath(home / FOLDER)), data, working_directory(None)):
            return None
        folder = home / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK) or not (_is_own(home) and _is_own(folder)):
            return None
        return Kept(WorkStore(LocalObjects(str(folder)), own_key(home)), audited)
    except (OSError, KeyMaterialError):  # without a home directory, too
        return None


def has_room(kept: Kept, data_bytes: int, largest: int = LARGEST) -> bool:
    """Whether the states of so much data fit; a store that was named is whoever's who named it."""
    objects = kept.store.objects
    if kept.store.shared or not isinstance(objects, LocalObjects):
        return True
    return data_bytes * STATES_PER_BYTE <= min(largest, shutil.disk_usage(objects.root).free)


def prune(kept: Kept, largest: int = LARGEST) -> None:
    """Delete what was longest of no use from the user's own store, until the rest fits."""
    objects = kept.store.objects
    if kept.store.shared or not isinstance(objects, LocalObjects):
        return
    found = sorted(_units(Path(objects.root)))
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= largest:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _units(root: Path) -> Iterator[tuple[float, int, Path]]:
    """When each unit was last of use, its size and place; what killed writers left behind is deleted on the way."""
    for path in root.rglob("*"):
        with suppress(OSError):
            facts = path.lstat()
            if is_forgotten(path, facts.st_mtime):
                path.unlink()
            elif path.is_file() and not path.name.startswith(TEMPORARY):
                yield facts.st_mtime, facts.st_size, path


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "poisonguard"
    except RuntimeError as error:
        raise KeyMaterialError("there is no home directory to keep a key in", hint="Give --cache-key FILE.") from error


def _is_own(folder: Path) -> bool:
    """Whether it is this user's, and nobody else can write there."""
    facts = folder.stat()
    return facts.st_uid == os.geteuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
