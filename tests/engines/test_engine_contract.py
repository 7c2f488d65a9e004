"""The contract of an engine, kept by every one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import engine_tasks as tasks
import pytest

from poisonguard.engine.executor import TASKS_PER_WORKER, Executor, Serial, Threads
from poisonguard.engine.workers import Processes
from poisonguard.errors import DataError, UnreadableData, UsageError

LOCAL = {"serial": Serial, "threads": lambda: Threads(2), "processes": lambda: Processes(2)}
CLUSTERS = [name for name, package in (("ray", "ray"), ("dask", "distributed")) if any(distributions(name=package))]
WORKERS = 2

every = pytest.mark.parametrize("executor", [*LOCAL, *CLUSTERS], indirect=True)
apart = pytest.mark.parametrize("executor", ["processes", *CLUSTERS], indirect=True)
"""Engines whose workers are other processes."""


@pytest.fixture(scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param in CLUSTERS:
        yield request.getfixturevalue(f"on_{request.param}")
        return
    engine: Any = LOCAL[request.param]()
    yield engine
    engine.close()


@every
def test_results_come_in_task_order_whatever_finishes_first(executor: Executor) -> None:
    assert list(executor.run(tasks.slow_first, range(20))) == [task * task for task in range(20)]


@every
def test_no_tasks_no_results(executor: Executor) -> None:
    assert list(executor.run(tasks.square, [])) == []


@every
def test_an_executor_runs_again_and_again(executor: Executor) -> None:
    for count in (1, 7, 2):
        assert list(executor.run(tasks.square, range(count))) == [task * task for task in range(count)]


@every
def test_nothing_runs_before_a_result_is_asked_for(executor: Executor, tmp_path: Path) -> None:
    results = executor.run(partial(tasks.leave_mark, tmp_path), range(10))
    time.sleep(0.2)
    assert list(tmp_path.iterdir()) == []
    assert list(results) == list(range(10))


@every
def test_no_more_tasks_run_ahead_than_the_workers_can_hold(executor: Executor, tmp_path: Path) -> None:
    results = executor.run(partial(tasks.leave_mark, tmp_path), range(60))
    next(iter(results))
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= WORKERS * TASKS_PER_WORKER + 1
    assert list(results) == list(range(1, 60))


@every
def test_the_first_error_arrives_as_itself_and_the_rest_is_given_up(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="part-3: torn") as raised:
        list(executor.run(partial(tasks.fail_at, tmp_path, 3), range(1000)))
    assert type(raised.value) is UnreadableData
    assert raised.value.hint == "Fetch it again."
    ran = len(list(tmp_path.iterdir()))
    assert ran < 20
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) == ran, "a task was still running when the error was raised"


@every
def test_errors_of_others_arrive_as_themselves(executor: Executor) -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        list(executor.run(tasks.raise_plain, range(4)))
    with pytest.raises(DataError) as raised:
        list(executor.run(tasks.raise_data, range(4)))
    assert type(raised.value) is DataError


@every
def test_a_reader_that_stops_leaves_nothing_running(executor: Executor, tmp_path: Path) -> None:
    results: Any = iter(executor.run(partial(tasks.slow_mark, tmp_path, 0.3), range(50)))
    next(results)
    getattr(results, "close", lambda: None)()
    left = sorted(path.name for path in tmp_path.iterdir())
    time.sleep(0.7)
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    assert list(executor.run(tasks.square, [4])) == [16]


@apart
def test_a_function_that_cannot_be_sent_is_refused(executor: Executor) -> None:
    with pytest.raises((UsageError, AttributeError, TypeError), match=r"pickle|lambda"):
        list(executor.run(lambda task: task, range(3)))


@apart
def test_workers_start_no_teams_of_threads(executor: Executor) -> None:
    (limits,) = executor.run(tasks.thread_limits, [0])
    arrow, later, loaded = limits
    assert arrow == 1
    assert set(later.values()) == {"1"}
    assert all(count == 1 for count in loaded)
