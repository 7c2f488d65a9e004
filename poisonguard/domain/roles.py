"""What each column means to a training job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Role(StrEnum):
    """The part a column plays in training."""

    LABEL = "label"
    TEXT = "text"
    PROMPT = "prompt"
    RESPONSE = "response"
    REJECTED = "rejected"
    SOURCE = "source"
    URL = "url"
    ID = "id"
    SPLIT = "split"
    TIMESTAMP = "timestamp"
    IMAGE = "image"
    FEATURE = "feature"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One column's role and the reason it was given."""

    column: str
    role: Role
    reason: str


@dataclass(frozen=True)
class Roles:
    """Every column's role, in schema order."""

    assignments: tuple[Assignment, ...]

    @cached_property
    def _by_column(self) -> dict[str, Role]:
        return {item.column: item.role for item in self.assignments}

    def all(self, role: Role) -> tuple[str, ...]:
        """Names of the columns that play ``role``, in schema order."""
        return tuple(item.column for item in self.assignments if item.role is role)

    def first(self, role: Role) -> str | None:
        """Name of the first column that plays ``role``."""
        return next(iter(self.all(role)), None)

    def of(self, column: str) -> Role | None:
        """Role of ``column``, or nothing when there is no such column."""
        return self._by_column.get(column)
