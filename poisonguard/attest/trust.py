"""The trust root: who may do what. TUF root semantics (https://theupdateframework.github.io/specification/#root).

Rules for a document:

1. There is a ``root`` role; every role is known, has people and a threshold from 1 to the number of its people.
2. People have names and keys; a name, or a key, occurs once in the whole document, so that a key is one person's.
3. Everybody in a role is one of the people.
4. Only publisher, scanner, steward and trainer may be limited to some datasets.
5. Whoever is in the ``log`` role is in no other: the log's key lies unencrypted and must never approve.

Rules for trusting one (:class:`TrustedRoot`):

6. The first document is named by a pin, the SHA-256 of its bytes; there is no trust on first use.
7. It is signed by the threshold of its own root role.
8. Each next one has exactly the next version number, and is signed by the root thresholds of both.
9. Thresholds count people, each with at least one good signature; a bad signature under a known key refuses all.
10. The newest must not have expired; older ones may have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.envelope import Envelope, parse_envelope, sign, verify
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import PublicKey, Signer, parse_public_key
from poisonguard.attest.times import format_time
from poisonguard.errors import ConfigurationError, GateFailed, IntegrityError, KeyMaterialError

PAYLOAD_TYPE = "application/vnd.poisonguard.trust-root+json"
KIND = "poisonguard-trust-root/v1"
MAX_ROOT_BYTES = 4 * 1024 * 1024
MAX_CHAIN = 1024
EVERY_DATASET = ("*",)


class RoleName(StrEnum):
    """What somebody may do."""

    ROOT = "root"
    PUBLISHER = "publisher"
    SCANNER = "scanner"
    STEWARD = "steward"
    REVOKER = "revoker"
    TRAINER = "trainer"
    LOG = "log"


PER_DATASET = frozenset({RoleName.PUBLISHER, RoleName.SCANNER, RoleName.STEWARD, RoleName.TRAINER})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, human or machine, and the keys that speak for them."""

    name: str
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """Who plays a role, how many of them it takes, and for which datasets (shell patterns)."""

    people: tuple[str, ...]
    threshold: int
    datasets: tuple[str, ...] = EVERY_DATASET

    def covers(self, dataset: str) -> bool:
        """Whether the role reaches to ``dataset``."""
        return any(fnmatchcase(dataset, pattern) for pattern in self.datasets)


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One version of the document; obeys rules 1 to 5 by construction.

    Raises:
        ConfigurationError: It would not.
    """

    version: int
    expires: datetime
    people: tuple[Person, ...]
    roles: Mapping[RoleName, Grant]

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ConfigurationError(f"trust root: {problem}", hint="See `poisonguard trust init --help`.")

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """Every key of everybody."""
        return tuple(key for person in self.people for key in person.keys)

    def person_of(self, key: PublicKey) -> str:
        """Whose key it is.

        Raises:
            IntegrityError: Nobody's.
        """
        for person in self.people:
            if key in person.keys:
                return person.name
        raise IntegrityError(f"key {key.keyid[:12]} is nobody's in the trust root")

    def in_role(self, role: RoleName, dataset: str | None = None) -> frozenset[str]:
        """Names of those who play ``role``, for ``dataset`` when the role depends on it."""
        grant = self.roles.get(role)
        if grant is None or (dataset is not None and not grant.covers(dataset)):
            return frozenset()
        return frozenset(grant.people)

    def threshold(self, role: RoleName) -> int:
        """How many people ``role`` takes; more than there can be when nobody plays it."""
        grant = self.roles.get(role)
        return grant.threshold if grant else len(self.people) + 1

    def keys_of(self, role: RoleName) -> tuple[PublicKey, ...]:
        """Keys of those who play ``role``."""
        names = self.in_role(role)
        return tuple(key for person in self.people if person.name in names for key in person.keys)

    def signers(self, envelope: Envelope, *, what: str) -> Mapping[str, PublicKey]:
        """People whose signature the envelope carries, each with one key that made it.

        Raises:
            IntegrityError: A signature under a known key does not verify.
        """
        return {self.person_of(key): key for key in verify(envelope, self.keys, what=what)}

    def to_json(self) -> dict[str, Any]:
        """The document as JSON."""
        return {
            "kind": KIND,
            "version": self.version,
            "expires": format_time(self.expires),
            "people": [{"name": item.name, "keys": [key.pem for key in item.keys]} for item in self.people],
            "roles": [_grant_to_json(role, self.roles[role]) for role in sorted(self.roles)],
        }

    def sign(self, signers: Sequence[Signer]) -> Envelope:
        """The document in an envelope, signed."""
        return sign(canonical(self.to_json()), signers, payload_type=PAYLOAD_TYPE)


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A trust root that is trusted, with no I/O: start from a pin, then follow the chain.

    ``digest`` is the pin of this very document: the SHA-256 of its envelope's bytes, as ``sha256sum`` prints it.
    """

    root: TrustRoot
    digest: str

    @classmethod
    def start(cls, data: bytes, pin: str) -> TrustedRoot:
        """Trust the document that ``pin`` names.

        Raises:
            IntegrityError: It is another document, is malformed, or lacks its own signatures.
        """
        digest = pin_of(data)
        if digest != pin.removeprefix("sha256:").lower():
            raise IntegrityError(f"the trust root is {digest[:12]}, but {pin[:19]} is pinned", hint=PIN_HINT)
        envelope = open_envelope(data)
        root = parse_root(envelope)
        _require_threshold(root, envelope)
        return cls(root, digest)

    def update(self, data: bytes) -> TrustedRoot:
        """Trust the next document.

        Raises:
            IntegrityError: It is not exactly the next, or not signed by the thresholds of both.
        """
        envelope = open_envelope(data)
        new = parse_root(envelope)
        if new.version != self.root.version + 1:
            raise IntegrityError(f"trust root version {new.version} does not follow version {self.root.version}")
        _require_threshold(self.root, envelope)
        _require_threshold(new, envelope)
        return TrustedRoot(new, pin_of(data))

    def check_time(self, now: datetime) -> None:
        """Refuse a document that has expired.

        Raises:
            GateFailed: It has.
        """
        if now >= self.root.expires:
            raise GateFailed(
                f"trust root version {self.root.version} expired on {format_time(self.root.expires)}",
                hint="Publish the next version with `poisonguard trust update`.",
            )


