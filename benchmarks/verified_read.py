"""Verified read of a Parquet file against a plain ``pq.read_table`` of the same file, in one run.

    python -m benchmarks.verified_read [MEGABYTES [REPETITIONS]]

The file holds text, numbers and categories, compressed with zstd; it is in the page cache. Repetitions alternate
between plain, verified (BLAKE3) and verified with the FIPS profile (SHA-256), so that a busy machine slows all alike.
The ratio of medians is the goal (PERFORMANCE.md: 1.05 at most); processor time is printed beside it, since it is less
noisy. Peak memory is that of a fresh process that reads the file once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FSSpecHandler, PyFileSystem

from benchmarks.goals import Goal, print_goals
from poisonguard.attest.inventory import Inventory, take_inventory
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE, ChunkTree
from poisonguard.dataset.hashing import Hashing, hash_files
from poisonguard.dataset.storage import LocalStorage
from poisonguard.dataset.verified_files import VerifiedFiles
from poisonguard.dataset.verified_fsspec import VerifiedFileSystem
from poisonguard.domain.dataset import FileEntry

MEGA = 1_000_000
GROUP = 100_000
NAME = "part-0.parquet"
GOAL = 1.05


def batch(draw: np.random.Generator, rows: int) -> pa.Table:
    """Text of 3 to 60 words, six numbers, two categories and a label."""
    words = np.array([f"{draw.choice(list('bcdfgklmnprst'))}{number:x}" for number in range(8000)])
    lengths = draw.integers(3, 60, rows)
    picked = words[draw.zipf(1.3, int(lengths.sum())) % len(words)]
    text = [" ".join(part) for part in np.split(picked, np.cumsum(lengths)[:-1])]
    columns: dict[str, object] = {"id": np.arange(rows), "text": text}
    columns |= {f"x{index}": draw.normal(size=rows).round(3) for index in range(6)}
    columns["source"] = draw.choice([f"site-{index}" for index in range(30)], rows)
    columns["label"] = draw.choice(["yes", "no"], rows)
    return pa.table(columns)


def write(path: Path, size: int) -> None:
    """A Parquet file of at least ``size`` bytes."""
    part = batch(np.random.default_rng(5), GROUP)
    with pq.ParquetWriter(path, part.schema, compression="zstd") as writer:
        while path.stat().st_size < size:
            writer.write_table(part)


def inventory(folder: Path, tree: ChunkTree) -> Inventory:
    """The listing of the one file."""
    storage = LocalStorage(str(folder))
    hashing = Hashing(sha256=True, tree=tree)
    (digests,) = hash_files(storage, [(NAME, (folder / NAME).stat().st_size)], hashing, workers=2)
    if isinstance(digests, Exception):
        raise digests
    entry = FileEntry(NAME, digests.size, digests.sha256, digests.tree_root, "parquet", 0, ())
    files = [(entry, digests.leaves)]
    return take_inventory(files, hash_profile=tree.hash_profile, columns=(), rows_digest=lambda: "0" * 64)


def verified(folder: Path, tree: ChunkTree) -> Callable[[], pa.Table]:
    """Reads the file through the checks, as ``pg.open_dataset`` does once the gate has passed."""
    files = VerifiedFiles(LocalStorage(str(folder)), inventory(folder, tree).files, tree)
    arrow = PyFileSystem(FSSpecHandler(VerifiedFileSystem(files)))
    return lambda: pq.read_table(NAME, filesystem=arrow)


def timed(read: Callable[[], pa.Table]) -> tuple[float, float]:
    """Seconds on the clock and of the processors."""
    clock, processor = time.perf_counter(), time.process_time()
    read()
    return time.perf_counter() - clock, time.process_time() - processor


def peak(folder: Path, how: str) -> int:
    """Peak RSS in bytes of a fresh process that reads the file once."""
    command = [sys.executable, "-m", "benchmarks.verified_read", "--peak", str(folder), how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - ourselves


def readers(folder: Path) -> dict[str, Callable[[], pa.Table]]:
    """What is compared."""
    return {
        "plain": lambda: pq.read_table(folder / NAME),
        "verified": verified(folder, BLAKE3_TREE),
        "verified, FIPS": verified(folder, FIPS_TREE),
    }


def compare(folder: Path, repetitions: int) -> None:
    """Print one line for each reader."""
    ways = readers(folder)
    expected = ways["plain"]()
    for read in ways.values():
        if not read().equals(expected):
            raise SystemExit("the rows differ")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        order = list(ways) if repetition % 2 else list(ways)[::-1]
        for name in order:
            taken[name].append(timed(ways[name]))
    clock, processor = (
        {name: statistics.median(one[part] for one in times) for name, times in taken.items()} for part in (0, 1)
    )
    size = (folder / NAME).stat().st_size
    print(f"{size / MEGA:.0f} MB of Parquet, {expected.nbytes / MEGA:.0f} MB in memory, {repetitions} repetitions")
    for name in ways:
        print(
            f"{name:<16} {clock[name] * 1e3:7.0f} ms  {clock[name] / clock['plain']:5.3f}x   "
            f"processor {processor[name] * 1e3:7.0f} ms  {processor[name] / processor['plain']:5.3f}x   "
            f"peak {peak(folder, name) / MEGA:6.0f} MB"
        )
    print_goals(
        [
            Goal("verified read: time to a plain one", GOAL, clock["verified"] / clock["plain"], at_most=True),
            Goal("verified read: in CPU time", GOAL, processor["verified"] / processor["plain"], at_most=True),
        ]
    )


def main() -> None:
    """Measure, or be the fresh process that is measured."""
    if sys.argv[1:2] == ["--peak"]:
        readers(Path(sys.argv[2]))[sys.argv[3]]()
        # Not ru_maxrss, which a process inherits from the one that started it.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        print(1024 * int(status.split("VmHWM:")[1].split()[0]), flush=True)
        # Arrow's threads may still let go of Python objects, which aborts an interpreter that is shutting down.
        os._exit(0)
    megabytes, repetitions = (*map(int, sys.argv[1:]), *(200, 15)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / NAME, megabytes * MEGA)
        compare(Path(folder), repetitions)


if __name__ == "__main__":
    main()
