"""What the options of ``trust init`` and ``trust next`` say: ``NAME=PUBFILE``, ``ROLE=NAME[,NAME]``, ``ROLE=K``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poisonguard.attest.keys import PublicKey
from poisonguard.attest.trust import RoleName
from poisonguard.errors import UsageError
from poisonguard.workflow.keys import read_public_key


def keys_by_name(texts: Sequence[str], option: str) -> dict[str, tuple[PublicKey, ...]]:
    """People, each with the keys in the files that are named for them.

    Raises:
        UsageError: One is not ``NAME=PUBFILE``.
        KeyMaterialError: A file holds no public key.
    """
    keys: dict[str, tuple[PublicKey, ...]] = {}
    for name, path in (_split(text, option, "NAME=PUBFILE") for text in texts):
        keys[name] = (*keys.get(name, ()), read_public_key(Path(path)))
    return keys


def names_by_role(texts: Sequence[str], option: str) -> dict[RoleName, tuple[str, ...]]:
    """Roles, each with the people who are named for it.

    Raises:
        UsageError: One is not ``ROLE=NAME[,NAME]``, or names an unknown role.
    """
    named: dict[RoleName, tuple[str, ...]] = {}
    for text, names in (_split(text, option, "ROLE=NAME[,NAME]") for text in texts):
        role = role_named(text)
        named[role] = (*named.get(role, ()), *(name.strip() for name in names.split(",")))
    return named


def thresholds_by_role(texts: Sequence[str]) -> dict[RoleName, int]:
    """Roles, each with how many people it takes.

    Raises:
        UsageError: One is not ``ROLE=K``, or names an unknown role.
    """
    return dict(_threshold(*_split(text, "--threshold", "ROLE=K")) for text in texts)


def role_named(text: str) -> RoleName:
    """The role of that name.

    Raises:
        UsageError: There is none.
    """
    try:
        return RoleName(text.lower())
    except ValueError:
        raise UsageError(f"no role is called {text!r}", hint=f"Roles: {', '.join(RoleName)}.") from None


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise UsageError(f"{option} {text}: not {form}")
    return name.strip(), value.strip()


def _threshold(role: str, count: str) -> tuple[RoleName, int]:
    if not (count.isascii() and count.isdigit() and int(count) >= 1):
        raise UsageError(f"--threshold {role}={count}: not a number of people", hint="It is at least 1.")
    return role_named(role), int(count)
