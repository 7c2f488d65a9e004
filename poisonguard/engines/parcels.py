"""What goes to a worker of a cluster, and what comes back: bytes, the same on every engine.

Rules:

1. The function is pickled once per run, by name; one that cannot be is refused before the first task.
2. A worker that is not like the driver (``engines.alike``) refuses to work: a node may join after the scan began.
3. An error of a task comes back as a value and is raised by the driver as itself, its hint intact; where it was
   raised is its cause. Engines see no errors but their own, so that they repeat a task only when its worker was lost.
4. An error about a file that is not there names the node that does not see it.
5. A worker works with one thread.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from poisonguard.engine.workers import limit_threads
from poisonguard.engines.alike import Installed, installed, node_name, refuse_difference
from poisonguard.errors import PoisonguardError, UnreadableData, UsageError

SAME_PATH = (
    "Every node must see the data and the work store under the same path: a shared file system or an object store."
)


class RaisedThere(Exception):
    """Where a worker raised an error: its traceback, as the cause of the error that the driver raises."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What every task of a run needs.

    Attributes:
        function: The pickled function.
        driver: What is installed where the run was started.
    """

    function: bytes
    driver: Installed


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception
    trace: str


def pack(function: Callable[[Any], Any]) -> Parcel:
    """A function, ready to be sent.

    Raises:
        UsageError: It cannot be sent to another process.
    """
    try:
        return Parcel(pickle.dumps(function), installed())
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"this cannot be sent to a worker: {error}",
            hint="Scan a path, not a table in memory; plug-ins must be importable modules.",
        ) from error


def answer(parcel: Parcel, task: Any) -> bytes:
    """Run one task: called on the worker; what ``unpacked`` opens."""
    try:
        result = _prepared(parcel)(task)
        return pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - the driver raises it
        return _failure(error)


def unpacked(answered: bytes) -> Any:
    """The result of a task.

    Raises:
        Exception: What the task raised.
    """
    result = pickle.loads(answered)  # noqa: S301 - of a worker that runs our code, over an authenticated connection
    if isinstance(result, _Failed):
        raise result.error from RaisedThere(result.trace)
    return result


def _failure(error: Exception) -> bytes:
    trace = "".join(traceback.format_exception(error))
    try:
        failed = pickle.dumps(_Failed(_placed(error), trace))
        pickle.loads(failed)  # noqa: S301 - our own: an error class may refuse to be made again
    except Exception:  # noqa: BLE001 - whatever its pickling raises, the error is told
        return pickle.dumps(_Failed(RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return failed


def _prepared(parcel: Parcel) -> Callable[[Any], Any]:
    _one_thread()
    refuse_difference(parcel.driver, installed(), node_name())
    return _function(parcel.function)


@lru_cache(maxsize=1)
def _function(pickled: bytes) -> Callable[[Any], Any]:
    """Unpickled once per process and run: what it opened stays open from task to task."""
    try:
        function: Callable[[Any], Any] = pickle.loads(pickled)  # noqa: S301 - from the driver, over an authenticated connection
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"node {node_name()} lacks what the scan runs: {error}", hint="Install the same plug-ins on every node."
        ) from error
    return function


@cache
def _one_thread() -> None:
    """Environment variables for libraries that are loaded later, limits for those that the engine has loaded."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - it looks at what is loaded

    limit_threads()
    threadpool_limits(1)


def _placed(error: Exception) -> Exception:
    missing = next((item for item in _causes(error) if isinstance(item, FileNotFoundError)), None)
    if missing is None:
        return error
    place = str(missing.filename or missing)
    if isinstance(error, PoisonguardError) and not Path(place).is_absolute():
        return type(error)(f"node {node_name()}: {error.message}", hint=SAME_PATH)
    return UnreadableData(f"node {node_name()}: {place}: no such file or folder", hint=SAME_PATH)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
