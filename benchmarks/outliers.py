"""Odd rows: the second pass beside PyOD and an isolation forest, speed and average precision, in one run.

    python -m benchmarks.outliers [--rows 1000000] [--workers 2] [--rounds 2] [--no-peers]

Twenty columns: twelve that hang together by three hidden factors (half of them log-normal), four heavy-tailed, four
counts. Of the rows 0.1 % are planted three times over: one or two extreme values, many mild deviations, or values that
are ordinary one by one and belong to other rows (broken dependence). Average precision is that of each kind among the
honest rows. Everyone starts from rows in memory; fitting counts. We fit on a sample of 20,000 rows, as the check does,
and score on threads; PyOD runs as it comes, for its jobs are processes that cost more than they bring here; ``copula``
is the plain copula score from the ranks of all rows, which sets the precision to reach.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import average_precision_score

from benchmarks.child import Cost, best, run
from benchmarks.environments import PEERS, PeerMissing, python_of
from benchmarks.goals import Goal, machine, print_goals, table
from poisonguard.detectors.copula import RowModel
from poisonguard.engine.executor import local

Floats = npt.NDArray[np.float64]

KINDS = ("extreme", "mild", "dependence")
SHARE = 0.001
SAMPLE = 20_000
BLOCK = 1 << 16
COLUMNS = 20
NAMES = tuple(f"x{place}" for place in range(COLUMNS))
METHODS = {
    "copod": "PyOD COPOD",
    "ecod": "PyOD ECOD",
    "isolation": "IsolationForest",
    "copula": "copula, ranks of all rows",
}
FASTER = 5.0
NEAR = 0.005
"""Average precision closer than this counts as the same."""


def honest(draw: np.random.Generator, rows: int) -> Floats:
    """Rows as they should be, shape (rows, 20)."""
    factors = draw.normal(size=(rows, 3)) @ draw.normal(size=(3, 12))
    joint = factors + 0.5 * draw.normal(size=(rows, 12))
    joint[:, 6:] = np.exp(joint[:, 6:] / 3)
    heavy = np.column_stack([draw.lognormal(0, 1, (rows, 2)), draw.standard_t(4, (rows, 2))])
    return np.column_stack([joint, heavy, draw.poisson((2, 5, 20, 100), (rows, 4))])


def plant(draw: np.random.Generator, values: Floats) -> npt.NDArray[np.int8]:
    """Plant in place; which kind each row is, 0 for honest, shape (rows,)."""
    rows = len(values)
    each = max(2, int(rows * SHARE))
    chosen = draw.permutation(rows)[: 3 * each].reshape(3, each)
    tops = np.quantile(values, (0.01, 0.97, 0.99, 0.9999), axis=0)
    for row in chosen[0]:
        places = draw.choice(COLUMNS, draw.integers(1, 3), replace=False)
        values[row, places] = tops[3, places] * draw.uniform(2, 5, len(places))
    for row in chosen[1]:
        places = draw.choice(COLUMNS, 14, replace=False)
        values[row, places] = draw.uniform(tops[1, places], tops[2, places])
    donors = draw.integers(0, rows, (each, COLUMNS))
    values[chosen[2]] = values[donors, np.arange(COLUMNS)]
    kinds = np.zeros(rows, np.int8)
    for number, places in enumerate(chosen, start=1):
        kinds[places] = number
    return kinds


def ours(rows: pa.Table, workers: int) -> Floats:
    """Fit on a sample, score block by block."""
    picked = np.sort(np.random.default_rng(1).permutation(rows.num_rows)[:SAMPLE])
    model = RowModel.fit(rows.take(pa.array(picked)), NAMES, ())
    if model is None:
        raise SystemExit("nothing varies")
    blocks = rows.to_batches(max_chunksize=BLOCK)
    return np.concatenate(list(local(workers).run(model.surprise, blocks)))


def timed(rows: pa.Table, workers: int, rounds: int) -> tuple[Cost, Floats]:
    """The best of several rounds of ours, and the scores; memory is not told apart from the benchmark's own."""
    costs, scores = [], np.empty(0)
    for _ in range(rounds):
        clock, processor = time.perf_counter(), time.process_time()
        scores = ours(rows, workers)
        costs.append(Cost(time.perf_counter() - clock, time.process_time() - processor, 0, ""))
    return best(costs), scores


