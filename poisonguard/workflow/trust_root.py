"""Start a workspace with its trust root, show it, and follow it to the next version.

Rules:

1. A workspace appears whole or not at all: it is built beside its place and renamed.
2. A trust root names publishers, scanners and stewards, and is signed by enough of its own root people:
   one that could never let anything pass, or could not be trusted, is not written.
3. The log gets a key of its own, made here, in the role ``log`` and no other.
4. The next version is believed only when it follows from the pinned one (TUF root semantics).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from poisonguard.attest.checkpoint import LOG_ALGORITHM
from poisonguard.attest.envelope import add_signatures
from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import PublicKey, Signer, generate
from poisonguard.attest.trust import (
    EVERY_DATASET,
    MAX_ROOT_BYTES,
    PER_DATASET,
    Grant,
    Person,
    RoleName,
    TrustedRoot,
    TrustRoot,
    open_envelope,
    parse_root,
    pin_of,
)
from poisonguard.errors import ConfigurationError, IntegrityError, UsageError
from poisonguard.store.blobs import sync_folder, write_durably
from poisonguard.store.registry import Kind, Reader, Registry, Statement, registry_url
from poisonguard.workflow.folder import BLOBS, DATABASE, FOLDER, LOG_KEY, TRUST, read_small
from poisonguard.workflow.keys import read_public_key
from poisonguard.workflow.workspace import Workspace, trust_chain

LOG_PERSON = "registry-log"
LONGEST = timedelta(days=3653)
"""Ten years; keys and people do not last longer."""
NEEDED = (RoleName.PUBLISHER, RoleName.SCANNER, RoleName.STEWARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Who is to do what.

    Attributes:
        people: Name to public keys.
        roles: Role to names.
        thresholds: How many people a role takes; 1 when not given.
        datasets: Shell patterns that limit publishers, scanners, stewards and trainers.
        lifetime: How long the trust root holds.
    """

    people: Mapping[str, tuple[PublicKey, ...]]
    roles: Mapping[RoleName, tuple[str, ...]]
    lifetime: timedelta
    thresholds: Mapping[RoleName, int] = field(default_factory=dict)
    datasets: tuple[str, ...] = EVERY_DATASET


def read_request(
    people: Sequence[str],
    roles: Sequence[str],
    thresholds: Sequence[str],
    datasets: Sequence[str],
    lifetime: timedelta,
) -> TrustRequest:
    """What the options ``NAME=PUBFILE``, ``ROLE=NAME,NAME``, ``ROLE=K`` ask for.

    Raises:
        UsageError: One is malformed, or names an unknown role.
        KeyMaterialError: A file holds no public key.
    """
    keys: dict[str, tuple[PublicKey, ...]] = {}
    for name, path in (_split(text, "--person", "NAME=PUBFILE") for text in people):
        keys[name] = (*keys.get(name, ()), read_public_key(Path(path)))
    granted: dict[RoleName, tuple[str, ...]] = {}
    for role, names in (_split(text, "--role", "ROLE=NAME[,NAME]") for text in roles):
        granted[_role(role)] = (*granted.get(_role(role), ()), *(name.strip() for name in names.split(",")))
    counts = dict(_threshold(*_split(text, "--threshold", "ROLE=K")) for text in thresholds)
    return TrustRequest(
        people=keys, roles=granted, thresholds=counts, datasets=tuple(datasets) or EVERY_DATASET, lifetime=lifetime
    )


def init(project: Path, request: TrustRequest, signers: Sequence[Signer], now: datetime) -> TrustedRoot:
    """Make the workspace of ``project``: registry, log key, and trust root version 1, pinned.

    Raises:
        UsageError: There is a workspace already, or it cannot be written.
        ConfigurationError: The trust root would break its rules.
    """
    place = project / FOLDER
    if place.exists():
        raise UsageError(f"{place} exists", hint="Change its trust root with 'poisonguard trust update'.")
    with _built_beside(place) as folder:
        log_key = generate(LOG_ALGORITHM)
        save_private_key(log_key, folder / LOG_KEY, None)
        root = build_root(request, log_key.public, version=1, now=now)
        trusted, data = _signed(root, signers)
        registry = Registry(registry_url(str(folder / DATABASE)))
        registry.create()
        (folder / BLOBS).mkdir()
        write_durably(folder / TRUST, data)
        workspace = Workspace(folder)
        with workspace, workspace.registry.write() as writer:
            writer.append([_statement(data)], workspace.checkpoint_signer())
    return trusted


def build_root(request: TrustRequest, log_key: PublicKey | None, *, version: int, now: datetime) -> TrustRoot:
    """The trust root that ``request`` asks for, unsigned; with ``log_key`` in the role ``log``.

    Raises:
        ConfigurationError: It would break the rules of a trust root, or let nothing pass.
    """
    if not timedelta(0) < request.lifetime <= LONGEST:
        raise ConfigurationError("trust root: it holds for one second to ten years", hint="For example --expires 365d.")
    people, roles = dict(request.people), dict(request.roles)
    if log_key is not None:
        if LOG_PERSON in people or RoleName.LOG in roles:
            raise ConfigurationError(f"the role log and the name {LOG_PERSON!r} are given to the registry's own key")
        people[LOG_PERSON], roles[RoleName.LOG] = (log_key,), (LOG_PERSON,)
    absent = [role for role in NEEDED if role not in roles]
    if absent:
        raise ConfigurationError(
            f"trust root: nobody plays the role {absent[0]}", hint=f"Add --role {absent[0]}=NAME; empty means refuse."
        )
    useless = sorted(request.thresholds.keys() - roles.keys())
    if useless:
        raise ConfigurationError(f"trust root: a threshold is given for {useless[0]}, which nobody plays")
    persons = tuple(Person(name, people[name]) for name in sorted(people))
    grants = {role: _grant(request, role, names) for role, names in roles.items()}
    return TrustRoot(version, now.replace(microsecond=0) + request.lifetime, persons, grants)


