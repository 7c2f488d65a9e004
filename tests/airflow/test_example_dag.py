"""The example DAG on a real Airflow, on real data, behind a real approval."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.sdk import DAG
from airflow.utils.session import create_session

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "airflow"
FLIGHTS = REPOSITORY / "sample_data" / "flights"
DAG_ID = "train_on_approved_data"
COMMAND = Path(sys.executable).with_name("poisonguard")


def poisonguard(folder: Path, *arguments: str | Path) -> None:
    done = subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry in which a steward approved ``flights/approved``."""
    folder = tmp_path_factory.mktemp("workspace")
    people = ("root", "paula", "steven")
    for person in people:
        poisonguard(folder, "keys", "new", f"{person}.key", "--insecure-no-passphrase")
    named = [f"--person={person}={person}.key.pub" for person in people]
    roles = [
        f"--role={role}={person}"
        for role, person in (("root", "root"), ("publisher", "paula"), ("scanner", "paula"), ("steward", "steven"))
    ]
    poisonguard(folder, "trust", "init", "--key", "root.key", *named, *roles)
    poisonguard(folder, "scan", FLIGHTS / "approved", "--name", "flights", "--sign", "paula.key")
    poisonguard(folder, "approve", "flights@1", "--key", "steven.key", "--reason", "the first version, looked at")
    return folder


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    state: str
    states: dict[str, str]
    tries: dict[str, int]
    assets: int


Run = Callable[..., Outcome]


@pytest.fixture
def run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the example DAG where the registry is."""
    monkeypatch.chdir(workspace)

    def run_dag(**conf: Any) -> Outcome:
        outcome = example().test(run_conf={key: str(value) for key, value in conf.items()})
        tasks = outcome.get_task_instances()
        return Outcome(
            str(outcome.state),
            {task.task_id: str(task.state) for task in tasks},
            {task.task_id: task.try_number for task in tasks},
            emitted_by(outcome.run_id),
        )

    return run_dag


def emitted_by(run_id: str) -> int:
    with create_session() as session:
        return int(session.query(AssetEvent).filter(AssetEvent.source_run_id == run_id).count())


def example() -> DAG:
    bag = DagBag(str(EXAMPLES))
    assert bag.import_errors == {}
    dag: DAG = bag.dags[DAG_ID]
    return dag


@pytest.mark.parametrize("runner", [{}, {"runner": COMMAND}], ids=["in-process", "command"])
def test_an_approved_version_is_trained_on(run: Run, runner: dict[str, Any]) -> None:
    outcome = run(data=FLIGHTS / "approved", **runner)
    assert outcome.states == {"scan": "success", "gate": "success", "train": "success"}
    assert outcome.state == "success"
    assert outcome.assets == 1


@pytest.mark.parametrize("runner", [{}, {"runner": COMMAND}], ids=["in-process", "command"])
def test_a_poisoned_version_is_refused_without_retry(run: Run, runner: dict[str, Any]) -> None:
    outcome = run(data=FLIGHTS / "next_poisoned_source_flips", **runner)
    assert outcome.states == {"scan": "failed", "gate": "upstream_failed", "train": "upstream_failed"}
    assert outcome.tries["scan"] == 1
    assert outcome.state == "failed"


def test_a_clean_version_that_nobody_approved_stops_at_the_gate(run: Run) -> None:
    outcome = run(data=FLIGHTS / "next_clean")
    assert outcome.states == {"scan": "success", "gate": "failed", "train": "upstream_failed"}
    assert outcome.tries["gate"] == 1
    assert outcome.assets == 0


def test_a_tampered_file_stops_at_the_gate(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "approved"
    shutil.copytree(FLIGHTS / "approved", data)
    (data / "note.txt").write_text("not part of what was approved")
    outcome = run(data=data)
    assert outcome.states["gate"] == "failed"
    assert outcome.tries["gate"] == 1
    assert outcome.states["train"] == "upstream_failed"


def test_an_operational_error_is_retried(run: Run, tmp_path: Path) -> None:
    outcome = run(data=tmp_path / "missing")
    assert outcome.states["scan"] == "failed"
    assert outcome.tries["scan"] == 3


@pytest.mark.parametrize(("version", "code"), [("approved", 0), ("next_poisoned_source_flips", 1)])
def test_airflow_dags_test_ends_with_the_right_code(workspace: Path, version: str, code: int) -> None:
    conf = f'{{"data": "{FLIGHTS / version}"}}'
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", DAG_ID, "--conf", conf],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
