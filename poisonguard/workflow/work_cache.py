"""Where the states of sketches outlive a scan, under which key, and how large that may become.

Rules:

1. By default they lie in the user's own cache directory, readable by the user only, with a key beside them; where
   nothing can be written there, or the data are too large for it, a scan does without.
2. A store that is named is shared: units found there are audited, and nothing is ever pruned from it.
3. A store at a URL has no key of its own: the same one is given to everybody who works on it.
4. The gate reads none of this.
5. The user's own store and key are used only where nobody else can write or, the key, read: they are not audited.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from poisonguard.attest.key_io import read_key_file
from poisonguard.dataset.discover import local_path
from poisonguard.engine.fold import Kept
from poisonguard.engine.objects import LocalObjects, RemoteObjects
from poisonguard.engine.workstore import KEY_BYTES, WorkStore
from poisonguard.errors import KeyMaterialError, UsageError
from poisonguard.workflow.folder import in_data, working_directory

FOLDER, KEY_FILE = "units", "units.key"
LARGEST = 20 << 30
"""Bytes that the user's own cache may take; the units that were longest of no use go first."""
STATES_PER_BYTE = 10
"""Bytes that the states may take for each byte of the data: what a row leaves behind, where Parquet packs rows well."""
NEW_KEY = "Make one for every machine: head -c 32 /dev/urandom > work.key; chmod 600 work.key"


def named_store(place: str, key: str | None, audited: int | None) -> Kept:
    """The store at a directory or URL.

    Raises:
        KeyMaterialError: There is no key, or none that can be used.
    """
    folder = local_path(place)
    if folder is not None:
        secret = _own_key(_home()) if key is None else _given_key(key)
        return Kept(WorkStore(LocalObjects(os.path.abspath(folder)), secret, shared=True), audited)  # noqa: PTH100 - as given
    if key is None:
        raise KeyMaterialError("a work store at a URL needs a key: --cache-key FILE", hint=NEW_KEY)
    return Kept(WorkStore(RemoteObjects(place), _given_key(key), shared=True), audited)


def refuse_in_data(place: str, data: str) -> None:
    """Refuse a store that would become a part of the data.

    Raises:
        UsageError: It lies in them.
    """
    folder = local_path(place)
    if folder is not None and data and in_data(Path(os.path.realpath(folder)), data, working_directory(None)):
        raise UsageError(f"--cache {place}: lies in the data", hint="Name a folder beside them.")


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
        return Kept(WorkStore(LocalObjects(str(folder)), _own_key(home)), audited)
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
    found = sorted(_files(Path(objects.root)))
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= largest:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _files(root: Path) -> Iterator[tuple[float, int, Path]]:
    for path in root.rglob("*"):
        with suppress(OSError):
            facts = path.lstat()
            if path.is_file():
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


def _own_key(home: Path) -> bytes:
    """This user's key, made when it is first needed.

    Raises:
        KeyMaterialError: It cannot be made or read, or others can read it: whoever has it forges states.
    """
    path = home / KEY_FILE
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Whole from the first moment: two scans that begin at once agree on the key that was linked first.
        fresh = home / f"{KEY_FILE}.{secrets.token_hex(8)}"
        if not path.exists():
            try:
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(KEY_BYTES))
                with suppress(FileExistsError):
                    os.link(fresh, path)
            finally:
                fresh.unlink(missing_ok=True)
        owner = path.stat().st_uid
    except OSError as error:
        raise KeyMaterialError(
            f"{home}: no key can be kept there: {error.strerror}", hint="Give --cache-key FILE."
        ) from error
    if owner != os.geteuid():
        raise KeyMaterialError(f"{path}: somebody else made this key", hint="Give --cache-key FILE.")
    read_key_file(path).require_private()
    return _given_key(str(path))


def _given_key(path: str) -> bytes:
    """The key in a file: its bytes, whatever they are, hashed."""
    try:
        content = Path(path).read_bytes().strip()
    except OSError as error:
        raise KeyMaterialError(f"{path}: {error.strerror}", hint=NEW_KEY) from error
    if len(content) < KEY_BYTES // 2:
        raise KeyMaterialError(f"{path}: a key of {len(content)} bytes can be guessed", hint=NEW_KEY)
    return hashlib.sha256(b"poisonguard work store\n" + content).digest()
