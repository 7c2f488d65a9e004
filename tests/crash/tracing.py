"""Which state-changing system calls a command makes, and what it does when it is killed or refused at one of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traced import IDLE

HERE = Path(__file__).parent
CHANGING = tuple(sorted(IDLE))
UNDOING = {"unlink", "unlinkat", "rmdir", "fchmod", "chmod"}
"""Calls that need no space, so that a full disk lets them pass."""
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_CREATES = re.compile(r"O_CREAT|O_TRUNC")
_HELD = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One call of a command, in the order of the run.

    Attributes:
        name: Of the system call.
        number: Which of its name, from 1.
        text: Its arguments, as strace shows them.
    """

    name: str
    number: int
    text: str

    @property
    def changes(self) -> bool:
        """Whether it may change what is stored: opening a file for reading does not."""
        return self.name != "openat" or bool(_CREATES.search(self.text))


@dataclass(frozen=True)
class Outcome:
    """How a run ended; without a code when it was killed."""

    call: Call
    folder: Path
    code: int | None
    out: str = ""
    err: str = ""


@dataclass(frozen=True)
class Trace:
    """What a command calls.

    Attributes:
        calls: Its calls, in order.
        limits: For each kind of call, a number that neither a run nor the run that warms the process reaches.
        folder: Where it ran; gone now, but its calls name it.
    """

    calls: tuple[Call, ...]
    limits: Mapping[str, int]
    folder: Path

    @property
    def changing(self) -> tuple[Call, ...]:
        """The calls that may change what is stored."""
        return tuple(call for call in self.calls if call.changes)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: it is the calls that matter, not how long a disk takes."""
    memory = Path("/dev/shm")  # noqa: S108 # names are made by mkdtemp
    folder = tempfile.mkdtemp(prefix="pg-crash-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def trace(arguments: Sequence[str], project: Path, *, content: bool = False) -> Trace:
    """Every state-changing call of the command in a copy of ``project``, which must succeed.

    Args:
        arguments: The command line.
        project: The project before.
        content: Whether the calls show all data, in hexadecimal.
    """
    with scratch() as place:
        folder = copy(project, place / "run")
        log = place / "log"
        options = ["--seccomp-bpf", "-y", "-o", str(log), *(["-xx", "-s", "100000000"] if content else [])]
        found = _trace(arguments, project, [{"folder": str(folder), "idle": {}}], options, place)
        assert found[0] is not None, "nothing was injected"
        assert found[0]["code"] == 0, found[0]["err"]
        lines = [match for match in map(_CALL.match, log.read_text(errors="replace").splitlines()) if match]
    process = str(found[0]["process"])
    calls = _numbered([(match[2], match[3]) for match in lines if match[1] == process])
    counted = Counter((match[1], match[2]) for match in lines)
    limits = {call.name: 8 + max(counted[key] for key in counted if key[1] == call.name) for call in calls}
    return Trace(calls, limits, folder)


def killed(arguments: Sequence[str], project: Path, traced: Trace, calls: Sequence[Call]) -> Iterator[Outcome]:
    """What is left in a copy of ``project`` each time the command is killed as it is about to make one of ``calls``."""
    points = [(call, {call.name: traced.limits[call.name] - call.number}) for call in calls]
    inject = [f"inject={name}:signal=KILL:when={limit}" for name, limit in traced.limits.items()]
    yield from _injected(arguments, project, points, inject)


def refused(
    arguments: Sequence[str], project: Path, traced: Trace, calls: Sequence[Call], error: str
) -> Iterator[Outcome]:
    """What is left each time that, from one of ``calls`` on, every call fails with ``error``."""
    names = traced.limits.keys() - (UNDOING if error == "ENOSPC" else set())
    points = []
    for call in (item for item in calls if item.name in names):
        earlier = Counter(item.name for item in traced.calls[: traced.calls.index(call)])
        points.append((call, {name: traced.limits[name] - 1 - earlier[name] for name in names}))
    inject = [f"inject={name}:error={error}:when={traced.limits[name]}+" for name in names]
    yield from _injected(arguments, project, points, inject)


def copy(project: Path, to: Path) -> Path:
    """A copy of a project's folder."""
    shutil.copytree(project, to, symlinks=True)
    return to


def _injected(
    arguments: Sequence[str], project: Path, points: Sequence[tuple[Call, dict[str, int]]], inject: Sequence[str]
) -> Iterator[Outcome]:
    options = [part for item in inject for part in ("-e", item)]
    with scratch() as place:
        folders = [copy(project, place / f"point-{number}") for number in range(len(points))]
        job = [{"folder": str(folder), "idle": idle} for folder, (_, idle) in zip(folders, points, strict=True)]
        found = _trace(arguments, project, job, [*options, "-o", "/dev/null"], place)
        for folder, (call, _), outcome in zip(folders, points, found, strict=True):
            heard = {name: outcome[name] for name in ("code", "out", "err")} if outcome else {"code": None}
            yield Outcome(call, folder, **heard)


def _trace(
    arguments: Sequence[str], project: Path, points: Sequence[dict[str, Any]], options: Sequence[str], place: Path
) -> list[Any]:
    warm = copy(project, place / "warm")
    job, found = place / "job", place / "found"
    job.write_text(json.dumps({"arguments": list(arguments), "warm": str(warm), "points": list(points)}))
    command = ["strace", "-f", "-qq", "-e", f"trace={','.join(CHANGING)}", "-e", "signal=none", *options]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*command, sys.executable, str(HERE / "traced.py"), str(job), str(found)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shutil.rmtree(warm)
    return list(json.loads(found.read_text()))


def _numbered(calls: Sequence[tuple[str, str]]) -> tuple[Call, ...]:
    counted: Counter[str] = Counter()
    numbered = []
    for name, text in calls:
        counted[name] += 1
        numbered.append(Call(name, counted[name], text))
    return tuple(numbered)
