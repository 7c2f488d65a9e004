"""Drift of twenty mixed columns: our profile and its comparison beside peers, speed, memory and verdicts in one run.

    python -m benchmarks.drift [--rows 2000000] [--peer-rows 200000] [--workers 2] [--peers NAME ...] [--no-peers]

Two Parquet files; in the new one four columns have moved (``MOVED``). We profile the new file, every row of it, and
compare with the profile of the old one, which a registry keeps; so do peers that can. Others read both. Peers get the
first rows only: their rate does not grow with more. Everyone runs in a process of its own; imports are left out.
Our verdicts are those of ``PG-DRIFT-001`` in a scan of the same files; a column that a peer leaves out is not found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.child import ChildFailed, Cost, run
from benchmarks.column_profile import GROUP, compare, over_groups, profile, table
from benchmarks.environments import PEERS, PeerMissing, python_of
from benchmarks.goals import Goal, machine, print_goals
from benchmarks.goals import table as lines_of
from benchmarks.packs import only
from poisonguard.workflow.api import scan

NAMES = {
    "evidently": "Evidently, preset",
    "whylogs": "whylogs, profile",
    "tfdv": "TFDV, JS >= 0.1",
    "nannyml": "NannyML, univariate",
    "alibi": "alibi-detect TabularDrift",
    "scipy": "scipy ks_2samp",
}
ENVIRONMENTS = {"scipy": "pyod"}
"""Where it is not the peer's own."""
GOALS = {"evidently": 80.0, "whylogs": 80.0, "tfdv": 15.0, "alibi": 4.0}
COMPARED = 50.0
"""Milliseconds for two profiles."""
PROFILED = 0.5
"""Of the speed of decoding."""
MEMORY = 700.0
MOVED = ("normal_1", "price", "whole_10", "flag")


def moved(draw: np.random.Generator, rows: int) -> pa.Table:
    """The same table with four columns moved."""
    made = table(draw, rows, 0.0)
    changed = {
        "normal_1": draw.normal(1.6, 2, rows),
        "price": np.round(draw.lognormal(3.3, 1, rows), 2),
        "whole_10": np.minimum(draw.integers(0, 12, rows), 9),
        "flag": draw.binomial(1, 0.3, rows).astype(bool),
    }
    for name, values in changed.items():
        made = made.set_column(made.schema.get_field_index(name), name, pa.array(values))
    return made


def write(path: Path, rows: int, seed: int, *, drifted: bool) -> None:
    """A file of row groups."""
    draw = np.random.default_rng(seed)
    make = moved if drifted else lambda draw, rows: table(draw, rows, 0.0)
    with pq.ParquetWriter(path, make(draw, 1).schema) as writer:
        for first in range(0, rows, GROUP):
            writer.write_table(make(draw, min(GROUP, rows - first)))


def ours(old: Path, new: Path, workers: int) -> dict[str, float]:
    """Profile the new file, compare with the old one's profile; in a process of its own."""
    schema = pq.read_schema(new)
    known = profile(old, workers)
    decoding = _best(lambda: list(over_groups(new, workers, len)))
    clock, processor = _best(lambda: profile(new, workers))
    made = profile(new, workers)
    compared, error = min(_timed(lambda: compare(known, made, schema)) for _ in range(3))
    size = sum(state.nbytes for state in made.values())
    return {
        "seconds": clock + compared,
        "processor": processor + compared,
        "decoding": decoding[0],
        "comparison": 1000 * compared,
        "error": error,
        "bytes": size,
    }


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _best(work: Any, rounds: int = 3) -> tuple[float, float]:
    """Least seconds by the clock and of the processors."""
    taken = []
    for _ in range(rounds):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
    return min(one[0] for one in taken), min(one[1] for one in taken)


