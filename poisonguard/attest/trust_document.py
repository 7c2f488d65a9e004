"""The trust root as a document: who may do what.

The semantics are TUF's (https://theupdateframework.github.io/specification/#root).
Rules; whatever breaks one is refused, and each is one ``raise`` and one test of its number:

1. Versions count from 1.
2. Somebody plays the role ``root``.
3. A person's name can be printed, is in Unicode normal form C, and has no space at either end.
4. No two names look the same: they differ in more than case and compatibility forms.
5. Everybody has a key.
6. A key occurs once in the whole document, so that it is one person's, and counts once.
7. Everybody in a role is one of the people.
8. Nobody is in a role twice.
9. A role's threshold is from 1 to the number of its people; that of the log, whose checkpoints one key signs, is 1.
10. A role reaches to some dataset; its patterns know ``*`` (any text, ``/`` too) and ``?``, case counts, and ``[`` is
    refused, since no dataset is called so and people misread it.
11. Only publisher, scanner, steward and trainer may be limited to some datasets.
12. Whoever is in the ``log`` role is in no other: the log's key lies unencrypted and must never approve.
13. In a ``postQuantum`` role, enough people have keys of both kinds; the log's checkpoints have no room for that.
14. Roles stand in the order of their names, each once.
15. A public key is spelled as we spell it: one key, one text.

Who counts: somebody in the role with a good signature; in a ``postQuantum`` role, somebody with two, one by a
classical key and one by a post-quantum key of theirs, so that neither kind of forgery is enough.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.envelope import Envelope, sign, verify
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import PublicKey, Signer, parse_public_key
from poisonguard.attest.times import format_time
from poisonguard.errors import ConfigurationError, IntegrityError, KeyMaterialError

PAYLOAD_TYPE = "application/vnd.poisonguard.trust-root+json"
KIND = "poisonguard-trust-root/v1"
EVERY_DATASET = ("*",)

Signers = Mapping[str, frozenset[PublicKey]]
"""People, each with those keys of theirs that signed."""


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
    """Who plays a role, how many of them it takes, and for which datasets.

    Attributes:
        people: Their names.
        threshold: How many of them it takes.
        datasets: Shell patterns (rule 10).
        post_quantum: Whether each must sign with a classical and a post-quantum key.
    """

    people: tuple[str, ...]
    threshold: int
    datasets: tuple[str, ...] = EVERY_DATASET
    post_quantum: bool = False

    def covers(self, dataset: str) -> bool:
        """Whether the role reaches to ``dataset``."""
        return any(fnmatchcase(dataset, pattern) for pattern in self.datasets)

    def counts(self, keys: Iterable[PublicKey]) -> bool:
        """Whether somebody who signed with ``keys`` counts."""
        kinds = {_is_post_quantum(key) for key in keys}
        return kinds == {True, False} if self.post_quantum else bool(kinds)


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One version of the document; obeys rules 1 to 13 by construction.

    Raises:
        ConfigurationError: It would not.
    """

    version: int
    expires: datetime
    people: tuple[Person, ...]
    roles: Mapping[RoleName, Grant]

    def __post_init__(self) -> None:
        if self.version < 1:
            raise _broken("versions count from 1")  # rule 1
        if RoleName.ROOT not in self.roles:
            raise _broken("nobody plays the root role")  # rule 2
        _check_people(self.people)
        for role, grant in self.roles.items():
            _check_grant(role, grant, {person.name: person for person in self.people})
        _check_log(self.roles)

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

    def signers(self, envelope: Envelope, *, what: str) -> Signers:
        """People whose signatures the envelope carries, each with the keys that made them.

        Raises:
            IntegrityError: A signature under a known key does not verify.
        """
        return self.by_person(verify(envelope, self.keys, what=what))

    def by_person(self, keys: Iterable[PublicKey]) -> Signers:
        """Keys, by whose they are.

        Raises:
            IntegrityError: One is nobody's.
        """
        found: dict[str, frozenset[PublicKey]] = {}
        for key in keys:
            name = self.person_of(key)
            found[name] = found.get(name, frozenset()) | {key}
        return found

    def entitled(self, role: RoleName, signers: Signers, dataset: str | None = None) -> frozenset[str]:
        """Those of ``signers`` who count in ``role``, for ``dataset`` when the role depends on it."""
        eligible = self.in_role(role, dataset)
        return frozenset(name for name, keys in signers.items() if name in eligible and self.roles[role].counts(keys))

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


