"""Start a workspace with its trust root, show it, and follow it to the next version.

Rules:

1. A workspace appears whole or not at all: it is built beside its place and renamed.
2. A trust root names publishers, scanners and stewards, and is signed by enough of its own root people:
   one that could never let anything pass, or could not be trusted, is not written.
3. The log gets a key of its own, made here, in the role ``log`` and no other. A new one is introduced by a trust
   root, signs from that one's update on, and does not unsay the old one's checkpoints until the old key is retired.
4. The next version is believed only when it follows from the pinned one (TUF root semantics).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from poisonguard.attest.checkpoint import LOG_ALGORITHM
from poisonguard.attest.envelope import add_signatures
from poisonguard.attest.keyfile import load_private_key, save_private_key
from poisonguard.attest.keys import PublicKey, Signer, generate
from poisonguard.attest.trust import (
    MAX_ROOT_BYTES,
    RoleName,
    TrustedRoot,
    TrustRoot,
    open_envelope,
    parse_root,
    pin_of,
)
from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.durable import sync_folder, write_durably
from poisonguard.store.registry import Kind, Reader, Registry, Statement, Writer, registry_url
from poisonguard.workflow.folder import DATABASE, FOLDER, LOG_KEY, TRUST, read_small
from poisonguard.workflow.new_workspace import built_beside, interrupted, put_in_place
from poisonguard.workflow.notary import LogNotary
from poisonguard.workflow.registry_location import remember_registry
from poisonguard.workflow.trust_changes import TrustChanges, changed
from poisonguard.workflow.trust_request import TrustRequest, build_root
from poisonguard.workflow.workspace import Workspace, trust_chain

NEXT_LOG_KEY = f"{LOG_KEY}.next"
"""Where a new log key waits for the trust root that introduces it to be trusted here."""


def init(
    project: Path, request: TrustRequest, signers: Sequence[Signer], now: datetime, *, registry: str | None = None
) -> TrustedRoot:
    """Make the workspace of ``project``: registry, log key, and trust root version 1, pinned.

    Args:
        project: The folder to work in.
        request: What the trust root is to say.
        signers: Private keys of root people.
        now: The time.
        registry: URL of a registry to share with a team; a file in the workspace when not given.

    Raises:
        UsageError: There is a workspace already, or it cannot be written.
        ConfigurationError: The trust root would break its rules.
    """
    place = project / FOLDER
    if place.exists():
        raise UsageError(f"{place} exists", hint="Change its trust root with 'poisonguard trust update'.")
    begun = interrupted(place, registry) if registry is not None else None
    if begun is not None:
        return _resume(begun, place, request, now)
    with built_beside(place) as folder:
        log_key = generate(LOG_ALGORITHM)
        save_private_key(log_key, folder / LOG_KEY, None)
        root = build_root(request.content(), (log_key.public,), version=1, now=now)
        trusted, data = _signed(root, signers)
        write_durably(folder / TRUST, data)
        if registry is not None:
            remember_registry(folder, registry)
        made = Registry(registry_url(registry or str(folder / DATABASE)))
        made.create(lambda writer, origin: begin_log(writer, data, LogNotary(origin, log_key, (log_key.public,))))
    return trusted


def begin_log(writer: Writer, data: bytes, notary: LogNotary) -> None:
    """Log the first trust root."""
    writer.append([_statement(data)], notary)


def _resume(begun: Workspace, place: Path, request: TrustRequest, now: datetime) -> TrustedRoot:
    """Put the workspace in place that a crash kept from it, if it is the one that is asked for again."""
    trusted = TrustedRoot.start(begun.pinned, pin_of(begun.pinned))
    asked = build_root(request.content(), trusted.root.keys_of(RoleName.LOG), version=1, now=now)
    if replace(asked, expires=trusted.root.expires) != trusted.root:
        raise UsageError(
            f"an interrupted 'trust init' made this registry with another trust root, see {begun.folder}",
            hint=f"Ask for the same again, or rename that folder to {FOLDER}.",
        )
    put_in_place(begun.folder, place)
    return trusted


def next_root(  # noqa: PLR0913 - each argument is one decision of the caller's
    workspace: Workspace,
    request: TrustRequest | TrustChanges,
    signers: Sequence[Signer],
    now: datetime,
    *,
    rotate_log_key: bool = False,
    retire_log_key: bool = False,
) -> tuple[TrustRoot, bytes]:
    """The next version of the workspace's trust root, signed, to be handed to every ``trust update``.

    The result may still lack signatures: others add theirs with ``cosign``.

    Args:
        workspace: Whose trust root.
        request: What it is to say, in full or by what changes.
        signers: Private keys of root people.
        now: The time.
        rotate_log_key: Introduce a new log key, made here; it signs the log from the update on.
        retire_log_key: Drop log keys that do not sign any more: what only they signed is believed no more.

    Raises:
        ConfigurationError: It would break the rules of a trust root.
        UsageError: The changes do not fit the trust root.
        KeyMaterialError: The log's key is not here.
    """
    with workspace.registry.read() as reader:
        current = workspace.newest_root(reader).root
    content = changed(current, request) if isinstance(request, TrustChanges) else request.content()
    keys = _next_log_keys(workspace, current, rotate=rotate_log_key, retire=retire_log_key)
    root = build_root(content, keys, version=current.version + 1, now=now)
    return root, root.sign(signers).to_bytes()


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A trust root with signatures added.

    Attributes:
        data: The bytes of its file.
        needed: How many people of its own role ``root`` must sign.
        signed: Those of them who have.
        missing: Those of them who have not.
    """

    data: bytes
    needed: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]