def verdicts(old: Path, new: Path, folder: Path) -> list[str]:
    """The columns that our check calls drifted."""
    found = scan(str(new), reference=str(old), packs=[str(only("PG-DRIFT-001", folder))])
    return [item.column or "" for item in found.findings if item.check == "PG-DRIFT-001"]


def peer(name: str, old: Path, new: Path, rows: int) -> Cost:
    """A peer's costs, and what it called drifted."""
    python = python_of(ENVIRONMENTS.get(name, name))
    return run([python, PEERS / "drift.py", name, old, new, rows])


def right(drifted: Sequence[str] | None) -> str:
    """How many of the moved columns were found, and how many others were called drifted."""
    if drifted is None:
        return "none given"
    found = set(drifted)
    return f"{len(found & set(MOVED))} of {len(MOVED)}, {len(found - set(MOVED))} false"


def measure(given: argparse.Namespace) -> None:
    """Everyone on the same files."""
    rows, missing = {"poisonguard": given.rows}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new = folder / "old.parquet", folder / "new.parquet"
        write(old, given.rows, 7, drifted=False)
        write(new, given.rows, 8, drifted=True)
        command = [sys.executable, "-m", "benchmarks.drift", "--ours", old, new, "--workers", given.workers]
        costs = {"poisonguard": run(command)}
        called: dict[str, Sequence[str] | None] = {"poisonguard": verdicts(old, new, folder)}
        for method in given.peers:
            try:
                costs[method] = peer(method, old, new, given.peer_rows)
            except (PeerMissing, ChildFailed) as error:
                missing[method] = str(error).splitlines()[-1]
                continue
            called[method] = costs[method].told["drifted"]
            rows[method] = min(given.peer_rows, given.rows)
    report(costs, rows, called, missing)


def report(
    costs: dict[str, Cost],
    rows: dict[str, int],
    called: dict[str, Sequence[str] | None],
    missing: dict[str, str],
) -> None:
    """The table, then the goals."""
    rate = {name: rows[name] / cost.inner.seconds for name, cost in costs.items()}
    work = {name: rows[name] / cost.inner.processor for name, cost in costs.items()}
    lines: list[list[object]] = [["system", "rows/s", "ours to it", "in CPU time", "peak MiB", "moved columns found"]]
    for name, cost in costs.items():
        ratios = "" if name == "poisonguard" else f"{rate['poisonguard'] / rate[name]:.1f}x"
        works = "" if name == "poisonguard" else f"{work['poisonguard'] / work[name]:.1f}x"
        said = right(called[name])
        lines.append([NAMES.get(name, name), f"{rate[name]:,.0f}", ratios, works, f"{cost.mebibytes:,.0f}", said])
    print("\n".join(lines_of(lines)))
    told = costs["poisonguard"].told
    print(f"\ndistance off by at most {told['error']:.4f}; a profile takes {told['bytes'] / 1e6:.1f} MB")
    goals = [Goal("profile: speed to decoding alone", PROFILED, told["decoding"] / told["seconds"])]
    for name, goal in GOALS.items():
        ratio = rate["poisonguard"] / rate[name] if name in rate else None
        why = missing.get(name, "left out")
        goals.append(Goal(f"drift: speed to {NAMES[name]}", goal, ratio, why_not=why))
    goals.append(Goal("drift: two profiles compared", COMPARED, told["comparison"], at_most=True, unit=" ms"))
    peak = costs["poisonguard"].mebibytes
    goals.append(Goal("drift: peak memory", MEMORY, peak, at_most=True, unit=" MiB"))
    print_goals(goals)
    for name, why in missing.items():
        print(f"{NAMES[name]}: not measured, {why}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--peer-rows", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--no-peers", dest="peers", action="store_const", const=[])
    parser.add_argument("--ours", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.ours:
        print(json.dumps(ours(given.ours[0], given.ours[1], given.workers)))
        return
    print(f"{given.rows:,} rows of 20 columns, {given.workers} threads; {machine()}")
    measure(given)


if __name__ == "__main__":
    main()
