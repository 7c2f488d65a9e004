"""A strict reader of JSON objects: every member is asked for by name and type, and none is left over."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from poisonguard.attest.times import parse_time
from poisonguard.errors import IntegrityError, UsageError

T = TypeVar("T")
EnumT = TypeVar("EnumT", bound=StrEnum)

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_VERSION = re.compile(r"pg1:[0-9a-f]{64}", re.ASCII)


class Fields:
    """One JSON object being read.

    Every method raises ``IntegrityError``, naming the place, when the member is missing or not what was asked for.

    Args:
        value: What the JSON held.
        where: Name of the object in errors.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise IntegrityError(f"{where} is not an object")
        self._left: dict[str, Any] = dict(value)
        self.where = where

    def done(self) -> None:
        """Refuse members that nobody asked for."""
        if self._left:
            raise IntegrityError(f"{self.where} holds an unknown member {min(self._left)[:80]!r}")

    def has(self, name: str) -> bool:
        """Whether there is such a member, which nobody has asked for yet."""
        return name in self._left

    def take(self, name: str) -> Any:
        """The member, whatever it is."""
        try:
            return self._left.pop(name)
        except KeyError:
            raise IntegrityError(f"{self.where} lacks {name!r}") from None

    def text(self, name: str, *, empty: bool = False) -> str:
        """A string."""
        value = self.take(name)
        if not isinstance(value, str) or not (value or empty):
            raise self._wrong(name, "text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string or null."""
        value = self.take(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise self._wrong(name, "text or null")
        return value

    def literal(self, name: str, expected: str) -> None:
        """Exactly the string ``expected``."""
        if self.take(name) != expected:
            raise self._wrong(name, expected)

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer, at least ``minimum``."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self._wrong(name, f"an integer of at least {minimum}")
        return value

    def flag(self, name: str) -> bool:
        """Whether the member is there; it must then be ``true``, so that no meaning has two spellings."""
        given = self.has(name)
        if given and self.take(name) is not True:
            raise self._wrong(name, "true, or left out")
        return given

    def digest(self, name: str) -> str:
        """A hex SHA-256."""
        value = self.take(name)
        if not isinstance(value, str) or not _DIGEST.fullmatch(value):
            raise self._wrong(name, "a hex SHA-256")
        return value

    def version(self, name: str) -> str:
        """The name of a version."""
        value = self.take(name)
        if not is_version(value):
            raise self._wrong(name, "a version name")
        return str(value)

    def time(self, name: str) -> datetime:
        """A moment."""
        try:
            return parse_time(self.text(name))
        except UsageError:
            raise self._wrong(name, "a UTC time such as 2026-05-01T12:00:00Z") from None

    def choice(self, name: str, kind: type[EnumT]) -> EnumT:
        """A word of ``kind``."""
        try:
            return kind(self.text(name))
        except ValueError:
            raise self._wrong(name, " or ".join(kind)) from None

    def items(self, name: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        """An array, each element read by ``read(value, where)``."""
        value = self.take(name)
        if not isinstance(value, list):
            raise self._wrong(name, "an array")
        return tuple(read(item, f"{self.where}.{name}[{index}]") for index, item in enumerate(value))

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings."""
        return self.items(name, _text)

    def refusal(self, problem: str) -> IntegrityError:
        """An error about the object as a whole."""
        return IntegrityError(f"{self.where} {problem}")

    def _wrong(self, name: str, expected: str) -> IntegrityError:
        return IntegrityError(f"{self.where}.{name} is not {expected}")


def is_version(value: object) -> bool:
    """Whether ``value`` is the name of a version: ``pg1:`` and 64 hex digits."""
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise IntegrityError(f"{where} is not text")
    return value
