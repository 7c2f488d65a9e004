"""What a column can be, given what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import pyarrow as pa

from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import NO_VALUE, NOT_READ
from poisonguard.errors import UsageError
from poisonguard.kernels.nested import declares_inner_texts

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
    """Say of nested columns, other than those ``read_inside``, how little is read of them."""
    nested = [column for column in columns if column.kind is Kind.NESTED and column.name not in read_inside]
    texts = [column.name for column in nested if declares_inner_texts(column.name, column.type)]
    names = [column.name for column in nested if column.name not in texts]
    if texts:
        yield (
            f"of nested columns only rules for texts read the strings inside, they are {NOT_READ} by other checks: "
            f"{_few(texts)}; flatten them to have them looked at"
        )
    if names:
        yield (
            f"nested columns are hashed and compared as a whole, {NOT_READ}: {_few(names)}; "
            "flatten them to have them looked at"
        )


def empty_notes(sample: pa.Table, columns: Sequence[Column]) -> Iterator[str]:
    """Say of data whose rows hold nothing that no check had anything to look at; ``sample`` leaves out bytes."""
    held = set(sample.column_names)
    all_null = all(column.name in held and sample[column.name].null_count == len(sample) for column in columns)
    if len(sample) and all_null:
        yield f"{NO_VALUE}: the rows were hashed, there was nothing in them to check"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > len(names[:5]) else "")
