"""How a scan grows: rows, columns, documents, threads and processes, each scan in a process of its own.

    python -m benchmarks.curves [--rows 25000 100000 400000] [--columns 10 40 160] [--documents 1000 4000 16000]
                                [--workers 1 2] [--worker-rows 400000]

Tables are ``scan_memory``'s (mixed columns, one Parquet file; ``--columns`` adds numbers that hang together);
documents are pieces of 2 KB of what the installed packages hold as prose and code. Growth is the factor of CPU time
for the factor of the size: 1.0 is in proportion, less is better. Workers are threads, then processes, over the same
files; the gain is by the clock, so it means something on a quiet machine only.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.child import Cost, run
from benchmarks.goals import machine, table
from benchmarks.near_duplicates import corpus
from benchmarks.scan_memory import write

FIXED_ROWS = 20_000
"""Rows where the columns grow."""
PARTS = 4
"""Files where the workers grow."""
FAILED = 1
Lines = list[Sequence[object]]


def scan(data: Path, *options: object) -> Cost:
    """One scan; what it says of the data does not matter here."""
    told = ["--no-reference", "--no-cache", "--quiet", *options]
    return run([sys.executable, "-m", "poisonguard", "scan", data, *told], allowed=(0, FAILED), cwd=data.parent)


def write_columns(path: Path, columns: int) -> None:
    """Numbers that hang together by three hidden factors, and a label."""
    draw = np.random.default_rng(3)
    values = draw.normal(size=(FIXED_ROWS, 3)) @ draw.normal(size=(3, columns - 1))
    values += draw.normal(size=values.shape)
    named: dict[str, object] = {f"x{place}": values[:, place] for place in range(columns - 1)}
    named["label"] = np.where(values[:, 0] + draw.normal(size=FIXED_ROWS) > 0, "yes", "no")
    pq.write_table(pa.table(named), path)


def write_documents(path: Path, count: int) -> None:
    """Pieces of prose and code, with near copies among them."""
    texts = corpus(Path(sysconfig.get_paths()["purelib"]), count)[:count]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=2_000)


CURVES: dict[str, Callable[[Path, int], None]] = {
    "rows": write,
    "columns": write_columns,
    "documents": write_documents,
}


def curve(what: str, sizes: Sequence[int], folder: Path) -> Lines:
    """One line per size."""
    lines: Lines = []
    before: tuple[int, Cost] | None = None
    for size in sizes:
        path = folder / f"{what}-{size}.parquet"
        CURVES[what](path, size)
        cost = scan(path)
        lines.append([what, f"{size:,}", *figures(cost), growth(before, size, cost)])
        before = size, cost
    return lines


def figures(cost: Cost) -> tuple[str, str, str]:
    """Seconds, CPU seconds, peak memory."""
    return f"{cost.seconds:.1f}", f"{cost.processor:.1f}", f"{cost.mebibytes:,.0f}"


def growth(before: tuple[int, Cost] | None, size: int, cost: Cost) -> str:
    """Factor of CPU time to factor of the size."""
    if before is None:
        return ""
    return f"{cost.processor / before[1].processor / (size / before[0]):.2f}"


def workers(counts: Sequence[int], rows: int, folder: Path) -> Lines:
    """Threads, then processes, over the same files."""
    data = folder / "parts"
    data.mkdir()
    for part in range(PARTS):
        write(data / f"part-{part}.parquet", rows // PARTS)
    lines: Lines = []
    for engine in ("threads", "processes"):
        first = 0.0
        for count in counts:
            cost = scan(data, "--engine", engine, "--workers", count)
            first = first or cost.seconds
            lines.append([engine, str(count), *figures(cost), f"{first / cost.seconds:.2f}"])
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[25_000, 100_000, 400_000])
    parser.add_argument("--columns", type=int, nargs="*", default=[10, 40, 160])
    parser.add_argument("--documents", type=int, nargs="*", default=[1_000, 4_000, 16_000])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--worker-rows", type=int, default=400_000)
    given = parser.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grown = [line for what in CURVES for line in curve(what, getattr(given, what), folder)]
        print("\n".join(table([["what grows", "size", "seconds", "CPU s", "peak MiB", "growth"], *grown])))
        engines = workers(given.workers, given.worker_rows, folder)
        print(f"\n{given.worker_rows:,} rows in {PARTS} files:")
        print("\n".join(table([["engine", "workers", "seconds", "CPU s", "peak MiB", "gain"], *engines])))


if __name__ == "__main__":
    main()
