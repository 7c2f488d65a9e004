"""Runs one command line many times under strace, each time in another folder, and each time to another point.

strace can fail or kill at the N-th call of a kind, with one N for all processes that it watches, but it counts for each
process anew. So every run is a child of one warm process, and makes as many calls that come to nothing first as bring
its own call of interest to number N. That is a hundred times faster than starting Python for each point.

Reads a job as JSON from the file named first, and writes what happened to the file named second: nothing for a run that
was killed, otherwise exit code and output.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOWHERE = 2**20 - 1
"""A file descriptor that nobody has."""
UNCAUGHT = 99
"""Exit code that stands for a traceback."""
IDLE: dict[str, Callable[[], object]] = {
    "write": lambda: os.write(NOWHERE, b""),
    "pwrite64": lambda: os.pwrite(NOWHERE, b"", 0),
    "ftruncate": lambda: os.ftruncate(NOWHERE, 0),
    "fsync": lambda: os.fsync(NOWHERE),
    "fdatasync": lambda: os.fdatasync(NOWHERE),
    "fchmod": lambda: os.fchmod(NOWHERE, 0),
    "chmod": lambda: os.chmod("", 0),  # noqa: PTH101 # an empty name is no path
    "unlink": lambda: os.unlink(""),  # noqa: PTH108 # as above
    "unlinkat": lambda: os.unlink("", dir_fd=NOWHERE),  # as above
    "rmdir": lambda: os.rmdir(""),  # noqa: PTH106 # as above
    "rename": lambda: os.rename("", ""),  # noqa: PTH104 # as above
    "mkdir": lambda: os.mkdir(""),  # noqa: PTH102 # as above
    "link": lambda: os.link("", ""),  # as above
    "symlink": lambda: os.symlink("", ""),  # noqa: PTH211 # as above
    "openat": lambda: os.open("", os.O_RDONLY),
}
"""State-changing calls, each with one that fails before it changes anything."""


def main(job: dict[str, Any]) -> list[Any]:
    """Run the command once to be warm, then once for each point; what happened at each."""
    from poisonguard.cli.main import run

    execute(run, ["--no-such-option"], job["warm"])  # what an error needs is loaded too
    execute(run, job["arguments"], job["warm"])
    # What the warm run counted is this process's; its children's children count from nothing.
    ours, theirs = socket.socketpair()
    if not os.fork():
        outcomes = [one(run, job["arguments"], point) for point in job["points"]]
        theirs.sendall(json.dumps(outcomes).encode())
        os._exit(0)
    theirs.close()
    return list(json.loads(b"".join(iter(lambda: ours.recv(65536), b"")) or b"[]"))


def one(run: Callable[[list[str]], int], arguments: list[str], point: dict[str, Any]) -> Any:
    """The outcome at one point, from a process of its own."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        ours.close()
        answer = execute(lambda given: idle(point["idle"]) or run(given), arguments, point["folder"])
        theirs.sendall(json.dumps(answer).encode())
        os._exit(0)
    theirs.close()
    answer = b"".join(iter(lambda: ours.recv(65536), b""))
    ours.close()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def idle(calls: dict[str, int]) -> None:
    """Make calls that come to nothing."""
    for name, times in calls.items():
        for _ in range(times):
            with contextlib.suppress(OSError):
                IDLE[name]()


def execute(run: Callable[[list[str]], int], arguments: list[str], folder: str) -> dict[str, Any]:
    """Run the command line in ``folder``; nothing it prints is a system call."""
    os.chdir(folder)
    printed, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        try:
            code = run(arguments)
        except BaseException:  # noqa: BLE001 # whatever escapes is what the test is after
            code = UNCAUGHT
            traceback.print_exc(file=complained)
    return {"process": os.getpid(), "code": code, "out": printed.getvalue(), "err": complained.getvalue()}


if __name__ == "__main__":
    happened = main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(happened), encoding="utf-8")