def parse_root(envelope: Envelope) -> TrustRoot:
    """The document in an envelope; nothing in it is trusted yet.

    Raises:
        IntegrityError: It is malformed, or breaks a rule of this module.
    """
    fields = Fields(parse(envelope.payload, what="trust root"), "trust root")
    fields.literal("kind", KIND)
    version, expires = fields.integer("version", minimum=1), fields.time("expires")
    people, grants = fields.items("people", _person), fields.items("roles", _grant)
    fields.done()
    if [role for role, _ in grants] != sorted({role for role, _ in grants}):
        raise fields.refusal("has roles out of order, or one twice")  # rule 14
    try:
        return TrustRoot(version, expires, people, dict(grants))
    except ConfigurationError as error:
        raise IntegrityError(error.message, hint=error.hint) from error


def _check_people(people: Sequence[Person]) -> None:
    for person in people:
        if not _is_name(person.name):
            raise _broken(f"a person has no name that can be printed as it is: {person.name!r}")  # rule 3
        if not person.keys:
            raise _broken(f"{person.name} has no key")  # rule 5
    alike = _repeated(unicodedata.normalize("NFKC", person.name).casefold() for person in people)
    if alike:
        raise _broken(f"two people have the same name, or names that look the same: {alike[0]}")  # rule 4
    twice = _repeated(key.keyid for person in people for key in person.keys)
    if twice:
        raise _broken(f"key {twice[0][:12]} is listed twice")  # rule 6


def _check_grant(role: RoleName, grant: Grant, people: Mapping[str, Person]) -> None:
    unknown = sorted(set(grant.people) - people.keys())
    if unknown:
        raise _broken(f"role {role} names somebody unknown: {unknown[0]}")  # rule 7
    if _repeated(grant.people):
        raise _broken(f"role {role} names somebody twice: {_repeated(grant.people)[0]}")  # rule 8
    most = 1 if role is RoleName.LOG else len(grant.people)
    if not 1 <= grant.threshold <= min(most, len(grant.people)):
        raise _broken(f"role {role} has threshold {grant.threshold}, which is not 1 to {most}")  # rule 9
    if not grant.datasets or not all(pattern and "[" not in pattern for pattern in grant.datasets):
        raise _broken(f"role {role} reaches to no dataset, or has a pattern that is empty or uses '['")  # rule 10
    if role not in PER_DATASET and grant.datasets != EVERY_DATASET:
        raise _broken(f"role {role} cannot be limited to some datasets")  # rule 11
    if grant.post_quantum:
        able = [] if role is RoleName.LOG else [name for name in grant.people if grant.counts(people[name].keys)]
        if len(able) < grant.threshold:
            raise _broken(  # rule 13
                f"role {role} is postQuantum and takes {grant.threshold}, "
                f"but {len(able)} can have a classical and a post-quantum key there"
            )


def _check_log(roles: Mapping[RoleName, Grant]) -> None:
    others = {name for role, grant in roles.items() if role is not RoleName.LOG for name in grant.people}
    both = sorted(others.intersection(roles[RoleName.LOG].people)) if RoleName.LOG in roles else []
    if both:
        raise _broken(f"{both[0]} is in the log role and in another")  # rule 12


def _is_post_quantum(key: PublicKey) -> bool:
    return key.algorithm.startswith("ml-dsa")


def _is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and name == unicodedata.normalize("NFC", name).strip()


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _broken(problem: str) -> ConfigurationError:
    return ConfigurationError(f"trust root: {problem}", hint="See `poisonguard trust init --help`.")


def _grant_to_json(role: RoleName, grant: Grant) -> dict[str, Any]:
    written = {
        "role": str(role),
        "people": list(grant.people),
        "threshold": grant.threshold,
        "datasets": list(grant.datasets),
    }
    return written | {"postQuantum": True} if grant.post_quantum else written


def _grant(value: Any, where: str) -> tuple[RoleName, Grant]:
    fields = Fields(value, where)
    role = fields.choice("role", RoleName)
    people, threshold, datasets = fields.texts("people"), fields.integer("threshold"), fields.texts("datasets")
    grant = Grant(people, threshold, datasets, fields.flag("postQuantum"))
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
        raise IntegrityError(f"{where} is a public key in an unusual spelling")  # rule 15
    return key
