"""Ray and Dask clusters of several nodes on this machine, nodes of which can be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WAIT_SECONDS = 60
STORE_BYTES = 80 << 20


class RayNodes:
    """A head without processors, to which drivers connect, and nodes that work."""

    def __init__(self, working: int = 2) -> None:
        from ray.cluster_utils import Cluster

        # Short: Ray makes sockets below it.
        self.folder = tempfile.mkdtemp(prefix="pg-nodes-", dir="/tmp")
        os.environ["RAY_TMPDIR"] = self.folder
        (Path(self.folder) / "ray").mkdir()
        self.cluster = Cluster()
        # A node that is silent for a second is dead: by default it takes Ray half a minute.
        self.add(0, options={"_system_config": {"health_check_period_ms": 300, "health_check_failure_threshold": 3}})
        self.working = [self.add(1) for _ in range(working)]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self, processors: int, *, options: Mapping[str, Any] | None = None, **environment: str) -> Any:
        """Start a node; its workers get ``environment``."""
        kept = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            return self.cluster.add_node(
                num_cpus=processors,
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                **(options or {}),
            )
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def kill(self, node: Any) -> None:
        """Kill every process of a node at once: as a machine that loses its power."""
        self.cluster.remove_node(node, allow_graceful=False)
        self.working = [other for other in self.working if other is not node]

    def whole(self) -> None:
        """Have two working nodes again."""
        while len(self.working) < 2:
            self.working.append(self.add(1))

    def close(self) -> None:
        self.cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


class DaskNodes:
    """A scheduler and two workers, processes of their own without nannies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self._scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        until(self.file.exists)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.whole()

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def add(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder))
        return self._start("worker", *options, environment=environment)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers = [other for other in self.workers if other is not worker]

    def whole(self) -> None:
        """Have two workers again."""
        from distributed import Client

        while len(self.workers) < 2:
            self.workers.append(self.add())
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, WAIT_SECONDS)

    def close(self) -> None:
        for process in (*self.workers, self._scheduler):
            process.terminate()
            process.wait(WAIT_SECONDS)

    def _start(self, kind: str, *options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, *options, "--scheduler-file", str(self.file)]
        command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})


def another_numpy(folder: Path) -> str:
    """A PYTHONPATH where another NumPy seems to be installed."""
    described = folder / "numpy-0.0.1.dist-info" / "METADATA"
    described.parent.mkdir()
    described.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    return os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])


def until(happened: Any) -> Any:
    """Wait for something; what it returned."""
    limit = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < limit:
        found = happened()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {WAIT_SECONDS} seconds: {happened}")
