"""Ray core tasks as an engine; never Ray Data, which shuffles what need not move.

Rules beyond those of ``engine.executor``:

1. A task whose worker or node was lost runs again elsewhere, at most ``RETRIES`` times; then the scan ends, incomplete.
2. Errors of tasks are no reason to run them again: the same bytes give the same error.
3. When a run ends early, its tasks are stopped before ``run`` returns: none writes into a folder that is being deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from poisonguard.engine.executor import TASKS_PER_WORKER, ResultT, TaskT
from poisonguard.engines.parcels import answer, pack
from poisonguard.engines.ray_cluster import RayCluster
from poisonguard.engines.window import Ways, in_order
from poisonguard.errors import IncompleteScan

RETRIES = 3
LOOK_SECONDS = 30.0
"""How often a wait looks whether any node is left."""
STOP_SECONDS = 10.0
"""How long a cancelled task may take to notice, before its process is killed."""
RESUME = "Running again resumes."


class RayTasks:
    """Runs functions as tasks of a Ray cluster.

    Args:
        address: ``HOST:PORT`` of a cluster that this machine is a node of; nothing starts one here, for this run.
        workers: Tasks at a time; 0 means one per processor of the cluster.

    Raises:
        UsageError: The cluster cannot be reached, asks for no token, or has a node that would not compute the same.
    """

    shares_memory = False

    def __init__(self, address: str | None, workers: int) -> None:
        self._cluster = RayCluster(address, workers)
        self._ray = self._cluster.ray
        self.workers = workers or max(1, self._cluster.processors())

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        """Results in task order.

        Raises:
            IncompleteScan: A task lost its worker too often, or the cluster is gone.
            UsageError: The function cannot be sent, or a node that joined later would not compute the same.
        """
        parcel = self._ray.put(pack(function))
        remote = self._ray.remote(answer).options(
            num_cpus=1, max_retries=RETRIES, retry_exceptions=False, scheduling_strategy="SPREAD"
        )
        ways = Ways(partial(remote.remote, parcel), self._fetch, self._give_up)
        yield from in_order(tasks, self.workers * TASKS_PER_WORKER, ways)

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
        errors = self._ray.exceptions
        try:
            while not self._ray.wait([sent], timeout=LOOK_SECONDS)[0]:
                if not self._cluster.processors():
                    raise IncompleteScan("no node of the Ray cluster is left", hint=RESUME)
            answered: bytes = self._ray.get(sent)
        except errors.RayError as error:
            raise _lost(error) from error
        return answered

    def _give_up(self, sent: Sequence[Any]) -> None:
        for force in (False, True):
            for task in sent:
                self._ray.cancel(task, force=force)
            _, sent = self._ray.wait(list(sent), num_returns=len(sent), timeout=STOP_SECONDS, fetch_local=False)
            if not sent:
                return


def _lost(error: Exception) -> IncompleteScan:
    reason = str(error).strip().split("\n", 1)[0]
    return IncompleteScan(
        f"a task was lost {RETRIES + 1} times, with its worker or its node: {type(error).__name__}: {reason}",
        hint=f"Often for want of memory on the nodes. {RESUME}",
    )
