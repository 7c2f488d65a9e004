"""Dask (distributed) as an engine.

Rules beyond those of ``engine.executor``:

1. A task whose worker was lost runs again elsewhere, as often as the scheduler allows (``allowed-failures``, 3 unless
   set); then the scan ends, incomplete.
2. The function is sent to each worker once (``engines.dask_held``).
3. When a run ends early, its tasks are stopped before ``run`` returns. Dask cannot interrupt one that is running:
   it is waited for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, Self

from poisonguard.engine.executor import TASKS_PER_WORKER, ResultT, TaskT
from poisonguard.engines.dask_cluster import DaskCluster
from poisonguard.engines.parcels import pack
from poisonguard.engines.window import Ways, in_order
from poisonguard.errors import IncompleteScan

LOOK_SECONDS = 30.0
"""How often a wait looks whether any worker is left."""
STOP_SECONDS = 60.0
"""How long a running task is waited for when a run ends early: longer than one partition takes."""
STOP_LOOK_SECONDS = 0.05
RESUME = "Running again resumes."


class DaskTasks:
    """Runs functions as tasks of a Dask cluster.

    Args:
        address: ``tls://HOST:PORT`` of a scheduler; nothing starts one here, for this run.
        workers: Tasks at a time; 0 means one per thread of the cluster's workers.

    Raises:
        UsageError: The scheduler cannot be reached, is open to anybody, or a worker would not compute the same.
    """

    shares_memory = False

    def __init__(self, address: str | None, workers: int) -> None:
        self._cluster = DaskCluster(address, workers)
        self._client = self._cluster.client
        self.workers = workers or max(1, self._cluster.processors())

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order.

        Raises:
            IncompleteScan: A task lost its worker too often, or the cluster is gone.
            UsageError: The function cannot be sent, or a worker that joined later would not compute the same.
        """
        from poisonguard.engines.dask_held import Held, answer_held  # noqa: PLC0415 - needs Dask

        parcel, name = pack(function), f"poisonguard-{uuid.uuid4().hex}"
        numbers = count()

        def send(task: TaskT) -> Any:
            return self._client.submit(answer_held, name, task, key=f"{name}-{next(numbers)}", pure=False)

        self._client.register_plugin(Held(parcel), name)
        try:
            ways = Ways(send, self._fetch, self._give_up)
            yield from in_order(tasks, self.workers * TASKS_PER_WORKER, ways)
        finally:
            with suppress(OSError, RuntimeError):
                self._client.unregister_worker_plugin(name)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, sent: Any) -> bytes:
        distributed = self._cluster.distributed
        while True:
            try:
                answered: bytes = sent.result(timeout=LOOK_SECONDS)
            except distributed.TimeoutError as error:
                if self._client.status != "running" or not self._cluster.processors():
                    raise IncompleteScan("no worker of the Dask cluster is left", hint=RESUME) from error
            except (distributed.KilledWorker, distributed.CancelledError, OSError) as error:
                raise _lost(error) from error
            else:
                return answered

    def _give_up(self, sent: Sequence[Any]) -> None:
        names = {task.key for task in sent}
        self._client.cancel(list(sent), force=True)
        until = time.monotonic() + STOP_SECONDS
        while self._running() & names and time.monotonic() < until:
            time.sleep(STOP_LOOK_SECONDS)

    def _running(self) -> set[str]:
        return {name for stacks in self._client.call_stack().values() for name in stacks}


def _lost(error: Exception) -> IncompleteScan:
    reason = str(error).strip().split("\n", 1)[0]
    return IncompleteScan(
        f"a task was lost with its workers: {type(error).__name__}: {reason}",
        hint=f"Often for want of memory on the nodes. {RESUME}",
    )
