"""Functions that tests send to the workers of an engine, who look them up by name: hence a module of their own."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

from poisonguard.errors import DataError, PoisonguardError, UnreadableData


def square(task: int) -> int:
    return task * task


def slow_first(task: int) -> int:
    time.sleep(0.3 if task == 0 else 0)
    return task * task


def leave_mark(folder: Path, task: int) -> int:
    """Says that it ran."""
    (folder / str(task)).touch()
    return task


def fail_at(folder: Path, bad: int, task: int) -> int:
    """Task ``bad`` fails; those behind it take their time."""
    if task == bad:
        raise UnreadableData(f"part-{task}: torn", hint="Fetch it again.")
    time.sleep(0.05 if task > bad else 0)
    return leave_mark(folder, task)


class OddError(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def raise_odd(task: int) -> int:
    raise OddError("this", "that")


def raise_plain(task: int) -> int:
    return 1 // (task - task)


def raise_data(task: int) -> int:
    raise DataError("no", hint="yes")


def read_length(path: Path, task: int) -> int:
    return len(path.read_bytes())


def read_badly(path: Path, task: int) -> int:
    """As a reader of ours tells of a file that is not there."""
    try:
        return read_length(path, task)
    except OSError as error:
        raise UnreadableData("part-0: vanished while it was read") from error


def thread_limits(task: int) -> tuple[int, dict[str, str | None], list[int]]:
    """Threads of Arrow, of libraries that load later, and of those that are loaded."""
    import pyarrow as pa
    from threadpoolctl import threadpool_info

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return pa.cpu_count(), {name: os.environ.get(name) for name in names}, [i["num_threads"] for i in threadpool_info()]


def die_once(folder: Path, task: int) -> tuple[int, int]:
    """The first to try task 3 takes its whole worker with it, as one does that is out of memory."""
    mark = folder / "died"
    if task == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task, task * task


def die_always(task: int) -> int:
    if task == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def slow_mark(folder: Path, seconds: float, task: int) -> int:
    """Says that it began, works for a while, and says that it ended."""
    (folder / f"{task}-{os.getpid()}.begun").touch()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    (folder / f"{task}.ended").touch()
    return task * 7


def refusal(error: BaseException) -> tuple[str, str]:
    assert isinstance(error, PoisonguardError)
    return error.message, error.hint


def of(function: Any, *fixed: Any) -> Any:
    return partial(function, *fixed)
