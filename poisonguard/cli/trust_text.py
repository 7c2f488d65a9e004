"""A trust root, and what changes in it, as a person or a program reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from poisonguard.cli.output import json_text

if TYPE_CHECKING:
    from poisonguard.attest.trust import Grant, TrustedRoot, TrustRoot


def trust_as_json(trusted: TrustedRoot) -> str:
    """The document ``poisonguard-trust/v1``."""
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.trust_warnings import warnings  # noqa: PLC0415 - as above

    root = trusted.root
    document = {
        "schema": "poisonguard-trust/v1",
        "version": root.version,
        "expires": format_time(root.expires),
        "pin": f"sha256:{trusted.digest}",
        "people": [{"name": item.name, "keys": [key.to_json() for key in item.keys]} for item in root.people],
        "roles": [_grant_to_json(role, grant) for role, grant in sorted(root.roles.items())],
        "warnings": list(warnings(root)),
    }
    return json_text(document)


def trust_as_text(trusted: TrustedRoot) -> str:
    """A line for each person and each role."""
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command

    root = trusted.root
    lines = [
        f"trust root version {root.version}, expires {format_time(root.expires)}",
        f"pin sha256:{trusted.digest}",
        *(f"person    {name}: {keys}" for name, keys in _people(root).items()),
        *(f"{role:<9} {grant}" for role, grant in _roles(root).items()),
    ]
    return _shown(lines)


def review_as_text(before: TrustRoot, after: TrustRoot) -> str:
    """What differs between a trust root and the one that is to follow it, for whoever signs: a line for each."""
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command

    lines = [
        f"~ version   {before.version} -> {after.version}",
        f"~ expires   {format_time(before.expires)} -> {format_time(after.expires)}",
        *_differences("person    {}: {}", _people(before), _people(after)),
        *_differences("{:<9} {}", _roles(before), _roles(after)),
    ]
    return _shown(lines)


def _differences(form: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield f"+ {form.format(name, new)}"
        elif new is None:
            yield f"- {form.format(name, old)}"
        elif old != new:
            yield f"~ {form.format(name, old)} -> {new}"


def _people(root: TrustRoot) -> dict[str, str]:
    return {
        person.name: ", ".join(f"{key.keyid[:16]} ({key.algorithm})" for key in person.keys) for person in root.people
    }


def _roles(root: TrustRoot) -> dict[str, str]:
    return {str(role): _grant(grant) for role, grant in sorted(root.roles.items())}


def _grant(grant: Grant) -> str:
    datasets = "" if grant.datasets == ("*",) else f", for {', '.join(grant.datasets)}"
    kinds = ", each with a post-quantum signature too" if grant.post_quantum else ""
    return f"{grant.threshold} of {', '.join(grant.people)}{datasets}{kinds}"


def _grant_to_json(role: str, grant: Grant) -> dict[str, Any]:
    return {
        "role": str(role),
        "people": list(grant.people),
        "threshold": grant.threshold,
        "datasets": list(grant.datasets),
        "postQuantum": grant.post_quantum,
    }


def _shown(lines: Sequence[str]) -> str:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    return "".join(f"{terminal(line)}\n" for line in lines)
