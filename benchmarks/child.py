"""Runs a command and says what it took: seconds, seconds of the processors, peak memory.

    python benchmarks/child.py RESULT.json COMMAND...

The command is started by a small process in between, which is this file as a script: a process inherits the peak of
the one that started it. Seconds of the processors count the children that it waited for; its peak is that of the
largest single process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TOLD = 1 << 10
"""``ru_maxrss`` counts KiB on Linux."""
MEBI = 1 << 20
LAST = 2_000
"""Characters of what a failed command said that are shown."""


class ChildFailed(Exception):
    """The command ended with an exit code that was not expected."""


class Cost(NamedTuple):
    """What one command took.

    Attributes:
        seconds: By the clock, starting the process included.
        processor: Seconds of all processors.
        peak: Peak memory in bytes of the largest process.
        output: What it printed.
    """

    seconds: float
    processor: float
    peak: int
    output: str

    @property
    def mebibytes(self) -> float:
        """Peak memory in MiB."""
        return self.peak / MEBI

    @property
    def told(self) -> dict[str, Any]:
        """The last line that it printed, which is JSON."""
        found: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return found

    @property
    def inner(self) -> Cost:
        """What the command itself timed, imports and reading of the command line left out."""
        return self._replace(seconds=self.told["seconds"], processor=self.told["processor"])


def run(
    command: Sequence[object],
    *,
    cwd: Path | None = None,
    allowed: Sequence[int] = (0,),
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end.

    Raises:
        ChildFailed: It ended with another exit code than allowed.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        between = [sys.executable, "-I", "-S", __file__, str(result), *map(str, command)]
        done = subprocess.run(  # noqa: S603 - a command line of the benchmarks
            between, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
        )
        if done.returncode not in allowed:
            said = f"{done.stdout}\n{done.stderr}"[-LAST:].strip()
            raise ChildFailed(f"{command[0]} ended with {done.returncode}: {said}")
        taken = json.loads(result.read_text(encoding="utf-8"))
    return Cost(taken["seconds"], taken["processor"], taken["peak"], done.stdout)


def best(costs: Sequence[Cost]) -> Cost:
    """The least of each figure over several runs of one command."""
    seconds, processor = min(cost.seconds for cost in costs), min(cost.processor for cost in costs)
    return Cost(seconds, processor, min(cost.peak for cost in costs), costs[-1].output)


def main() -> int:
    """Run the command of the command line, write down what it took, and end as it did."""
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:])  # noqa: S603 - what this file is for
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = {"seconds": seconds, "processor": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * TOLD}
    Path(sys.argv[1]).write_text(json.dumps(taken), encoding="utf-8")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
