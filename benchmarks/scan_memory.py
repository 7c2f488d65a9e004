"""Peak memory and rate of a whole scan as the data grow: memory must not follow the rows.

    python -m benchmarks.scan_memory [ROWS ...]

Each size is scanned in a fresh process; peak RSS is the operating system's own figure for that process.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SIZES = (100_000, 400_000, 1_600_000)
GROUP = 65_536
MEBI = 1 << 20


def batch(draw: np.random.Generator, first: int, rows: int) -> pa.Table:
    """Mixed columns: an id, six numbers, two categories, a source and a label."""
    numbers = draw.normal(size=(rows, 6))
    numbers[:, 1] += numbers[:, 0]
    columns: dict[str, object] = {"id": np.arange(first, first + rows)}
    columns |= {f"x{index}": numbers[:, index] for index in range(6)}
    columns["colour"] = draw.choice(["red", "green", "blue", "grey"], rows)
    columns["shape"] = draw.choice([f"shape-{index}" for index in range(40)], rows)
    columns["source"] = draw.choice([f"site-{index}" for index in range(30)], rows)
    columns["label"] = np.where(numbers[:, 0] + draw.normal(0, 0.3, rows) > 0, "yes", "no")
    return pa.table(columns)


def write(path: Path, rows: int) -> None:
    """A Parquet file of ``rows`` rows, written group by group."""
    draw = np.random.default_rng(11)
    with pq.ParquetWriter(path, batch(draw, 0, 1).schema) as writer:
        for first in range(0, rows, GROUP):
            writer.write_table(batch(draw, first, min(GROUP, rows - first)))


def measure(path: Path) -> tuple[float, int]:
    """Seconds and peak RSS in bytes of one scan in a process of its own."""
    code = (
        "import resource, sys; from poisonguard.cli.main import run;"
        f"run(['scan', {str(path)!r}, '--quiet', '--no-reference']);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter and code
    return time.perf_counter() - started, int(done.stderr.split()[-1]) * 1024


def main() -> None:
    """Print one line per size."""
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    print(f"{'rows':>12} {'file MiB':>9} {'seconds':>8} {'rows/s':>10} {'peak MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = Path(folder) / "data.parquet"
            write(path, rows)
            seconds, peak = measure(path)
            size = path.stat().st_size / MEBI
            print(f"{rows:>12} {size:>9.1f} {seconds:>8.1f} {rows / seconds:>10.0f} {peak / MEBI:>9.0f}", flush=True)
    print(f"(this process itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB)")


if __name__ == "__main__":
    main()
