"""Scanning again: what the user's own cache saves where nothing has changed, and where 1 % of the data has.

    python -m benchmarks.rescan [--files 100] [--rows 20000]

Parquet files of mixed columns. The first scan fills an empty cache; the next finds the same data; then one file in a
hundred is replaced, and the same scan runs again, each in a process of its own; stages are told in CPU seconds of all
threads. ``start`` loads the checks. Hashing reads every byte again. Folding is the pass over the rows, which the cache
saves for every partition that did not change. What was judged, and the score of every row, serve a scan of exactly the
same: one row that changes is another sample, another seed, and other models.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.child import Cost, run
from benchmarks.goals import Goal, machine, print_goals, table
from benchmarks.scan_memory import batch
from poisonguard.plugin.registry import checks_of
from poisonguard.policy.builtin import default_policy
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan

SHARE = 0.01
LEFT = 0.05
FOLD = "reading rows"
FIRST, SAME, CHANGED = "first scan", "nothing changed", "1 % changed"
BESIDES = ("start", FOLD, "judging", "scoring rows")


class Clock:
    """CPU seconds of each stage of a scan."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._began = "start", time.process_time()

    def start(self, stage: str, total: int, unit: str) -> None:
        """The last stage is over."""
        del total, unit
        now = time.process_time()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._began
        self._stage, self._began = stage, now

    def advance(self, amount: int) -> None:
        """Nothing is noted."""


def scan_once(data: str, home: str) -> None:
    """Print the CPU seconds of each stage, as JSON; runs in a process of its own, whose cache lies in ``home``."""
    os.environ["XDG_CACHE_HOME"] = home
    clock = Clock()
    checks_of(default_policy().packs)
    with open_scan(ScanRequest(data=data, compare=False, keep_states=True, workers=2), clock):
        clock.start("end", 0, "")
    print(json.dumps(clock.seconds))


def write(folder: Path, number: int, rows: int, seed: int) -> None:
    """One file."""
    table_ = batch(np.random.default_rng(seed), number * rows, rows)
    pq.write_table(table_, folder / f"part-{number:04d}.parquet")


def measure(files: int, rows: int) -> dict[str, Cost]:
    """The first scan, the same again, and the scan after the change."""
    with tempfile.TemporaryDirectory() as name:
        data, home = Path(name, "data"), Path(name, "home")
        data.mkdir()
        for number in range(files):
            write(data, number, rows, number)
        command = [sys.executable, "-m", "benchmarks.rescan", "--one", data, home]
        found = {FIRST: run(command), SAME: run(command)}
        for number in range(max(1, int(files * SHARE))):
            write(data, number, rows, files + number)
        found[CHANGED] = run(command)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        scan_once(*given.one)
        return
    found = measure(given.files, given.rows)
    print(f"{given.files} files of {given.rows:,} rows, 2 threads; {machine()}")
    stages = list(found[FIRST].told)
    heads = ["scan", "seconds", "CPU s", *stages]
    lines = [
        [name, f"{cost.seconds:.1f}", f"{cost.processor:.1f}", *(f"{cost.told.get(stage, 0):.2f}" for stage in stages)]
        for name, cost in found.items()
    ]
    print("\n".join(table([heads, *lines])))
    print_goals(
        [
            Goal("nothing changed: all besides hashing, to the first", LEFT, ratio(found, SAME, BESIDES), at_most=True),
            Goal("1 % changed: folding, to the first", LEFT, ratio(found, CHANGED, [FOLD]), at_most=True),
            Goal("1 % changed: all besides hashing, to the first", LEFT, ratio(found, CHANGED, BESIDES), at_most=True),
        ]
    )


def ratio(found: dict[str, Cost], scan: str, stages: Sequence[str]) -> float:
    """CPU seconds of some stages of a scan, to those of the first."""
    after, before = (sum(found[name].told.get(stage, 0.0) for stage in stages) for name in (scan, FIRST))
    return float(after / before)


if __name__ == "__main__":
    main()
