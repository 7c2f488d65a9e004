"""DaskTasks on a real cluster of several workers: who is let in, who is refused, and what a lost worker costs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import engine_tasks as tasks
import pytest
from cluster_nodes import DaskNodes, another_numpy, until

from poisonguard.engines.dask_tasks import DaskTasks
from poisonguard.errors import IncompleteScan, UsageError

SECONDS = 0.4


def test_a_worker_that_is_killed_costs_time_and_no_result(dask_nodes: DaskNodes, tmp_path: Path) -> None:
    victim = dask_nodes.workers[-1]
    with DaskTasks(dask_nodes.address, 2) as engine:
        results = engine.run(partial(tasks.slow_mark, tmp_path, SECONDS), range(12))
        first = next(results)
        until(lambda: list(tmp_path.glob(f"*-{victim.pid}.begun")))
        dask_nodes.kill(victim)
        assert [first, *results] == [task * 7 for task in range(12)]
    dask_nodes.whole()


def test_a_worker_that_joins_late_works_too(dask_nodes: DaskNodes, tmp_path: Path) -> None:
    with DaskTasks(dask_nodes.address, 3) as engine:
        results = engine.run(partial(tasks.slow_mark, tmp_path, SECONDS), range(60))
        next(results)
        late = dask_nodes.add()
        for _ in results:
            if list(tmp_path.glob(f"*-{late.pid}.begun")):
                break
        assert list(tmp_path.glob(f"*-{late.pid}.begun"))
        results.close()
    dask_nodes.kill(late)


def test_the_only_worker_left_dies_and_the_scan_ends(
    dask_nodes: DaskNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poisonguard.engines.dask_tasks.LOOK_SECONDS", 0.5)
    with DaskTasks(dask_nodes.address, 2) as engine:
        results = engine.run(partial(tasks.slow_mark, tmp_path, SECONDS), range(12))
        next(results)
        for worker in dask_nodes.workers:
            dask_nodes.kill(worker)
        with pytest.raises(IncompleteScan, match="no worker of the Dask cluster is left"):
            list(results)
    dask_nodes.whole()


def test_ctrl_c_stops_the_tasks(on_dask: DaskTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> bytes:
        until(lambda: list(tmp_path.glob("*.begun")))
        raise KeyboardInterrupt

    monkeypatch.setattr(on_dask, "_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(on_dask.run(partial(tasks.slow_mark, tmp_path, SECONDS), range(9)))
    assert len(list(tmp_path.glob("*.ended"))) == len(list(tmp_path.glob("*.begun"))), "who began was waited for"
    monkeypatch.undo()
    assert list(on_dask.run(tasks.square, range(3))) == [0, 1, 4]


def test_a_worker_with_another_numpy_is_refused_by_name(dask_nodes: DaskNodes, tmp_path: Path) -> None:
    worker = dask_nodes.add({"PYTHONPATH": another_numpy(tmp_path)})
    try:
        said = until(lambda: refusal(dask_nodes.address))
        assert "would not compute the same: numpy 0.0.1 there" in said
        assert said.startswith("node tcp://127.0.0.1:")
    finally:
        dask_nodes.kill(worker)


def refusal(address: str) -> str:
    try:
        DaskTasks(address, 0).close()
    except UsageError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("auto", "not the address of a Dask scheduler"),
        ("127.0.0.1:8786", "not the address of a Dask scheduler"),
        ("tcp://192.0.2.1:8786", "a Dask scheduler without TLS runs the code of whoever reaches it"),
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_a_wrong_address_is_refused(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.engines.dask_cluster.CONNECT_SECONDS", 1.0)
    with pytest.raises(UsageError, match=said):
        DaskTasks(address, 0)


LOCAL = """
import sys
from functools import partial
from pathlib import Path
import dask
import engine_tasks as tasks
from distributed import Security
from poisonguard.engines import dask_cluster
from poisonguard.engines.dask_tasks import DaskTasks
from poisonguard.errors import IncompleteScan, UsageError

dask_cluster.CONNECT_SECONDS = 2.0

def certificates(security):
    names = {"ca-file": security.tls_ca_file}
    names |= {"client.cert": security.tls_client_cert, "client.key": security.tls_client_key}
    return {f"distributed.comm.tls.{name}": value for name, value in names.items()}

def main():
    with DaskTasks(None, 2) as engine:
        died = list(engine.run(partial(tasks.die_once, Path(sys.argv[1])), range(8)))
        assert died == [(task, task * task) for task in range(8)], died
        address = engine._client.scheduler.address
        assert address.startswith("tls://127.0.0.1:"), address
        with dask.config.set(certificates(engine._client.security)), DaskTasks(address, 0) as same:
            assert list(same.run(tasks.square, [3])) == [9]
        with dask.config.set(certificates(Security.temporary())):
            try:
                DaskTasks(address, 0)
            except UsageError as error:
                print(error.message.split(":")[0])
        try:
            list(engine.run(tasks.die_always, range(4)))
        except IncompleteScan as error:
            print(error.message.split(":")[0])

if __name__ == "__main__":
    main()
"""


def test_a_dask_of_its_own_takes_only_its_own_certificate_and_leaves_nothing(tmp_path: Path) -> None:
    script, temporary = tmp_path / "local.py", tmp_path / "temporary"
    script.write_text(LOCAL)
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["no Dask scheduler answers at tls", "a task was lost with its workers"]
    assert list(temporary.iterdir()) == []
