"""What a column can be, given what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Role
from poisonguard.errors import UsageError

TEXT_ROLES = frozenset({Role.TEXT, Role.PROMPT, Role.RESPONSE, Role.REJECTED, Role.URL})
SINGLE_ROLES = frozenset({Role.LABEL, Role.ID, Role.SPLIT, Role.TIMESTAMP})


def check_kinds(columns: Sequence[Column], chosen: Mapping[str, str]) -> None:
    """Refuse a role that the user gave to a column that cannot play it.

    Args:
        columns: The data's columns.
        chosen: Column to role, as the user gave them.

    Raises:
        UsageError: A text role for a column that holds no text, a label that is nested, or one role twice.
    """
    kinds = {column.name: column for column in columns}
    for name, role in chosen.items():
        column = kinds[name]
        if role in TEXT_ROLES and column.kind not in (Kind.STRING, Kind.NULL):
            raise UsageError(
                f"column {name!r} cannot be {role}: it holds {column.type}",
                hint="Give a column of strings; flatten nested ones first.",
            )
        if role == Role.LABEL and column.kind is Kind.NESTED:
            raise UsageError(f"column {name!r} cannot be {role}: it holds {column.type}")
    twice = [role for role, count in Counter(chosen.values()).items() if count > 1 and role in SINGLE_ROLES]
    if twice:
        names = ", ".join(name for name, role in chosen.items() if role == twice[0])
        raise UsageError(f"{twice[0]} is given to several columns: {names}", hint="Name one.")


def nested_notes(columns: Sequence[Column], read_inside: Collection[str] = ()) -> Iterator[str]:
    """Say of nested columns, other than those ``read_inside``, that no check reads what is in them."""
    names = [column.name for column in columns if column.kind is Kind.NESTED and column.name not in read_inside]
    if names:
        yield (
            f"nested columns are hashed and compared as a whole, not read inside: {', '.join(names[:5])}"
            f"{' ...' if len(names) > len(names[:5]) else ''}; flatten them to have them looked at"
        )
