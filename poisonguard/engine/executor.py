"""Where folds run. The contract with an engine is one method: run a function over tasks.

Results come back in task order, so that merging them follows the manifest whatever the workers did. At most
a few tasks per worker are under way at once: memory follows the number of workers, not of tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

TASKS_PER_WORKER = 2
"""Enough to keep a worker busy while an earlier result is merged."""


class Executor(Protocol):
    """Runs a function over tasks."""

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order; the first error is raised and the rest is abandoned."""


class Serial:
    """One task after the other, in the calling thread."""

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order."""
        return map(function, tasks)


class Threads:
    """A pool of threads: Arrow, NumPy and the kernels release the interpreter lock."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="poisonguard")
        pending: deque[Future[ResultT]] = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(function, task))
                if len(pending) >= self.workers * TASKS_PER_WORKER:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def local(workers: int) -> Executor:
    """The executor for ``workers`` threads on this machine."""
    return Serial() if workers <= 1 else Threads(workers)
