"""Where folds run. The contract with an engine is one method: run a function over tasks.

Rules for an engine:

1. ``run(function, tasks)`` yields one result per task, in task order: merging them follows the manifest whatever the
   workers did. The first error is raised as it is, and what is left is abandoned.
2. At most a few tasks per worker are under way at once: memory follows the number of workers, not of tasks.
3. A task may be run more than once, on any machine: functions given to an engine put what they make into a
   content-addressed store, atomically, and the same task makes the same bytes.
4. Where ``shares_memory`` is false, function (one of a module, or a ``functools.partial`` of one), tasks and results
   are pickled; results are small, for what is bulky goes through the work store.
5. Workers start no thread teams of their own (``engine.workers.limit_threads``).
6. ``close`` gives back what the engine took; running again after it is an error.
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
    """Runs a function over tasks.

    Attributes:
        shares_memory: Whether functions run in this very process: any callable will do, and observers see them at work.
    """

    shares_memory: bool

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order; the first error is raised and the rest is abandoned."""

    def close(self) -> None:
        """Give back what was taken; called once, at the end."""


class Serial:
    """One task after the other, in the calling thread."""

    shares_memory = True

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order."""
        return map(function, tasks)

    def close(self) -> None:
        """Nothing was taken."""


class Threads:
    """A pool of threads: Arrow, NumPy and the kernels release the interpreter lock."""

    shares_memory = True

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

    def close(self) -> None:
        """Every run gives back its own pool."""


def local(workers: int) -> Executor:
    """The executor for ``workers`` threads on this machine."""
    return Serial() if workers <= 1 else Threads(workers)
