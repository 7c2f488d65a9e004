"""Laws of the executors."""

import threading
import time

import pytest

from poisonguard.engine.executor import TASKS_PER_WORKER, Serial, Threads, local


def test_results_come_in_task_order_whatever_finishes_first() -> None:
    def slow_first(task: int) -> int:
        time.sleep(0.02 if task == 0 else 0)
        return task * task

    assert list(Threads(4).run(slow_first, range(20))) == [task * task for task in range(20)]


def test_no_more_tasks_run_ahead_than_the_workers_can_hold() -> None:
    started: list[int] = []
    results = Threads(2).run(lambda task: started.append(task) or task, range(100))
    next(results)
    time.sleep(0.05)
    assert len(started) <= 2 * TASKS_PER_WORKER + 1
    list(results)
    assert len(started) == 100


def test_the_first_error_is_raised_and_the_rest_abandoned() -> None:
    ran: list[int] = []
    gate = threading.Event()

    def work(task: int) -> int:
        if task == 3:
            raise ValueError("three")
        if task > 3:
            gate.wait(0.05)
        ran.append(task)
        return task

    with pytest.raises(ValueError, match="three"):
        list(Threads(2).run(work, range(1000)))
    assert len(ran) < 20


def test_one_worker_needs_no_threads() -> None:
    assert isinstance(local(1), Serial)
    assert list(local(1).run(lambda task: task + 1, [1, 2])) == [2, 3]
