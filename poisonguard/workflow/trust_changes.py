"""The next trust root by what changes in the one that is trusted.

Rules:

1. What is not named stays as it is: people, keys, roles, thresholds, datasets. The expiry alone is always new.
2. Who is removed is there, and leaves every role; a role that nobody plays any more is gone.
3. Nobody is removed and given a key at once: that would take their roles away in passing.
4. Whose keys are replaced is there, and keeps their roles.
5. Who leaves a role plays it.
6. Nothing is lowered in passing: a threshold that fewer people are left for is refused by the trust root itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from poisonguard.attest.keys import PublicKey
from poisonguard.attest.trust import PER_DATASET, Grant, RoleName, TrustRoot
from poisonguard.errors import UsageError
from poisonguard.workflow.trust_options import keys_by_name, names_by_role, role_named, thresholds_by_role
from poisonguard.workflow.trust_request import LOG_PERSON, TrustContent, check_played

WHO = "See 'poisonguard trust show' for who does what."

Keys = Mapping[str, tuple[PublicKey, ...]]
Names = Mapping[RoleName, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustChanges:
    """What is to change.

    Attributes:
        lifetime: How long the next trust root holds.
        add: New people with their keys, and further keys of people who are there.
        replace: People with the keys that they have from now on, in place of those they had.
        remove: Names of people who leave.
        grant: Role to people who play it from now on, too.
        withdraw: Role to people who do not play it any more.
        thresholds: How many people a role takes from now on.
        datasets: Shell patterns that limit publishers, scanners, stewards and trainers from now on; none: as it was.
        post_quantum: Further roles in which each must sign with a classical and a post-quantum key.
    """

    lifetime: timedelta
    add: Keys = field(default_factory=dict)
    replace: Keys = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    grant: Names = field(default_factory=dict)
    withdraw: Names = field(default_factory=dict)
    thresholds: Mapping[RoleName, int] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    post_quantum: frozenset[RoleName] = frozenset()


def read_changes(  # noqa: PLR0913 - each argument is one option of the command line
    *,
    lifetime: timedelta,
    add: Sequence[str] = (),
    replace: Sequence[str] = (),
    remove: Sequence[str] = (),
    grant: Sequence[str] = (),
    withdraw: Sequence[str] = (),
    thresholds: Sequence[str] = (),
    datasets: Sequence[str] = (),
    post_quantum: Sequence[str] = (),
) -> TrustChanges:
    """What the options ask for.

    Raises:
        UsageError: One is malformed, or names an unknown role.
        KeyMaterialError: A file holds no public key.
    """
    return TrustChanges(
        lifetime=lifetime,
        add=keys_by_name(add, "--add-person"),
        replace=keys_by_name(replace, "--replace-key"),
        remove=frozenset(remove),
        grant=names_by_role(grant, "--add-role"),
        withdraw=names_by_role(withdraw, "--remove-role"),
        thresholds=thresholds_by_role(thresholds),
        datasets=tuple(datasets),
        post_quantum=frozenset(map(role_named, post_quantum)),
    )


def changed(root: TrustRoot, changes: TrustChanges) -> TrustContent:
    """What the next trust root says.

    Raises:
        UsageError: The changes do not fit the trust root.
        ConfigurationError: Something is asked of a role that nobody plays.
    """
    people = _people(root, changes)
    grants = {role: grant for role in RoleName if (grant := _grant(root, role, changes)) is not None}
    check_played(changes.thresholds.keys() | changes.post_quantum, grants)
    return TrustContent(people, grants, changes.lifetime)


def _people(root: TrustRoot, changes: TrustChanges) -> Keys:
    people = {person.name: person.keys for person in root.people if person.name != LOG_PERSON}
    for name in sorted(changes.remove | changes.replace.keys()):
        if name not in people:
            raise UsageError(f"nobody in the trust root is called {name!r}", hint=WHO)  # rules 2 and 4
    both = sorted(changes.remove & (changes.add.keys() | changes.replace.keys()))
    if both:  # rule 3
        raise UsageError(f"{both[0]} is removed and given a key", hint="A key is exchanged with --replace-key.")
    kept = {name: keys for name, keys in people.items() if name not in changes.remove} | dict(changes.replace)
    return kept | {name: (*kept.get(name, ()), *keys) for name, keys in changes.add.items()}


def _grant(root: TrustRoot, role: RoleName, changes: TrustChanges) -> Grant | None:
    """Who plays a role from now on; nothing when nobody does."""
    before = root.roles.get(role) if role is not RoleName.LOG else None
    there = before.people if before is not None else ()
    leaving = changes.withdraw.get(role, ())
    for name in leaving:
        if name not in there:
            raise UsageError(f"{name} does not play the role {role}", hint=WHO)  # rule 5
    stay = [name for name in there if name not in changes.remove and name not in leaving]
    people = tuple(sorted([*stay, *changes.grant.get(role, ())]))
    if not people:
        return None
    after = replace(before or Grant(people, 1), people=people)
    return replace(
        after,
        threshold=changes.thresholds.get(role, after.threshold),
        datasets=(changes.datasets if role in PER_DATASET else ()) or after.datasets,
        post_quantum=after.post_quantum or role in changes.post_quantum,
    )