def cosign(data: bytes, signers: Sequence[Signer], current: TrustRoot | None = None) -> Cosigned:
    """A trust root with signatures added by those who play the role root in it, or in the one before.

    Args:
        data: The bytes of its file.
        signers: Private keys.
        current: The trust root that is trusted here, if there is one.

    Raises:
        IntegrityError: It is no trust root, or a signature in it does not verify.
        UsageError: A key plays the role root in neither.
    """
    envelope = open_envelope(data)
    root = parse_root(envelope)
    _require_root_keys(signers, [root] if current is None else [root, current])
    envelope = add_signatures(envelope, signers)
    signed = root.entitled(RoleName.ROOT, root.signers(envelope, what="trust root"))
    missing = root.in_role(RoleName.ROOT) - signed
    needed = root.threshold(RoleName.ROOT)
    return Cosigned(envelope.to_bytes(), needed, tuple(sorted(signed)), tuple(sorted(missing)))


def update(workspace: Workspace, data: bytes) -> TrustedRoot:
    """Trust the next version: log it, then pin it, then put its new log key in place. Doing it again changes nothing.

    Raises:
        IntegrityError: It does not follow from the pinned one.
    """
    with workspace.registry.write() as writer:
        chain = trust_chain(writer, workspace.pinned)
        trusted = workspace.newest_root(writer)
        if pin_of(data) != trusted.digest:
            trusted = trusted.update(data)
            key = NEXT_LOG_KEY if _introduces_log_key(workspace, trusted.root) else LOG_KEY
            writer.append(follow(writer, (*chain, data)), workspace.checkpoint_signer(key, root=trusted.root))
    write_durably(workspace.folder / TRUST, data)
    if _introduces_log_key(workspace, trusted.root):
        _promote_log_key(workspace.folder)
    return trusted


def read_file(path: Path) -> bytes:
    """The bytes of a trust root file, whose signatures are not checked yet.

    Raises:
        UsageError: It cannot be read.
        IntegrityError: It is no trust root.
    """
    data = read_small(path, MAX_ROOT_BYTES, what="the file of a trust root")
    try:
        root_in(data)
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error.message}", hint=error.hint) from error
    return data


def root_in(data: bytes) -> TrustRoot:
    """The trust root in the bytes of its file, whose signatures are not checked.

    Raises:
        IntegrityError: It is no trust root.
    """
    return parse_root(open_envelope(data))


def follow(reader: Reader, chain: Sequence[bytes]) -> list[Statement]:
    """The trust roots of ``chain`` that the registry does not hold yet, as statements."""
    known = {item.envelope for item in reader.statements(Kind.TRUST_ROOT)}
    return [_statement(data) for data in chain if data not in known]


def _signed(root: TrustRoot, signers: Sequence[Signer]) -> tuple[TrustedRoot, bytes]:
    _require_root_keys(signers, [root])
    data = root.sign(signers).to_bytes()
    try:
        return TrustedRoot.start(data, pin_of(data)), data
    except IntegrityError as error:
        raise UsageError(error.message, hint=error.hint or "Repeat --key for each of them.") from error


def _require_root_keys(signers: Sequence[Signer], roots: Sequence[TrustRoot]) -> None:
    keys = {key for root in roots for key in root.keys_of(RoleName.ROOT)}
    eligible = sorted({name for root in roots for name in root.in_role(RoleName.ROOT)})
    for signer in signers:
        if signer.public not in keys:
            raise UsageError(
                f"key {signer.public.keyid[:12]} does not play the role root",
                hint=f"Sign with a key of {', '.join(eligible)}.",
            )


def _next_log_keys(workspace: Workspace, root: TrustRoot, *, rotate: bool, retire: bool) -> tuple[PublicKey, ...]:
    """Keys for the role ``log``, the newest first."""
    keys = root.keys_of(RoleName.LOG)
    if retire:
        keys = () if rotate else (load_private_key(workspace.folder / LOG_KEY).public,)
    if rotate:
        waiting = workspace.folder / NEXT_LOG_KEY
        if not waiting.exists():  # one that waits is introduced again: its trust root was never trusted here
            save_private_key(generate(LOG_ALGORITHM), waiting, None)
        keys = (load_private_key(waiting).public, *keys)
    return tuple(dict.fromkeys(keys))


def _introduces_log_key(workspace: Workspace, root: TrustRoot) -> bool:
    waiting = workspace.folder / NEXT_LOG_KEY
    return waiting.exists() and load_private_key(waiting).public in root.keys_of(RoleName.LOG)


def _promote_log_key(folder: Path) -> None:
    """Put the waiting log key in place; the private half last, since its waiting is what asks for this."""
    for end in (".pub", ""):
        with suppress(FileNotFoundError):  # another process, or this one before it died, has done it
            (folder / f"{NEXT_LOG_KEY}{end}").replace(folder / f"{LOG_KEY}{end}")
    sync_folder(folder)


def _statement(data: bytes) -> Statement:
    payload = open_envelope(data).payload
    digest = hashlib.sha256(payload).hexdigest()
    return Statement(kind=Kind.TRUST_ROOT, dataset="", version="", payload_digest=digest, envelope=data)
