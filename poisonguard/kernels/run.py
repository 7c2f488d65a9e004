"""Who does the work: any function that runs another one over tasks and gives the results in their order.

``in_turn`` does it here and now; an engine's ``Executor.run`` is one, too. Work handed to it is cut by the data alone,
so that who does it changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class Run(Protocol):
    """Runs a function over tasks."""

    def __call__(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], /) -> Iterator[ResultT]:
        """Results in task order."""


def in_turn(function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], /) -> Iterator[ResultT]:
    """One task after the other, in the calling thread."""
    return map(function, tasks)
