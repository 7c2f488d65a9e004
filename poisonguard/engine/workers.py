"""Worker processes: how each is set up, and a pool of them on this machine.

Processes are spawned, never forked: Arrow's threads do not survive a fork. Each works on one task at a time with one
thread: as many processes as processors are the parallelism, and teams of threads inside them would only fight.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from poisonguard.engine.executor import TASKS_PER_WORKER, ResultT, TaskT
from poisonguard.errors import IncompleteScan
from poisonguard.kernels.private_folder import PrivateFolder

TEAMS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that say how many threads a library starts; they are read when it is loaded."""

LARGE = 1 << 20
"""Bytes of a function from which on it is sent by a file: fitted models go with it when rows are scored."""


def limit_threads() -> None:
    """Let this process work with one thread; call before anything heavy is imported."""
    for name in TEAMS:
        os.environ[name] = "1"
    import pyarrow as pa  # noqa: PLC0415 - after the variables

    pa.set_cpu_count(1)


@dataclass(frozen=True, slots=True)
class _Held:
    """A function that lies in a file of this scan's own; a process reads it once."""

    path: Path

    def __call__(self, task: Any) -> Any:
        return _read(self.path)(task)


@lru_cache(maxsize=1)
def _read(path: Path) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = pickle.loads(path.read_bytes())  # noqa: S301 - of a folder of this process's own
    return function


class Processes:
    """A pool of spawned processes, started with the first run."""

    shares_memory = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._folder: PrivateFolder | None = None

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order.

        Raises:
            IncompleteScan: A process died.
        """
        pending: deque[Future[ResultT]] = deque()
        held = self._held(function)
        try:
            for task in tasks:
                pending.append(self._started().submit(held, task))
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
            if isinstance(held, _Held):
                held.path.unlink(missing_ok=True)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _held(self, function: Callable[[TaskT], ResultT]) -> Callable[[TaskT], ResultT]:
        """The function, by way of a file where it is too large to be sent with every task."""
        pickled = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
        if len(pickled) <= LARGE:
            return function
        self._folder = self._folder or PrivateFolder()
        path = self._folder.path / secrets.token_hex(8)
        path.write_bytes(pickled)
        return _Held(path)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, initializer=limit_threads)
        return self._pool
