"""The same clusters of near copies, whichever cluster searched for them, and whatever died meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_nodes import DaskNodes, RayNodes
from near_sets import asked_of, families, same, state_of

from poisonguard.engine import near
from poisonguard.engine.executor import Executor, Serial
from poisonguard.engine.near import NearOnEngine
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.progress import Silent
from poisonguard.engine.workstore import WorkStore
from poisonguard.engines.dask_tasks import DaskTasks
from poisonguard.engines.ray_tasks import RayTasks
from poisonguard.kernels.run import in_turn
from poisonguard.sketches.fingerprints import NearCopies, search_here

KEY = b"k" * 32
BEFORE = 9
"""Tasks that are done before something dies: the first stages are, the later ones are not."""


class After(Silent):
    """Does something once, when some tasks are done."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then, self.tasks = then, 0

    def advance(self, amount: int) -> None:
        self.tasks += amount
        if self.tasks == BEFORE:
            self.then()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "PART", 150)
    monkeypatch.setattr(near, "SEGMENT", 150)


@pytest.fixture(scope="module")
def asked() -> NearCopies:
    return asked_of(state_of(families(1, 800), (300,)), state_of(families(1, 150)))


@pytest.fixture
def store(tmp_path: Path) -> WorkStore:
    return WorkStore(LocalObjects(str(tmp_path)), KEY, shared=True)


def searched(executor: Executor, store: WorkStore, asked: NearCopies, then: Callable[[], object]) -> NearOnEngine:
    """A search that found what is found here."""
    told = After(then)
    search = NearOnEngine(executor, store, progress=told, fewest=0)
    assert same(search(asked, in_turn), search_here(asked, in_turn))
    assert told.tasks > BEFORE
    return search


def test_ray_finds_the_same_with_a_node_killed_meanwhile(
    ray_nodes: RayNodes, store: WorkStore, asked: NearCopies
) -> None:
    with RayTasks(ray_nodes.address, 0) as engine:
        searched(engine, store, asked, lambda: ray_nodes.kill(ray_nodes.working[0]))
    assert len(ray_nodes.working) == 1
    ray_nodes.whole()


def test_dask_finds_the_same_with_a_worker_killed_meanwhile(
    dask_nodes: DaskNodes, store: WorkStore, asked: NearCopies
) -> None:
    with DaskTasks(dask_nodes.address, 0) as engine:
        searched(engine, store, asked, lambda: dask_nodes.kill(dask_nodes.workers[0]))
    assert len(dask_nodes.workers) == 1
    dask_nodes.whole()


def test_a_search_that_was_stopped_on_ray_goes_on_under_dask(
    ray_nodes: RayNodes, dask_nodes: DaskNodes, store: WorkStore, asked: NearCopies
) -> None:
    def stop() -> Any:
        raise KeyboardInterrupt

    with RayTasks(ray_nodes.address, 0) as engine, pytest.raises(KeyboardInterrupt):
        searched(engine, store, asked, stop)
    with DaskTasks(dask_nodes.address, 0) as engine:
        rest = searched(engine, store, asked, lambda: None)
    assert "digests" not in rest.moved
    assert "join-1" in rest.moved
    assert not NearOnEngine(Serial(), store, fewest=0, audited=5).moved
