"""What a run leaves with every Dask worker: with those that join later and those that are started again, too.

A plug-in, not scattered data nor the result of a task: the first are lost with the worker that holds them, and Dask
would rather queue every task behind that worker than send them to another.
"""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin, get_worker

from poisonguard.engines.parcels import Parcel, answer


class Held(WorkerPlugin):  # type: ignore[misc] # Dask publishes no types
    """A parcel that a worker keeps until its run ends."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel


def answer_held(name: str, task: Any) -> bytes:
    """Run one task with the parcel that this worker keeps under ``name``."""
    return answer(get_worker().plugins[name].parcel, task)
