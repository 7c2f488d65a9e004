"""What an engine costs over threads of one process: the same fold of the same partitions, each in fresh processes.

    .venv-engines/bin/python -m benchmarks.engines [--partitions 64] [--megabytes 20] [--workers 2] [ENGINE ...]

A scan is stopped where its rows are folded: what follows is the same everywhere. ``start`` is what an engine takes
before the first task (processes start with the first run, so theirs is in ``fold``), ``fold`` is the pass over the
rows, ``peak`` the largest sum over all processes of the memory that is theirs (PSS: shared pages are counted once).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.goals import Goal, print_goals
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan

ENGINES = ("threads", "processes", "ray", "dask")
MARK = "POISONGUARD_BENCHMARK"
"""In the environment of a run's processes, by which they are found."""
SAMPLE_SECONDS = 0.5
NUMBERS = 8
MEBI = 1 << 20
OVERHEAD = 1.15


class FoldedError(Exception):
    """The rows are folded: nothing else is measured."""


class Clock:
    """When the stages of a scan begin."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {"begin": time.perf_counter()}

    def start(self, stage: str, total: int, unit: str) -> None:
        """Note the time; stop once the rows are folded."""
        del total, unit
        self.began[stage] = time.perf_counter()
        if stage == "judging":
            raise FoldedError

    def advance(self, amount: int) -> None:
        """Nothing is noted."""


def write(folder: Path, partitions: int, megabytes: float) -> None:
    """Parquet files of that size, one partition each: numbers that do not compress, and categories."""
    draw = np.random.default_rng(5)
    rows = int(megabytes * MEBI / (NUMBERS * 8 + 2))
    sites, labels = np.array([f"site-{n}" for n in range(40)]), np.array(["yes", "no"])
    for number in range(partitions):
        columns: dict[str, object] = {f"x{index}": draw.normal(size=rows) for index in range(NUMBERS)}
        columns["source"] = sites[draw.integers(0, len(sites), rows)]
        columns["label"] = labels[draw.integers(0, 2, rows)]
        pq.write_table(pa.table(columns), folder / f"part-{number:04d}.parquet", row_group_size=rows)


def fold_once(data: str, engine: str, workers: int) -> None:
    """Print the seconds of one engine, as JSON; runs in a process of its own."""
    clock = Clock()
    try:
        with open_scan(ScanRequest(data=data, compare=False, engine=engine, workers=workers), clock):
            pass
    except FoldedError:
        pass
    began = clock.began
    start, fold = began["hashing"] - began["begin"], began["judging"] - began["reading rows"]
    print(json.dumps({"start": start, "fold": fold}))


def measure(data: str, engine: str, workers: int) -> dict[str, float]:
    """Seconds and peak memory of one engine."""
    mark = f"{os.getpid()}-{engine}"
    command = [sys.executable, "-m", "benchmarks.engines", "--one", engine, "--data", data, "--workers", str(workers)]
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=(mark, peak, done))
    watcher.start()
    try:
        told = subprocess.run(command, check=True, env=os.environ | {MARK: mark}, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own interpreter and code
    finally:
        done.set()
        watcher.join()
    measured: dict[str, float] = json.loads(told.stdout)
    return measured | {"peak": peak[0]}


def watch(mark: str, peak: list[float], done: threading.Event) -> None:
    """Keep the largest sum of memory, in MB."""
    while not done.wait(SAMPLE_SECONDS):
        peak[0] = max(peak[0], sum(map(memory, marked(mark))) / 1e6)


def marked(mark: str) -> list[Path]:
    """Processes of one run: workers of an engine are not all below its driver."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(process)
        except OSError:  # it ended, or it is somebody else's
            continue
    return found


def memory(process: Path) -> int:
    """Bytes that are this process's own, shared ones by their share."""
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    """Print a line per engine, with its ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", default=ENGINES)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", help="where the files are; they are made when it is empty or not given")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        fold_once(given.data, given.one, given.workers)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.data or temporary)
        if not any(folder.iterdir()):
            write(folder, given.partitions, given.megabytes)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{len(list(folder.iterdir()))} partitions, {size:,.0f} MB, {given.workers} workers")
        report(str(folder), given.engines, given.workers)


def report(data: str, engines: list[str], workers: int) -> None:
    """The table."""
    print(f"{'engine':10} {'start s':>8} {'fold s':>8} {'ratio':>7} {'peak MB':>8}")
    first, ratios = 0.0, {}
    for engine in engines:
        found = measure(data, engine, workers)
        first = first or found["fold"]
        ratios[engine] = ratio = found["fold"] / first
        print(f"{engine:10} {found['start']:8.1f} {found['fold']:8.1f} {ratio:7.2f} {found['peak']:8,.0f}", flush=True)
    print_goals(
        Goal(f"engines: {engine}, fold to {engines[0]}", OVERHEAD, ratio, at_most=True)
        for engine, ratio in ratios.items()
        if engine != engines[0]
    )


if __name__ == "__main__":
    main()
