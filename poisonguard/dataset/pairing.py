"""Two sorted lists side by side, in one pass and without memory: what is in both, and what only in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Pathed(Protocol):
    """Something at a path."""

    @property
    def path(self) -> str:
        """Where it is."""


OneT = TypeVar("OneT", bound=Pathed)
OtherT = TypeVar("OtherT", bound=Pathed)


def pairs(ones: Iterable[OneT], others: Iterable[OtherT]) -> Iterator[tuple[str, OneT | None, OtherT | None]]:
    """Each path with what is there in the one and in the other list, in order of the paths, as both lists are."""
    left, right = iter(ones), iter(others)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one.path < other.path):
            yield one.path, one, None
            one = next(left, None)
        elif other is not None and (one is None or other.path < one.path):
            yield other.path, None, other
            other = next(right, None)
        elif one is not None:
            yield one.path, one, other
            one, other = next(left, None), next(right, None)
