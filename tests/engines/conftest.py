"""Clusters of several nodes on loopback; what needs them is not collected where Ray and Dask are not installed."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
INSTALLED = all(any(importlib.metadata.distributions(name=name)) for name in ("ray", "distributed"))
collect_ignore_glob = [] if INSTALLED else ["test_on_*.py"]


@pytest.fixture
def files_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``tests/conftest.py``, which is not read here."""
    monkeypatch.setattr("poisonguard.dataset.tables.SMALL", 0)


if INSTALLED:
    # Ray reads these when it is imported: loopback alone, a token for all, nothing reported to its makers.
    os.environ.update(
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
        RAY_USAGE_STATS_ENABLED="0",
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        # Workers look a test's functions up by name.
        PYTHONPATH=os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(TESTS)]),
    )

    from cluster_nodes import DaskNodes, RayNodes

    @pytest.fixture(scope="session")
    def ray_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
        nodes = RayNodes()
        yield nodes
        nodes.close()

    @pytest.fixture(scope="session")
    def dask_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskNodes]:
        nodes = DaskNodes(tmp_path_factory.mktemp("dask"))
        yield nodes
        nodes.close()

    @pytest.fixture(scope="module")
    def on_ray(ray_nodes: RayNodes) -> Iterator[Any]:
        from poisonguard.engines.ray_tasks import RayTasks

        with RayTasks(ray_nodes.address, 0) as engine:
            yield engine

    @pytest.fixture(scope="module")
    def on_dask(dask_nodes: DaskNodes) -> Iterator[Any]:
        from poisonguard.engines.dask_tasks import DaskTasks

        with DaskTasks(dask_nodes.address, 0) as engine:
            yield engine