def next_root(
    workspace: Workspace, request: TrustRequest, signers: Sequence[Signer], now: datetime
) -> tuple[TrustRoot, bytes]:
    """The next version of the workspace's trust root, signed, to be handed to every ``trust update``.

    The log's key is carried over. The result may still lack signatures: others add theirs with ``cosign``.

    Raises:
        ConfigurationError: It would break the rules of a trust root.
    """
    with workspace.registry.read() as reader:
        current = workspace.newest_root(reader)
    log_keys = current.root.keys_of(RoleName.LOG)
    root = build_root(request, log_keys[0] if log_keys else None, version=current.root.version + 1, now=now)
    return root, root.sign(signers).to_bytes()


def cosign(data: bytes, signers: Sequence[Signer]) -> bytes:
    """A trust root with signatures added.

    Raises:
        IntegrityError: It is no trust root.
    """
    envelope = open_envelope(data)
    parse_root(envelope)
    return add_signatures(envelope, signers).to_bytes()


def update(workspace: Workspace, data: bytes) -> TrustedRoot:
    """Trust the next version: log it, then pin it. Doing it again changes nothing.

    Raises:
        IntegrityError: It does not follow from the pinned one.
    """
    with workspace.registry.write() as writer:
        chain = trust_chain(writer, workspace.pinned)
        trusted = workspace.newest_root(writer)
        if pin_of(data) != trusted.digest:
            trusted = trusted.update(data)
            writer.append(follow(writer, (*chain, data)), workspace.checkpoint_signer())
    write_durably(workspace.folder / TRUST, data)
    return trusted


def read_file(path: Path) -> bytes:
    """The bytes of a trust root file.

    Raises:
        UsageError: It cannot be read.
    """
    return read_small(path, MAX_ROOT_BYTES, what="the file of a trust root")


def warnings(root: TrustRoot) -> tuple[str, ...]:
    """What will bite later: roles whose people stand in each other's way."""
    authors = root.in_role(RoleName.PUBLISHER) | root.in_role(RoleName.SCANNER)
    free = root.in_role(RoleName.STEWARD) - authors
    needed = root.threshold(RoleName.STEWARD)
    if len(free) >= needed:
        return ()
    warning = (
        f"only {len(free)} of {needed} needed stewards neither publish nor scan; "
        "nobody may approve what they published or scanned themselves"
    )
    return (warning,)


def follow(reader: Reader, chain: Sequence[bytes]) -> list[Statement]:
    """The trust roots of ``chain`` that the registry does not hold yet, as statements."""
    known = {item.envelope for item in reader.statements(Kind.TRUST_ROOT)}
    return [_statement(data) for data in chain if data not in known]


def _signed(root: TrustRoot, signers: Sequence[Signer]) -> tuple[TrustedRoot, bytes]:
    eligible = root.in_role(RoleName.ROOT)
    for signer in signers:
        if signer.public not in root.keys_of(RoleName.ROOT):
            raise UsageError(
                f"key {signer.public.keyid[:12]} does not play the role root",
                hint=f"Sign with a key of {', '.join(sorted(eligible))}.",
            )
    data = root.sign(signers).to_bytes()
    try:
        return TrustedRoot.start(data, pin_of(data)), data
    except IntegrityError as error:
        raise UsageError(error.message, hint=error.hint or "Repeat --key for each of them.") from error


def _statement(data: bytes) -> Statement:
    payload = open_envelope(data).payload
    digest = hashlib.sha256(payload).hexdigest()
    return Statement(kind=Kind.TRUST_ROOT, dataset="", version="", payload_digest=digest, envelope=data)


@contextmanager
def _built_beside(place: Path) -> Iterator[Path]:
    """A folder that becomes ``place`` when the block ends well, and vanishes otherwise."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}.new-", dir=place.parent))
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}") from error
    try:
        yield folder
        folder.chmod(0o755)
        sync_folder(folder)
        folder.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _grant(request: TrustRequest, role: RoleName, names: tuple[str, ...]) -> Grant:
    datasets = request.datasets if role in PER_DATASET else EVERY_DATASET
    return Grant(tuple(sorted(names)), request.thresholds.get(role, 1), datasets)


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise UsageError(f"{option} {text}: not {form}")
    return name.strip(), value.strip()


def _role(text: str) -> RoleName:
    try:
        return RoleName(text.lower())
    except ValueError:
        raise UsageError(f"no role is called {text!r}", hint=f"Roles: {', '.join(RoleName)}.") from None


def _threshold(role: str, count: str) -> tuple[RoleName, int]:
    if not (count.isascii() and count.isdigit() and int(count) >= 1):
        raise UsageError(f"--threshold {role}={count}: not a number of people", hint="It is at least 1.")
    return _role(role), int(count)