PIN_HINT = "Check the pin with whoever keeps the trust root; it changes only when trust starts anew."


def establish(chain: Sequence[bytes], pin: str) -> TrustedRoot:
    """Trust the last document of ``chain``; the pin may name any of them, those before it are passed over.

    Raises:
        IntegrityError: The pin names none, or a rule of this module is broken on the way.
    """
    wanted = pin.removeprefix("sha256:").lower()
    if len(chain) > MAX_CHAIN:
        raise IntegrityError(f"more than {MAX_CHAIN} trust roots in one chain")
    for index, data in enumerate(chain):
        if pin_of(data) == wanted:
            trusted = TrustedRoot.start(data, pin)
            for newer in chain[index + 1 :]:
                trusted = trusted.update(newer)
            return trusted
    raise IntegrityError(f"none of {len(chain)} trust roots is the pinned {wanted[:12]}", hint=PIN_HINT)


def pin_of(data: bytes) -> str:
    """The pin of a trust root file: hex SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def open_envelope(data: bytes) -> Envelope:
    """The envelope of a trust root; nothing in it is trusted yet.

    Raises:
        IntegrityError: It is not one.
    """
    if len(data) > MAX_ROOT_BYTES:
        raise IntegrityError(f"the trust root is larger than {MAX_ROOT_BYTES} bytes")
    return parse_envelope(data, payload_type=PAYLOAD_TYPE, what="trust root")


def parse_root(envelope: Envelope) -> TrustRoot:
    """The document in an envelope; nothing in it is trusted yet.

    Raises:
        IntegrityError: It breaks rules 1 to 5.
    """
    fields = Fields(parse(envelope.payload, what="trust root"), "trust root")
    fields.literal("kind", KIND)
    version, expires = fields.integer("version", minimum=1), fields.time("expires")
    people, grants = fields.items("people", _person), fields.items("roles", _grant)
    fields.done()
    if [role for role, _ in grants] != sorted({role for role, _ in grants}):
        raise fields.refusal("has roles out of order, or one twice")
    try:
        return TrustRoot(version, expires, people, dict(grants))
    except ConfigurationError as error:
        raise IntegrityError(error.message, hint=error.hint) from error


def _require_threshold(root: TrustRoot, envelope: Envelope) -> None:
    eligible = root.in_role(RoleName.ROOT)
    signed = root.signers(envelope, what="trust root").keys() & eligible
    needed = root.threshold(RoleName.ROOT)
    if len(signed) < needed:
        raise IntegrityError(
            f"the trust root is signed by {len(signed)} of {needed} people that version {root.version} asks for",
            hint=f"Eligible: {', '.join(sorted(eligible))}.",
        )


def _problem(root: TrustRoot) -> str:
    """The first rule from 1 to 5 that is broken, or nothing."""
    names = [person.name for person in root.people]
    keyids = [key.keyid for key in root.keys]
    if root.version < 1:
        return "versions count from 1"
    if RoleName.ROOT not in root.roles:
        return "nobody plays the root role"
    if not all(names) or len(set(names)) != len(names):
        return "a person has no name, or two have the same"
    if not all(person.keys for person in root.people):
        return "a person has no key"
    if len(set(keyids)) != len(keyids):
        return "one key is listed twice"
    return next((problem for role in root.roles if (problem := _role_problem(root, role))), "")


def _role_problem(root: TrustRoot, role: RoleName) -> str:
    grant = root.roles[role]
    people = set(grant.people)
    if len(people) != len(grant.people) or not people <= {person.name for person in root.people}:
        return f"role {role} names somebody twice, or somebody unknown"
    if not 1 <= grant.threshold <= len(people):
        return f"role {role} has threshold {grant.threshold}, which is not 1 to {len(people)}"
    if not grant.datasets or not all(grant.datasets):
        return f"role {role} reaches to no dataset"
    if role not in PER_DATASET and grant.datasets != EVERY_DATASET:
        return f"role {role} cannot be limited to some datasets"
    others = {name for other, item in root.roles.items() if other is not RoleName.LOG for name in item.people}
    if role is RoleName.LOG and people & others:
        return f"{min(people & others)} is in the log role and in another"
    return ""


def _grant_to_json(role: RoleName, grant: Grant) -> dict[str, Any]:
    return {
        "role": str(role),
        "people": list(grant.people),
        "threshold": grant.threshold,
        "datasets": list(grant.datasets),
    }


def _grant(value: Any, where: str) -> tuple[RoleName, Grant]:
    fields = Fields(value, where)
    role = fields.choice("role", RoleName)
    grant = Grant(fields.texts("people"), fields.integer("threshold"), fields.texts("datasets"))
    fields.done()
    return role, grant


def _person(value: Any, where: str) -> Person:
    fields = Fields(value, where)
    person = Person(fields.text("name"), fields.items("keys", _key))
    fields.done()
    return person


def _key(value: Any, where: str) -> PublicKey:
    if not isinstance(value, str):
        raise IntegrityError(f"{where} is not a public key")
    try:
        key = parse_public_key(value, where=where)
    except KeyMaterialError as error:
        raise IntegrityError(error.message) from error
    if key.pem != value:
        raise IntegrityError(f"{where} is a public key in an unusual spelling")
    return key
