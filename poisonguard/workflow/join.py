"""Join a registry that somebody else made: a workspace on another machine.

Rules:

1. Nothing is trusted on first use: the caller gives the pin of a trust root, or the trust root itself, and the
   registry's chain must lead on from it.
2. A machine that may append holds a copy of the log key, which the newest trust root must name; one without reads,
   audits and gates.
3. The workspace appears whole or not at all.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from poisonguard.attest.keyfile import load_private_key, save_private_key
from poisonguard.attest.trust import RoleName, TrustedRoot, establish
from poisonguard.errors import UsageError
from poisonguard.store.durable import write_durably
from poisonguard.store.registry import Kind, log_name, open_registry
from poisonguard.workflow.folder import FOLDER, LOG_KEY, TRUST
from poisonguard.workflow.new_workspace import built_beside
from poisonguard.workflow.notary import LogNotary
from poisonguard.workflow.pin import read_pin
from poisonguard.workflow.registry_location import remember_registry


def join(project: Path, location: str, trust: str, log_key: Path | None = None) -> TrustedRoot:
    """Make the workspace of ``project`` for the registry at ``location``.

    Args:
        project: The folder to work in.
        location: URL or path of the registry.
        trust: ``sha256:PIN`` or the file of a trust root, from somebody who is trusted.
        log_key: A copy of the log key, for a machine that appends.

    Raises:
        UsageError: There is a workspace already, or the registry cannot be reached.
        IntegrityError: The registry does not follow from the pinned trust root.
        KeyMaterialError: The log key is not one that the trust root names.
    """
    place = project / FOLDER
    if place.exists():
        raise UsageError(f"{place} exists", hint="A workspace belongs to one registry.")
    pin = read_pin(trust).digest
    with closing(open_registry(location)) as registry, registry.read() as reader:
        chain = tuple(item.envelope for item in reader.statements(Kind.TRUST_ROOT))
        name = log_name(registry.identity)
    trusted = establish(chain, pin)
    with built_beside(place) as folder:
        if log_key is not None:
            key = load_private_key(log_key)
            LogNotary(name, key, trusted.root.keys_of(RoleName.LOG))
            save_private_key(key, folder / LOG_KEY, None)
        remember_registry(folder, location)
        write_durably(folder / TRUST, chain[-1])
    return trusted
