"""What a trust root is to say, and the trust root that says it.

Rules:

1. Publishers, scanners and stewards are named: without one of them nothing could ever pass.
2. The role ``log`` and its person are the registry's own, and nobody's to give.
3. It holds for one second to ten years.
4. Nothing is asked of a role that nobody plays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from poisonguard.attest.keys import PublicKey
from poisonguard.attest.trust import EVERY_DATASET, PER_DATASET, Grant, Person, RoleName, TrustRoot
from poisonguard.errors import ConfigurationError
from poisonguard.workflow.trust_options import keys_by_name, names_by_role, role_named, thresholds_by_role

LOG_PERSON = "registry-log"
LONGEST = timedelta(days=3653)
"""Ten years; keys and people do not last longer."""
NEEDED = (RoleName.PUBLISHER, RoleName.SCANNER, RoleName.STEWARD)


@dataclass(frozen=True, slots=True)
class TrustContent:
    """What a trust root says, but for its version and the log's key.

    Attributes:
        people: Name to public keys.
        grants: Role to who plays it, how many it takes, and for which datasets.
        lifetime: How long it holds.
    """

    people: Mapping[str, tuple[PublicKey, ...]]
    grants: Mapping[RoleName, Grant]
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Who is to do what, in full.

    Attributes:
        people: Name to public keys.
        roles: Role to names.
        thresholds: How many people a role takes; 1 when not given.
        datasets: Shell patterns that limit publishers, scanners, stewards and trainers.
        lifetime: How long the trust root holds.
        post_quantum: Roles in which each must sign with a classical and a post-quantum key.
    """

    people: Mapping[str, tuple[PublicKey, ...]]
    roles: Mapping[RoleName, tuple[str, ...]]
    lifetime: timedelta
    thresholds: Mapping[RoleName, int] = field(default_factory=dict)
    datasets: tuple[str, ...] = EVERY_DATASET
    post_quantum: frozenset[RoleName] = frozenset()

    def content(self) -> TrustContent:
        """As a trust root says it.

        Raises:
            ConfigurationError: Something is asked of a role that nobody plays.
        """
        check_played(self.thresholds.keys() | self.post_quantum, self.roles)
        return TrustContent(self.people, {role: self._grant(role) for role in self.roles}, self.lifetime)

    def _grant(self, role: RoleName) -> Grant:
        datasets = self.datasets if role in PER_DATASET else EVERY_DATASET
        threshold = self.thresholds.get(role, 1)
        return Grant(tuple(sorted(self.roles[role])), threshold, datasets, role in self.post_quantum)


def read_request(  # noqa: PLR0913 - each argument is one option of the command line
    people: Sequence[str],
    roles: Sequence[str],
    thresholds: Sequence[str],
    datasets: Sequence[str],
    lifetime: timedelta,
    *,
    post_quantum: Sequence[str] = (),
) -> TrustRequest:
    """What the options ``NAME=PUBFILE``, ``ROLE=NAME,NAME``, ``ROLE=K`` and ``ROLE`` ask for.

    Raises:
        UsageError: One is malformed, or names an unknown role.
        KeyMaterialError: A file holds no public key.
    """
    return TrustRequest(
        people=keys_by_name(people, "--person"),
        roles=names_by_role(roles, "--role"),
        thresholds=thresholds_by_role(thresholds),
        datasets=tuple(datasets) or EVERY_DATASET,
        lifetime=lifetime,
        post_quantum=frozenset(map(role_named, post_quantum)),
    )


def build_root(content: TrustContent, log_keys: Sequence[PublicKey], *, version: int, now: datetime) -> TrustRoot:
    """The trust root that says ``content``, unsigned; with ``log_keys``, if any, in the role ``log``.

    Raises:
        ConfigurationError: It would break the rules of a trust root, or let nothing pass.
    """
    if not timedelta(0) < content.lifetime <= LONGEST:
        raise ConfigurationError("trust root: it holds for one second to ten years", hint="For example --expires 365d.")
    people, grants = dict(content.people), dict(content.grants)
    if log_keys:
        if LOG_PERSON in people or RoleName.LOG in grants:
            raise ConfigurationError(f"the role log and the name {LOG_PERSON!r} are given to the registry's own key")
        people[LOG_PERSON], grants[RoleName.LOG] = tuple(log_keys), Grant((LOG_PERSON,), 1)
    absent = [role for role in NEEDED if role not in grants]
    if absent:
        raise ConfigurationError(
            f"trust root: nobody plays the role {absent[0]}", hint="Name somebody for it; empty means refuse."
        )
    persons = tuple(Person(name, people[name]) for name in sorted(people))
    return TrustRoot(version, now.replace(microsecond=0) + content.lifetime, persons, grants)


def check_played(asked: Iterable[RoleName], played: Iterable[RoleName]) -> None:
    """Refuse what is asked of a role that nobody plays.

    Raises:
        ConfigurationError: There is such a role.
    """
    useless = sorted(set(asked) - set(played))
    if useless:
        raise ConfigurationError(f"trust root: something is asked of the role {useless[0]}, which nobody plays")
