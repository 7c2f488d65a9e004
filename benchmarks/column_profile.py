"""Profiles of columns and their comparison: rows per second beside decoding alone, in one run; peers: ``drift``.

    python -m benchmarks.column_profile [--rows N] [--workers N]

Twenty mixed columns in a Parquet file of row groups. The profile of a column is what drift is read from: exact profile,
value counts and number bins. Row digests are what the scan adds for signing.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import ks_2samp

from poisonguard.dataset.rows import row_digests
from poisonguard.detectors.statistics_tests import distribution_distance, total_variation
from poisonguard.engine.executor import local
from poisonguard.engine.piecework import Accumulator
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.number_bins import NumberBins, kolmogorov, read_bins
from poisonguard.sketches.profile import ColumnProfile
from poisonguard.sketches.values import ValueCounts

GROUP = 1 << 17
ResultT = TypeVar("ResultT")
NO_DIGESTS = np.zeros((0, 32), np.uint8)


def table(draw: np.random.Generator, rows: int, shift: float) -> pa.Table:
    """Twenty columns: numbers of many shapes, whole ones, codes, names, one near-key, a flag, a label."""
    columns: dict[str, object] = {f"normal_{place}": draw.normal(place + shift, 1 + place, rows) for place in range(6)}
    columns |= {"lognormal": draw.lognormal(0, 2, rows), "uniform": draw.random(rows)}
    columns |= {"price": np.round(draw.lognormal(3, 1, rows), 2)}
    columns |= {"mostly_zero": draw.binomial(1, 0.7, rows) * draw.normal(size=rows)}
    columns |= {f"whole_{top}": draw.integers(0, top, rows) for top in (10, 1000, 10**9)}
    columns |= {"year": draw.integers(1990, 2027, rows)}
    columns |= {"second": np.sort(draw.integers(0, 10**8, rows)) + 1_600_000_000}
    columns |= {name: _names(draw, name, count, rows) for name, count in (("colour", 30), ("city", 3000))}
    columns |= {"user": pa.array(draw.integers(0, 2**40, rows)).cast(pa.string())}
    columns |= {"flag": draw.binomial(1, 0.2, rows).astype(bool), "label": _names(draw, "label", 2, rows)}
    return pa.table(columns)


def _names(draw: np.random.Generator, name: str, count: int, rows: int) -> pa.DictionaryArray:
    codes = pa.array(draw.integers(0, count, rows).astype(np.int32))
    return pa.DictionaryArray.from_arrays(codes, [f"{name} number {place}" for place in range(count)]).cast(pa.string())


def write(path: Path, rows: int, shift: float = 0.0) -> None:
    """A file of ``rows`` rows, written group by group."""
    draw = np.random.default_rng(7)
    with pq.ParquetWriter(path, table(draw, 1, shift).schema) as writer:
        for first in range(0, rows, GROUP):
            writer.write_table(table(draw, min(GROUP, rows - first), shift))


def sketches(schema: pa.Schema) -> list[Sketch]:
    """What drift of every column is read from."""
    found: list[Sketch] = []
    for field in schema:
        found += [ColumnProfile(field.name), ValueCounts(field.name)]
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            found.append(NumberBins(field.name))
    return found


def over_groups(path: Path, workers: int, work: Callable[[pa.RecordBatch], ResultT]) -> Iterator[ResultT]:
    """``work`` on every row group, on threads."""

    def task(group: int) -> ResultT:
        (batch,) = pq.ParquetFile(path).read_row_group(group, use_threads=False).combine_chunks().to_batches()
        return work(batch)

    return local(workers).run(task, range(pq.ParquetFile(path).num_row_groups))


def profile(path: Path, workers: int) -> dict[str, pa.Table]:
    """States of all sketches over a file."""
    wanted = sketches(pq.read_schema(path))

    def fold(batch: pa.RecordBatch) -> list[pa.Table]:
        block = Block(0, 0, batch, NO_DIGESTS)
        return [sketch.fold(block) for sketch in wanted]

    merged = [Accumulator(sketch) for sketch in wanted]
    for states in over_groups(path, workers, fold):
        for accumulator, state in zip(merged, states, strict=True):
            accumulator.add(state)
    return {sketch.key: accumulator.finished() for sketch, accumulator in zip(wanted, merged, strict=True)}


def compare(old: dict[str, pa.Table], new: dict[str, pa.Table], schema: pa.Schema) -> float:
    """Every column of two profiles compared; the largest error of a distance."""
    worst = 0.0
    for sketch in sketches(schema):
        first, second = old[sketch.key], new[sketch.key]
        if isinstance(sketch, NumberBins):
            sides = read_bins(second), read_bins(first)
            distribution_distance(*sides)
            worst = max(worst, kolmogorov(*sides).error)
        elif isinstance(sketch, ValueCounts) and sketch.is_complete(first) and sketch.is_complete(second):
            hashes = np.union1d(first["hash"], second["hash"])
            counts = [np.zeros(len(hashes), np.int64) for _ in range(2)]
            for side, state in zip(counts, (second, first), strict=True):
                side[np.searchsorted(hashes, state["hash"])] = state["count"]
            total_variation(*counts)
    return worst


def digested(batch: pa.RecordBatch) -> int:
    """Rows digested."""
    return len(row_digests(batch))


def timed(name: str, rows: int, run: Callable[[], object], ceiling: float = 0.0) -> float:
    """Rows per second, printed, as a ratio to ``ceiling`` where there is one."""
    started = time.perf_counter()
    run()
    rate = rows / (time.perf_counter() - started)
    print(f"{name:44} {rate:12,.0f} rows/s" + (f"  {rate / ceiling:6.2f}" if ceiling else ""), flush=True)
    return rate


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old.parquet"), Path(folder, "new.parquet")
        write(old, given.rows)
        write(new, given.rows, 0.1)
        profile(new, given.workers)  # compiles what is compiled
        ceiling = timed("decode alone", given.rows, lambda: sum(over_groups(new, given.workers, len)))
        rate = timed("profile of every column", given.rows, lambda: profile(new, given.workers), ceiling)
        timed("row digests", given.rows, lambda: sum(over_groups(new, given.workers, digested)), ceiling)
        sides = profile(old, given.workers), profile(new, given.workers)
        started = time.perf_counter()
        error = compare(*sides, pq.read_schema(new))
        milliseconds = 1000 * (time.perf_counter() - started)
        print(f"{'comparison of two profiles':44} {milliseconds:12.1f} ms; KS error <= {error:.4f}")
        print(f"{'profile':44} {sum(state.nbytes for state in sides[1].values()) / 1000:12,.0f} KB")
        print(f"{'peak RSS':44} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:12,} MiB")
        names = [f"normal_{place}" for place in range(6)]
        pairs = [[pq.read_table(path, columns=[name])[0].to_numpy() for path in (old, new)] for name in names]
        scipys = timed(
            "scipy ks_2samp, six columns, in memory", given.rows, lambda: [ks_2samp(*pair) for pair in pairs]
        )
        print(f"{'  ours, all twenty, from the file':44} {rate / scipys:12.1f}x")


if __name__ == "__main__":
    main()
