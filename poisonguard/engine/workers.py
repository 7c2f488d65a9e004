"""Worker processes: how each is set up, and a pool of them on this machine.

Processes are spawned, never forked: Arrow's threads do not survive a fork. Each works on one task at a time with one
thread: as many processes as processors are the parallelism, and teams of threads inside them would only fight.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from poisonguard.engine.executor import TASKS_PER_WORKER, ResultT, TaskT
from poisonguard.errors import IncompleteScan

TEAMS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that say how many threads a library starts; they are read when it is loaded."""


def limit_threads() -> None:
    """Let this process work with one thread; call before anything heavy is imported."""
    for name in TEAMS:
        os.environ[name] = "1"
    import pyarrow as pa  # noqa: PLC0415 - after the variables

    pa.set_cpu_count(1)


class Processes:
    """A pool of spawned processes, started with the first run."""

    shares_memory = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order.

        Raises:
            IncompleteScan: A process died.
        """
        pending: deque[Future[ResultT]] = deque()
        try:
            for task in tasks:
                pending.append(self._started().submit(function, task))
                if len(pending) >= self.workers * TASKS_PER_WORKER:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            self.close()
            raise IncompleteScan(
                "a worker process died", hint="Often for want of memory: take fewer --workers. Running again resumes."
            ) from error
        finally:
            # Those that cannot be cancelled are at work: they are waited for, before what they write to is deleted.
            wait([future for future in pending if not future.cancel()])

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, initializer=limit_threads)
        return self._pool
