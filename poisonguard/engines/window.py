"""A window over tasks: a bounded number is under way, results come in task order, what is left is given up.

Rules:

1. Nothing is sent before the first result is asked for.
2. At most ``limit`` tasks are sent and not yet handed out.
3. However it ends (last result, error, Ctrl-C, or a reader that stops), what is still under way is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from poisonguard.engines.parcels import unpacked

SentT = TypeVar("SentT")


@dataclass(frozen=True, slots=True)
class Ways(Generic[SentT]):
    """How an engine does it.

    Attributes:
        send: Starts a task.
        fetch: Waits for a task; what ``parcels.answer`` returned.
        give_up: Cancels tasks, and waits until they left their workers.
    """

    send: Callable[[Any], SentT]
    fetch: Callable[[SentT], bytes]
    give_up: Callable[[Sequence[SentT]], None]


def in_order(tasks: Iterable[Any], limit: int, ways: Ways[SentT]) -> Iterator[Any]:
    """Results in task order; the first error of a task is raised."""
    pending: deque[SentT] = deque()
    try:
        for task in tasks:
            pending.append(ways.send(task))
            if len(pending) >= limit:
                yield _next(pending, ways)
        while pending:
            yield _next(pending, ways)
    finally:
        if pending:
            ways.give_up(tuple(pending))


def _next(pending: deque[SentT], ways: Ways[SentT]) -> Any:
    """The oldest result; what is waited for stays pending, for an interruption must find it."""
    answered = ways.fetch(pending[0])
    pending.popleft()
    return unpacked(answered)
