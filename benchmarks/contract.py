"""A data contract of 35 expectations: one pass over all rows beside Great Expectations, in one run.

    python -m benchmarks.contract [--rows 1000000] [--workers 2] [--rounds 2] [--no-peers]

The same suite over the same Parquet file of twenty mixed columns; two expectations are broken. ``scan`` is the command
line with this one check: it binds the file's bytes, too. ``rules`` are the sketches and the verdicts alone, in a
process that is warm. Great Expectations runs as its users run it: import, pandas, validate. End to end is the whole
process, starting it included.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.child import ChildFailed, Cost, best, run
from benchmarks.column_profile import NO_DIGESTS, over_groups, write
from benchmarks.environments import PEERS, PeerMissing, python_of
from benchmarks.goals import Goal, machine, print_goals, table
from benchmarks.packs import only
from poisonguard.dataset.arrowtypes import columns_of
from poisonguard.detectors.contract_exact import judge_exact, sketches_for
from poisonguard.detectors.contract_suite import parse_suite
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Block, Sketch

FASTER = 10.0
FAILED = 1
"""Exit code of a scan whose decision failed: the contract is broken."""
TEXT = ("colour", "city", "user", "label")
RANGES = {"uniform": (0, 1), "whole_10": (0, 9), "whole_1000": (0, 999), "year": (1990, 2020), "price": (0, 10**6)}
BROKEN = ("expect_column_values_to_be_between(year)", "expect_column_values_to_match_regex(city)")


def suite() -> dict[str, Any]:
    """35 expectations: no nulls, ranges, lengths, patterns, sets, keys, and the table's shape."""
    names = [*(f"normal_{place}" for place in range(6)), "lognormal", *RANGES, *TEXT, "flag"]
    found = [_expect("values_to_not_be_null", name) for name in names]
    found += [
        _expect("values_to_be_between", name, min_value=low, max_value=high) for name, (low, high) in RANGES.items()
    ]
    found += [_expect("value_lengths_to_be_between", name, min_value=1, max_value=40) for name in TEXT]
    found += [_expect("values_to_match_regex", "city", regex="^city number [0-9]{1,3}$")]
    found += [_expect("values_to_match_regex", "colour", regex="^colour number [0-9]+$")]
    found += [_expect("values_to_be_in_set", "label", value_set=["label number 0", "label number 1"])]
    found += [_expect("values_to_be_between", "normal_0", min_value=-4, max_value=4, mostly=0.99)]
    found += [_expect("min_to_be_between", "second", min_value=0), _expect("max_to_be_between", "uniform", max_value=1)]
    found += [_expect("values_to_be_unique", "user", mostly=0.9)]
    found += [{"type": "expect_table_column_count_to_equal", "kwargs": {"value": 20}}]
    found += [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1000}}]
    return {"name": "benchmark", "expectations": found}


def _expect(what: str, column: str, **terms: Any) -> dict[str, Any]:
    return {"type": f"expect_column_{what}", "kwargs": {"column": column, **terms}}


def rules(data: Path, contract: Path, workers: int) -> list[str]:
    """The rules alone: which expectations fail."""
    schema, expectations = pq.read_schema(data), parse_suite(contract.read_text(encoding="utf-8"))
    columns = columns_of(schema)
    wanted = list({one.key: one for item in expectations for one in sketches_for(item, columns)}.values())

    def fold(batch: pa.RecordBatch) -> list[pa.Table]:
        return [sketch.fold(Block(0, 0, batch, NO_DIGESTS)) for sketch in wanted]

    states: Any = reduce(lambda one, two: merged(wanted, one, two), over_groups(data, workers, fold))
    rows = pq.read_metadata(data).num_rows
    known = {sketch.key: state for sketch, state in zip(wanted, states, strict=True)}
    evidence = Evidence("data", columns, rows, 0, known)
    return [item.subject for item in expectations if not judge_exact(item, evidence).held]


def merged(wanted: Sequence[Sketch], one: Any, two: Any) -> Any:
    """States of two parts as one."""
    return [sketch.merge([a, b]) for sketch, a, b in zip(wanted, one, two, strict=True)]


def scanned(data: Path, contract: Path, workers: int) -> Cost:
    """The command line with this one check."""
    pack = only("PG-CONTRACT-001", contract.parent)
    options = ["--contract", contract, "--pack", pack, "--no-reference", "--no-cache", "--format", "json"]
    command = [sys.executable, "-m", "poisonguard", "scan", data, *options, "--workers", workers]
    return run(command, allowed=(0, FAILED), cwd=contract.parent)


def subjects(cost: Cost) -> list[str]:
    """Expectations that the scan found broken."""
    return [str(item["subject"]) for item in json.loads(cost.output)["findings"]]


def measure(rows: int, workers: int, rounds: int, *, peers: bool) -> None:
    """Everyone on the same file and suite."""
    missing = "peers were left out"
    with tempfile.TemporaryDirectory() as name:
        data, contract = Path(name, "data.parquet"), Path(name, "suite.json")
        write(data, rows)
        contract.write_text(json.dumps(suite()), encoding="utf-8")
        failed = {"rules": rules(data, contract, workers)}
        costs = {"rules": best([warm(data, contract, workers) for _ in range(rounds)])}
        costs["scan"] = best([scanned(data, contract, workers) for _ in range(rounds)])
        failed["scan"] = subjects(costs["scan"])
        try:
            if peers:
                command = [python_of("gx"), PEERS / "contract.py", data, contract]
                costs["Great Expectations"] = best([run(command) for _ in range(rounds)])
                failed["Great Expectations"] = costs["Great Expectations"].told["failed"]
        except (PeerMissing, ChildFailed) as error:
            missing = str(error)
    report(costs, failed, missing)


def warm(data: Path, contract: Path, workers: int) -> Cost:
    """The rules alone, once."""
    clock, processor = time.perf_counter(), time.process_time()
    rules(data, contract, workers)
    return Cost(time.perf_counter() - clock, time.process_time() - processor, 0, "")


def report(costs: dict[str, Cost], failed: dict[str, list[str]], missing: str) -> None:
    """The table, then the goal."""
    lines: list[list[object]] = [["system", "seconds", "CPU s", "peak MiB", "broken ones found"]]
    for name, cost in costs.items():
        found = f"{len({*BROKEN} & {*failed[name]})} of {len(BROKEN)}, {len({*failed[name]} - {*BROKEN})} false"
        peak = f"{cost.mebibytes:,.0f}" if cost.peak else ""
        lines.append([name, f"{cost.seconds:.2f}", f"{cost.processor:.2f}", peak, found])
    print("\n".join(table(lines)))
    theirs, scan = costs.get("Great Expectations"), costs["scan"]
    if theirs is not None:
        parts = ", ".join(f"{name} {theirs.told[name]:.1f} s" for name in ("import", "read", "validate"))
        print(f"\nGreat Expectations: {parts}")
    end = theirs.seconds / scan.seconds if theirs else None
    work = theirs.processor / scan.processor if theirs else None
    inside = (theirs.told["read"] + theirs.told["validate"]) / costs["rules"].seconds if theirs else None
    print_goals(
        [
            Goal("contract: end to end to Great Expectations", FASTER, end, why_not=missing),
            Goal("contract: the same in CPU time", FASTER, work, why_not=missing),
            Goal("contract: rules to GX reading and validating", FASTER, inside, why_not=missing),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args(arguments)
    print(f"{given.rows:,} rows of 20 columns, 35 expectations, {given.workers} threads; {machine()}")
    measure(given.rows, given.workers, given.rounds, peers=not given.no_peers)


if __name__ == "__main__":
    main()
