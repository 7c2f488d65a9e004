"""Secrets that prove what is in a work store: the user's own, made when it is first needed, or one in a file.

Rules:

1. A key is a regular file of 16 bytes to 64 KiB, whatever they are; a pipe, a device or a folder is refused unread.
2. A file that was named may be a link, and its group may read it: that is how a cluster hands secrets out. Nobody
   else may read it, and nobody but its owner may change it: whoever has the key forges states.
3. The user's own key is theirs alone, and lies in a folder where nobody else can write.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from poisonguard.attest.key_io import read_key_file
from poisonguard.engine.workstore import KEY_BYTES
from poisonguard.errors import KeyMaterialError

KEY_FILE = "units.key"
LONGEST_KEY = 64 << 10
NEW_KEY = "Make one for every machine: head -c 32 /dev/urandom > work.key; chmod 600 work.key"
OPEN = "Run: chmod o-rwx,g-w {path}. A Kubernetes secret: defaultMode: 0440, and the pod's fsGroup."


def own_key(home: Path) -> bytes:
    """This user's key below ``home``, made when it is first needed.

    Raises:
        KeyMaterialError: It cannot be made or read, or others can read it.
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
    found = read_key_file(path)
    found.require_private()
    return _key(str(path), found.data)


def given_key(path: str) -> bytes:
    """The key in a file that was named.

    Raises:
        KeyMaterialError: Rule 1 or 2 is broken, or it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise KeyMaterialError(f"{path}: {error.strerror}", hint=NEW_KEY) from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise KeyMaterialError(f"{path} is not a regular file", hint=NEW_KEY)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(LONGEST_KEY + 1)
    if len(content) > LONGEST_KEY:
        raise KeyMaterialError(f"{path}: longer than {LONGEST_KEY:,} bytes, which no key is", hint=NEW_KEY)
    if facts.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        who = "read by everybody" if facts.st_mode & stat.S_IROTH else "changed by others"
        raise KeyMaterialError(f"{path}: the key can be {who}", hint=OPEN.format(path=path))
    return _key(path, content)


def _key(path: str, content: bytes) -> bytes:
    content = content.strip()
    if len(content) < KEY_BYTES // 2:
        raise KeyMaterialError(f"{path}: a key of {len(content)} bytes can be guessed", hint=NEW_KEY)
    return hashlib.sha256(b"poisonguard work store\n" + content).digest()
