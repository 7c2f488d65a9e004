"""How long a whole scan takes, and how much memory, as the data grow: the command line in a process of its own.

Rows are real, or cut from real works. Peak memory is the operating system's own figure for the process. Each kind of
data is measured in a small and a large size; the growth says how the time follows the rows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.detection.cache import HERE, PROJECT, Cache, code_digest
from benchmarks.detection.sets_more_documents import SHORT, manuals
from benchmarks.detection.sets_more_images import colour_pieces
from benchmarks.detection.sets_more_instructions import many_pairs
from benchmarks.detection.sets_tabular import r_frame

SECONDS = 60
"""The goal for the largest size of each kind, on two processors."""
WORKERS = 2
SEED = 3
GROUP = 10_000
MEBI = 1 << 20
TOLD = 1 << 10
"""``ru_maxrss`` counts KiB on Linux."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of data.

    Attributes:
        name: What it is.
        sizes: Rows, small to large; the goal is for the largest.
        load: Reads the rows.
        columns: Role to column, as told to the scan.
    """

    name: str
    sizes: tuple[int, ...]
    load: Callable[[Cache], pa.Table]
    columns: dict[str, str]


def texts(cache: Cache) -> pa.Table:
    """Passages of manuals of 60 words and more, the manual as the class."""
    return manuals(SHORT, cache).rename_columns(["text", "label"])


def rows(cache: Cache) -> pa.Table:
    """Flights from New York, twenty columns: numbers, categories, times."""
    late = 15
    frame = r_frame("nycflights13", "flights", cache).dropna(subset=["arr_delay"])
    frame = frame.assign(label=np.where(frame["arr_delay"] > late, "late", "on time"))
    return pa.Table.from_pandas(frame, preserve_index=False)


WORKLOADS = (
    Workload("texts", (5_000, 20_000), texts, {"text": "text", "label": "label"}),
    Workload("rows of 20 columns", (25_000, 100_000), rows, {"label": "label"}),
    Workload("pictures", (5_000, 20_000), colour_pieces, {"image": "image", "label": "label"}),
    Workload("instructions", (5_000, 20_000), many_pairs, {"prompt": "prompt", "response": "response"}),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one scan took."""

    rows: int
    seconds: float
    bytes: int


def measured(cache: Cache) -> Iterator[str]:
    """One line per scan, and the growth from the small size to the large one."""
    yield f"{'data':<22} {'rows':>8} {'seconds':>8} {'goal':>6} {'peak RSS':>10} {'growth':>20}"
    for workload in WORKLOADS:
        before: Taken | None = None
        for size in workload.sizes:
            taken = _scan(_file(workload, size, cache), workload, size)
            goal = f"{SECONDS} s" if size == workload.sizes[-1] else ""
            growth = ""
            if before is not None:
                growth = f"x{taken.seconds / before.seconds:.1f} for x{taken.rows / before.rows:.0f} rows"
            yield (
                f"{workload.name:<22} {taken.rows:>8,} {taken.seconds:>8.1f} {goal:>6} "
                f"{taken.bytes / MEBI:>6.0f} MiB {growth:>20}"
            )
            before = taken


def _file(workload: Workload, size: int, cache: Cache) -> Path:
    code = code_digest([*HERE.glob("sets_*.py"), *HERE.glob("reporting_*.py"), HERE / "timing.py"])
    path = cache.folder("timing", code) / f"{workload.name.replace(' ', '-')}-{size}.parquet"
    if not path.is_file():
        table = workload.load(cache)
        if table.num_rows < size:
            raise SystemExit(f"{workload.name}: {table.num_rows} rows are fewer than {size}")
        chosen = np.random.default_rng(SEED).permutation(table.num_rows)[:size]
        pyarrow.parquet.write_table(table.take(pa.array(chosen)), path, row_group_size=GROUP)
    return path


def _scan(path: Path, workload: Workload, size: int) -> Taken:
    told = [part for role, column in workload.columns.items() for part in ("--column", f"{role}={column}")]
    command = [
        sys.executable,
        "-m",
        "poisonguard",
        "scan",
        str(path),
        "--no-reference",
        "--quiet",
        "--pack",
        "baseline",
    ]
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own command line
        [*command, "--workers", str(WORKERS), *told], cwd=PROJECT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:  # 1: the verdict failed, which is no failure of the scan
        raise SystemExit(f"{workload.name}, {size} rows: poisonguard ended with {process.returncode}")
    return Taken(size, seconds, usage.ru_maxrss * TOLD)
