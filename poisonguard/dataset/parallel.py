"""Do something with every item of a stream on several threads, results in the same order, a few items at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

GROUP_ITEMS = 64
GROUP_BYTES = 1 << 20
"""Small items that one thread takes in one go: to hand over each on its own costs more than the work."""
GROUPS_AHEAD = 4
"""Groups in flight for each worker: enough to keep it busy, few enough to stay small."""


def groups(items: Iterable[ItemT], size_of: Callable[[ItemT], int]) -> Iterator[list[ItemT]]:
    """Consecutive small items together; a big one alone."""
    group: list[ItemT] = []
    size = 0
    for item in items:
        if group and (len(group) == GROUP_ITEMS or size + size_of(item) > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += size_of(item)
    if group:
        yield group


def in_order(
    function: Callable[[ItemT], ResultT], items: Iterable[ItemT], size_of: Callable[[ItemT], int], workers: int
) -> Iterator[ResultT]:
    """``function`` of every item; the first error, in the order of the items, is raised."""
    running: deque[Future[list[ResultT]]] = deque()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            for group in groups(items, size_of):
                running.append(pool.submit(_each, function, group))
                if len(running) > GROUPS_AHEAD * workers:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _each(function: Callable[[ItemT], ResultT], group: list[ItemT]) -> list[ResultT]:
    return [function(item) for item in group]