def peer(method: str, matrix: Path, workers: int, rounds: int) -> tuple[Cost, Floats]:
    """A peer in its own environment: the best of several rounds, and the scores."""
    output = matrix.with_name(f"{method}.npy")
    jobs = workers if method == "isolation" else 1
    command = [python_of("pyod"), PEERS / "outliers.py", method, matrix, output, jobs]
    costs = [run(command) for _ in range(rounds)]
    told = [Cost(cost.told["seconds"], cost.told["processor"], cost.peak, "") for cost in costs]
    return best(told), np.load(output)


def precision(scores: Floats, kinds: npt.NDArray[np.int8]) -> list[float]:
    """Average precision of each kind among honest rows."""
    chosen = [np.isin(kinds, (0, number)) for number in range(1, len(KINDS) + 1)]
    return [float(average_precision_score(kinds[kept] > 0, scores[kept])) for kept in chosen]


def measure(rows: int, workers: int, rounds: int, *, peers: bool) -> None:
    """Print the table and the goals."""
    draw = np.random.default_rng(3)
    values = honest(draw, rows)
    kinds = plant(draw, values)
    columns = pa.table({name: values[:, place].copy() for place, name in enumerate(NAMES)})
    timed(columns.slice(0, SAMPLE), workers, 1)  # imports
    found = {"poisonguard": timed(columns, workers, rounds)}
    missing = ""
    with tempfile.TemporaryDirectory() as folder:
        matrix = Path(folder, "rows.npy")
        np.save(matrix, values)
        try:
            for method, name in METHODS.items() if peers else ():
                found[name] = peer(method, matrix, workers, rounds)
        except PeerMissing as error:
            missing = str(error)
    report(found, kinds, missing or "peers were left out")


def report(found: dict[str, tuple[Cost, Floats]], kinds: npt.NDArray[np.int8], missing: str) -> None:
    """Speed beside precision, then the goals."""
    lines: list[list[object]] = [["system", "rows/s", "seconds", "CPU s", "peak MiB", *KINDS]]
    quality = {name: precision(scores, kinds) for name, (_, scores) in found.items()}
    for name, (cost, scores) in found.items():
        times = f"{len(scores) / cost.seconds:,.0f}", f"{cost.seconds:.2f}", f"{cost.processor:.2f}"
        lines.append(
            [name, *times, f"{cost.mebibytes:,.0f}" if cost.peak else "", *(f"{item:.3f}" for item in quality[name])]
        )
    print("\n".join(table(lines)))
    base, copod, copula = (found.get(name) for name in ("poisonguard", METHODS["copod"], METHODS["copula"]))
    speed = copod[0].seconds / base[0].seconds if copod and base else None
    work = copod[0].processor / base[0].processor if copod and base else None
    goals = [Goal("odd rows: speed to COPOD, both cores", FASTER, speed, why_not=missing)]
    goals.append(Goal("odd rows: the same in CPU time", FASTER, work, why_not=missing))
    for place, kind in enumerate(KINDS):
        wanted = quality[METHODS["copula"]][place] if copula else 0.0
        reached = quality["poisonguard"][place] if copula else None
        goals.append(
            Goal(f"odd rows: average precision, {kind}", round(wanted - NEAR, 3), reached, unit="", why_not=missing)
        )
    print_goals(goals)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args(arguments)
    print(f"{given.rows:,} rows of {COLUMNS} columns, {given.workers} threads; {machine()}")
    measure(given.rows, given.workers, given.rounds, peers=not given.no_peers)


if __name__ == "__main__":
    main(sys.argv[1:])
