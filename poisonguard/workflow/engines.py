"""Which engine folds, opened for as long as it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from poisonguard.engine.executor import Executor, local
from poisonguard.engine.workers import Processes
from poisonguard.errors import UsageError

THREADS, PROCESSES = "threads", "processes"
CLUSTERS = {
    "ray": ("poisonguard.engines.ray_tasks", "RayTasks"),
    "dask": ("poisonguard.engines.dask_tasks", "DaskTasks"),
}
"""Engines that come with an extra of the same name: module and class."""
ENGINES = (THREADS, PROCESSES, *CLUSTERS)


@contextmanager
def opened_engine(name: str, address: str | None, workers: int) -> Iterator[Executor]:
    """The engine of that name.

    Raises:
        UsageError: It is unknown or not installed, or an address is given to one that has none.
    """
    if address is not None and name not in CLUSTERS:
        raise UsageError(f"--address is for a cluster, and the engine is {name}", hint="Add --engine ray or dask.")
    engine = _engine(name, address, workers)
    try:
        yield engine
    finally:
        engine.close()


def _engine(name: str, address: str | None, workers: int) -> Executor:
    if name == THREADS:
        return local(workers)
    if name == PROCESSES:
        return Processes(workers)
    if name not in CLUSTERS:
        raise UsageError(f"no engine is called {name!r}", hint=f"Engines: {', '.join(ENGINES)}.")
    return cluster_engine(name)(address, workers)


def cluster_engine(name: str) -> Callable[[str | None, int], Executor]:
    """What makes the engine of a cluster, of its address and workers.

    Raises:
        UsageError: It is not installed.
    """
    module, kind = CLUSTERS[name]
    try:
        found: Callable[[str | None, int], Executor] = getattr(importlib.import_module(module), kind)
    except ImportError as error:
        raise UsageError(
            f"the engine {name} is not installed ({error})", hint=f"pip install 'poisonguard[{name}]'"
        ) from error
    return found
