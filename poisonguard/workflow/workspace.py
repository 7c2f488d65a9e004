"""The workspace: the ``.poisonguard`` folder with registry, pinned trust root and log key.

Rules:

1. It is looked for from the working directory upwards, and never taken from inside the data in question:
   whoever wrote the data must not be able to bring their own trust root.
2. ``trust.json`` is the trust root that is pinned here; newer ones in the registry are believed only as far as
   they follow from it.
3. Nothing that the registry says is believed before its signatures were checked under that root.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from poisonguard.attest.keyfile import load_private_key
from poisonguard.attest.trust import (
    MAX_ROOT_BYTES,
    RoleName,
    TrustedRoot,
    TrustRoot,
    establish,
    open_envelope,
    parse_root,
    pin_of,
)
from poisonguard.errors import KeyMaterialError, UsageError
from poisonguard.store.registry import Kind, Reader, Registry, log_name, open_registry
from poisonguard.workflow.folder import FOLDER, LOG_KEY, TRUST, find_folder, read_small
from poisonguard.workflow.notary import LogNotary
from poisonguard.workflow.registry_location import registry_of


class Workspace:
    """One ``.poisonguard`` folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def find(cls, start: Path | None = None, *, data: str | None = None) -> Self | None:
        """The nearest workspace from ``start`` (the working directory) upwards, outside of ``data``; or nothing."""
        folder = find_folder(start, data=data)
        return None if folder is None else cls(folder)

    @classmethod
    def required(cls, start: Path | None = None, *, data: str | None = None) -> Self:
        """The nearest workspace.

        Raises:
            UsageError: There is none.
        """
        found = cls.find(start, data=data)
        if found is None:
            raise UsageError(
                f"no {FOLDER} folder was found from {(start or Path.cwd()).name or '/'} upwards",
                hint="Make one with 'poisonguard trust init', outside of the data.",
            )
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; the workspace may be used again."""
        registry = self.__dict__.pop("registry", None)
        if registry is not None:
            registry.close()

    @cached_property
    def registry(self) -> Registry:
        """The registry of statements."""
        return open_registry(registry_of(self.folder))

    @property
    def pinned(self) -> bytes:
        """The trust root that is pinned here, as it lies on disk.

        Raises:
            UsageError: It is missing or cannot be read.
        """
        return read_small(self.folder / TRUST, MAX_ROOT_BYTES, what="the pinned trust root; restore it")

    def trusted(self, reader: Reader, now: datetime) -> TrustedRoot:
        """The newest trust root that follows from the pinned one.

        Raises:
            IntegrityError: The pinned one is malformed, or what follows does not follow.
            GateFailed: The newest has expired.
        """
        trusted = self.newest_root(reader)
        trusted.check_time(now)
        return trusted

    def newest_root(self, reader: Reader) -> TrustedRoot:
        """The same, even if it has expired: to look at, or to follow to its successor."""
        return establish(trust_chain(reader, self.pinned), pin_of(self.pinned))

    @property
    def origin(self) -> str:
        """Name of the log, as its checkpoints say it."""
        return log_name(self.registry.identity)

    def checkpoint_signer(self, name: str = LOG_KEY, *, root: TrustRoot | None = None) -> LogNotary:
        """Signs the log's checkpoints with the workspace's log key, which lies in the file ``name``.

        The key lies unencrypted: it attests the order of statements, never an approval.

        Args:
            name: File of the key.
            root: The trust root that is to hold from now on, if it is not pinned yet.

        Raises:
            KeyMaterialError: There is no log key here, or it does not play that role.
        """
        pinned = parse_root(open_envelope(self.pinned)).keys_of(RoleName.LOG)
        following = pinned if root is None else root.keys_of(RoleName.LOG)
        path = self.folder / name
        if not path.exists():
            raise KeyMaterialError(
                f"{path} is missing: this workspace reads the log, but may not append to it",
                hint="Join again with --log-key FILE, a copy of the log key of a workspace that may.",
            )
        key = load_private_key(path)
        return LogNotary(self.origin, key, following).following(pinned)


def trust_chain(reader: Reader, pinned: bytes) -> tuple[bytes, ...]:
    """The trust roots in the registry, oldest first; the pinned one alone when the registry does not know it."""
    chain = tuple(item.envelope for item in reader.statements(Kind.TRUST_ROOT))
    return chain if pinned in chain else (pinned,)
