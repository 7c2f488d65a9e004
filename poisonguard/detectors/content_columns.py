"""Which columns make up a row's content, and which of them are read as its text."""

from __future__ import annotations

from poisonguard.domain.dataset import Kind
from poisonguard.domain.roles import Role
from poisonguard.kernels.nested import declares_inner_texts
from poisonguard.plugin.check import Context

NOT_CONTENT = frozenset({Role.ID, Role.TIMESTAMP})
"""A copy gets a new id and a new time."""

NOT_INPUT = NOT_CONTENT | {Role.LABEL, Role.SOURCE, Role.URL, Role.SPLIT}
"""Neither what the row is called nor where it came from is part of what a label is given to."""


def content_columns(context: Context, *, without: frozenset[Role] = NOT_CONTENT) -> tuple[str, ...]:
    """Columns that do not play one of the roles ``without``, in schema order.

    With a reference, those that it holds too, in its order: a column that is new must not make old rows look new,
    or whoever adds a constant column hides every copy.
    """
    mine = [column.name for column in context.columns]
    shared = [name for name in context.reference_columns if name in set(mine)]
    return tuple(name for name in shared or mine if context.roles.of(name) not in without)


def text_columns(context: Context) -> tuple[str, ...]:
    """Columns of running text: ``text`` ones, or else prompt and response as one document."""
    roles = context.roles
    return roles.all(Role.TEXT) or (*roles.all(Role.PROMPT), *roles.all(Role.RESPONSE))


def nested_columns(context: Context) -> tuple[str, ...]:
    """Nested columns that hold strings which no made column shows: what rules read besides."""
    nested = (column for column in context.columns if column.kind is Kind.NESTED)
    return tuple(column.name for column in nested if declares_inner_texts(column.name, column.type))
