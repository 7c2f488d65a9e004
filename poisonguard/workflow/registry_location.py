"""Where a workspace's registry is: in a file of its own, or elsewhere, shared with a team.

Rules:

1. A workspace with a shared registry holds the registry's URL in ``registry.url``, and no database.
2. A password is never written down here. It comes from where PostgreSQL's own tools take it (``PGPASSWORD``,
   ``PGPASSFILE``), or from ``POISONGUARD_REGISTRY``: the same URL with the password in it.
3. A location proves nothing: what is found there is believed only as far as the pinned trust root vouches for it.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.durable import write_durably
from poisonguard.store.registry import registry_url
from poisonguard.workflow.folder import DATABASE, read_small

LOCATION = "registry.url"
VARIABLE = "POISONGUARD_REGISTRY"
MAX_URL_BYTES = 4096


def registry_of(folder: Path) -> str:
    """Where the registry of the workspace ``folder`` is, as ``open_registry`` takes it.

    Raises:
        UsageError: It cannot be read, or ``POISONGUARD_REGISTRY`` names another one.
    """
    path = folder / LOCATION
    if not path.exists():
        return str(folder / DATABASE)
    try:
        stored = read_small(path, MAX_URL_BYTES, what="the URL of the registry").decode().strip()
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path} is no URL", hint="It should be the URL of the registry.") from error
    given = os.environ.get(VARIABLE, "")
    if given and without_password(given) != stored:
        raise UsageError(
            f"{VARIABLE} names another registry than {path}", hint="It carries the password for this one only."
        )
    return given or stored


def remember_registry(folder: Path, location: str) -> None:
    """Note in the workspace ``folder`` that its registry is at ``location``.

    Raises:
        UsageError: The location is not understood, or cannot be written.
    """
    write_durably(folder / LOCATION, f"{without_password(location)}\n".encode())


def without_password(location: str) -> str:
    """The URL of a registry as it may be written down.

    Raises:
        UsageError: It is not understood, or hides a password where it cannot be taken out.
    """
    url = registry_url(location)
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{Path(str(url.database)).resolve()}"
    if "password" in url.query:
        raise UsageError(
            "the URL of the registry has a password in its query", hint=f"Put it into PGPASSWORD or {VARIABLE}."
        )
    # ``set`` takes no password for one that stays as it is.
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string(hide_password=False)
