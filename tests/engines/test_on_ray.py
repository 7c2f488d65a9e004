"""RayTasks on a real cluster of several nodes: who is let in, who is refused, and what a lost node costs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import engine_tasks as tasks
import pytest
from cluster_nodes import RayNodes, another_numpy, until

from poisonguard.engines.ray_tasks import RayTasks
from poisonguard.errors import IncompleteScan, UsageError

SECONDS = 0.4


def test_a_node_that_is_killed_costs_time_and_no_result(ray_nodes: RayNodes, tmp_path: Path) -> None:
    victim = ray_nodes.working[-1]
    with RayTasks(ray_nodes.address, 2) as engine:
        results = engine.run(partial(tasks.slow_mark, tmp_path, SECONDS), range(12))
        first = next(results)
        until(lambda: len(list(tmp_path.glob("*.begun"))) >= 3)
        ray_nodes.kill(victim)
        assert [first, *results] == [task * 7 for task in range(12)]
    begun = [path.name.split("-")[0] for path in tmp_path.glob("*.begun")]
    assert len(begun) > 12, "the task that died with its node ran again elsewhere"
    ray_nodes.whole()


def test_a_task_whose_worker_dies_runs_again(on_ray: RayTasks, tmp_path: Path) -> None:
    expected = [(task, task * task) for task in range(8)]
    assert list(on_ray.run(partial(tasks.die_once, tmp_path), range(8))) == expected


def test_a_task_that_kills_every_worker_ends_the_scan(on_ray: RayTasks, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(IncompleteScan, match="was lost 4 times") as raised:
        list(on_ray.run(tasks.die_always, range(4)))
    assert "memory" in raised.value.hint
    assert capfd.readouterr().out == "", "Ray prints nothing into a report"


def test_ctrl_c_stops_the_tasks(on_ray: RayTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> bytes:
        until(lambda: list(tmp_path.glob("*.begun")))
        raise KeyboardInterrupt

    monkeypatch.setattr(on_ray, "_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(on_ray.run(partial(tasks.slow_mark, tmp_path, 30.0), range(9)))
    assert not list(tmp_path.glob("*.ended"))
    monkeypatch.undo()
    assert list(on_ray.run(tasks.square, range(3))) == [0, 1, 4], "the workers are free again"


def test_a_node_with_another_numpy_is_refused_by_name(ray_nodes: RayNodes, tmp_path: Path) -> None:
    node = ray_nodes.add(1, PYTHONPATH=another_numpy(tmp_path))
    try:
        with pytest.raises(UsageError, match=r"node \S+ \(127.0.0.1\) would not compute the same: numpy 0.0.1 there"):
            RayTasks(ray_nodes.address, 0)
    finally:
        ray_nodes.cluster.remove_node(node)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("auto", "not the address of a Ray cluster"),
        ("ray://127.0.0.1:10001", "not the address of a Ray cluster"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_a_wrong_address_is_refused_at_once(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RayTasks(address, 0)


def test_two_clusters_in_one_process_are_refused(on_ray: RayTasks) -> None:
    with pytest.raises(UsageError, match="already in use"):
        RayTasks(None, 1)


CONNECT = """
import sys
from poisonguard.engines.ray_tasks import RayTasks
from poisonguard.errors import PoisonguardError
try:
    RayTasks(sys.argv[1], 0)
except PoisonguardError as error:
    sys.exit(f"{type(error).__name__}: {error.message} | {error.hint}")
"""


def test_a_wrong_token_is_refused(ray_nodes: RayNodes) -> None:
    told = connect(ray_nodes.address, RAY_AUTH_TOKEN="0" * 64, RAY_NUM_REDIS_GET_RETRIES="2")
    assert "UsageError: the Ray cluster at 127.0.0.1" in told
    assert "does not accept this token" in told


def test_no_authentication_here_is_refused(ray_nodes: RayNodes) -> None:
    told = connect(ray_nodes.address, RAY_AUTH_MODE="disabled")
    assert "UsageError: token authentication of Ray is off | Set RAY_AUTH_MODE=token" in told


def test_a_cluster_without_authentication_is_refused(tmp_path: Path) -> None:
    """It would take our token, and anybody's."""
    script = "from cluster_nodes import RayNodes as R; r = R(0); print(r.address, flush=True); input(); r.close()"
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as open_cluster:
        assert open_cluster.stdout is not None
        told = connect(open_cluster.stdout.readline().strip())
        open_cluster.communicate("\n")
    assert "runs Ray without token authentication | Set RAY_AUTH_MODE=token" in told


def connect(address: str, **environment: str) -> str:
    """What another process is told that connects."""
    command = [sys.executable, "-c", CONNECT, address]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


LOCAL = """
import os, subprocess, sys
from functools import partial
from pathlib import Path
import engine_tasks as tasks
from poisonguard.engines.ray_tasks import RayTasks
with RayTasks(None, 2) as engine:
    died = list(engine.run(partial(tasks.die_once, Path(sys.argv[1])), range(8)))
    assert died == [(task, task * task) for task in range(8)], died
    open_to_all = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    folder = Path(engine._cluster.folder)
    assert folder.is_dir()
assert not folder.exists()
mine = [line for line in open_to_all.splitlines() if "ray" in line or "gcs_server" in line]
assert mine and all("127.0.0.1]:" in line or "127.0.0.1:" in line for line in mine), open_to_all
print("token", len(os.environ["RAY_AUTH_TOKEN"]))
"""


def test_a_ray_of_its_own_listens_here_alone_asks_for_a_token_and_leaves_nothing(tmp_path: Path) -> None:
    chosen = {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_TMPDIR"}
    environment = {name: value for name, value in os.environ.items() if name not in chosen}
    environment["HOME"] = str(tmp_path)
    command = [sys.executable, "-c", LOCAL, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "token 64\n"
    assert not (tmp_path / ".ray").exists(), "no token is written where others may read it"


def test_nothing_is_sent_to_a_node_that_joined_late_and_differs(
    on_ray: RayTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each task compares: here the driver says that it is another."""
    from poisonguard.engines import parcels

    other = parcels.Installed((("python", "0.0"),), "")
    monkeypatch.setattr(parcels, "installed", lambda: other)
    with pytest.raises(UsageError, match=r"would not compute the same: python 3\.\d+ there, 0\.0 here"):
        list(on_ray.run(tasks.square, range(3)))
