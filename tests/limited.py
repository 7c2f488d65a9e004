"""Run the command line in a process of its own, with an eye on its time and memory."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MOST_SECONDS = 60
MOST_BYTES = 1 << 30
"""Over what the same command takes for next to nothing."""


RUNNER = """
import os, resource, sys
limit, command = int(sys.argv[1]), sys.argv[2:]
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    os.dup2(0, 1)
    os.execv(command[0], command)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""
"""A process between, that is small: what a process held before it became another program counts as its peak."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code.
        out: What it printed.
        err: What it printed as errors.
        seconds: Processor time that it took, waiting left out: other tests run beside it.
        peak: Most bytes of memory that it held.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak: int

    def check(self, idle: int) -> None:
        """It ended in time and memory, in one clear line, and was no pass."""
        assert "Traceback" not in self.err
        assert "bug" not in self.err
        assert self.code in {1, 2, 3, 4, 5, 6}, (self.code, self.err[-500:])
        assert self.err.count("\n") <= 2, self.err[-500:]
        assert self.seconds < MOST_SECONDS
        assert self.peak - idle < MOST_BYTES, f"{(self.peak - idle) >> 20} MiB over idle"


def poisonguard(*arguments: str, folder: Path) -> Ended:
    """Run a command in ``folder``; killed when it took the processor's time that it may take."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = [sys.executable, "-m", "poisonguard", *arguments]
        command = [sys.executable, "-S", "-c", RUNNER, str(MOST_SECONDS), *command]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=err, stdin=out, check=True, text=True)
        code, seconds, peak = done.stdout.split()
        out.seek(0)
        err.seek(0)
        printed, said = (stream.read().decode("utf-8", "replace") for stream in (out, err))
        return Ended(int(code), printed, said, float(seconds), int(peak) << 10)


@cache
def idle_scan() -> int:
    """Bytes that a scan of three rows takes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
        return poisonguard("scan", "a.csv", "--no-progress", folder=Path(folder)).peak


@cache
def idle_gate() -> int:
    """Bytes that a gate without evidence takes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
        return poisonguard("gate", "a.csv", folder=Path(folder)).peak
