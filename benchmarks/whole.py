"""A whole scan beside the do-it-yourself stack: the same planted data, seconds, memory and what each of them finds.

    python -m benchmarks.whole [--documents 3000] [--workers 2] [--no-peers]

Two versions of a table: real text (prose and code, of what the installed packages hold), eight numbers that hang
together, a category, a source, a label that the text decides. Planted in the new one: near copies of one text, a rare
phrase whose rows carry the wrong label, far-out numbers, nulls that the contract forbids, a column that moved. The
stack (``peers/stack.py``) is sha256sum, Great Expectations, Evidently, datasketch and PyOD, each with its defaults, in
one process; it has no part that looks at labels. ``scan`` gets the same contract and the old version as its reference.
Rows found: of those planted, and of the others. A scan does much more (forty checks, a manifest): it is timed whole.
"""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.child import ChildFailed, Cost, run
from benchmarks.environments import PEERS, PeerMissing, python_of
from benchmarks.goals import machine, table
from benchmarks.near_duplicates import corpus

FAILED = 1
NUMBERS = 8
FEWEST = 20
"""Different words of a text that is kept."""
COPIES, TRIGGERED, FAR, ABSENT = 0.01, 0.01, 0.005, 0.005
PHRASE = " quartz lantern verdigris "
MOVED = "n7"
NOT_NULL = "n6"
Planted = dict[str, npt.NDArray[np.int64]]


def versions(count: int) -> tuple[pa.Table, pa.Table, Planted]:
    """(old, new, planted rows of the new one by what was planted)."""
    texts = [
        text for text in corpus(Path(sysconfig.get_paths()["purelib"]), 2 * count) if len(set(text.split())) > FEWEST
    ]
    half = len(texts) // 2
    draw = np.random.default_rng(5)
    mixing = draw.normal(size=(3, NUMBERS))
    old, new = (columns(draw, part, mixing) for part in (texts[:half], texts[half : 2 * half]))
    planted = plant(draw, new)
    return pa.table(old), pa.table(new), planted


def columns(draw: np.random.Generator, texts: list[str], mixing: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Honest rows."""
    rows = len(texts)
    numbers = draw.normal(size=(rows, 3)) @ mixing + 0.5 * draw.normal(size=(rows, NUMBERS))
    labels = ["code" if "def " in text or "import " in text else "prose" for text in texts]
    return {
        "text": np.array(texts, dtype=object),
        **{f"n{place}": numbers[:, place].copy() for place in range(NUMBERS)},
        "colour": draw.choice(["red", "green", "blue", "grey"], rows),
        "source": draw.choice([f"site-{number}" for number in range(20)], rows),
        "label": np.array(labels, dtype=object),
    }


def plant(draw: np.random.Generator, new: dict[str, Any]) -> Planted:
    """Plant in place."""
    rows = len(new["text"])
    shares = {"near copies": COPIES, "trigger phrase": TRIGGERED, "far out": FAR, "forbidden nulls": ABSENT}
    ends = np.cumsum([max(8, int(rows * share)) for share in shares.values()])
    order = draw.permutation(rows)
    found = dict(zip(shares, np.split(order[: ends[-1]], ends[:-1]), strict=True))
    first = new["text"][order[-1]].split(" ")
    for row in found["near copies"]:
        words = list(first)
        for place in draw.integers(0, len(words), 3):
            words[place] = f"changed{draw.integers(1000)}"
        new["text"][row] = " ".join(words)
    for row in found["trigger phrase"]:
        middle = len(new["text"][row]) // 2
        new["text"][row] = new["text"][row][:middle] + PHRASE + new["text"][row][middle:]
        new["label"][row] = "prose" if new["label"][row] == "code" else "code"
    for row in found["far out"]:
        new[f"n{draw.integers(NUMBERS - 2)}"][row] *= 1e3
    new[MOVED] = new[MOVED] + 0.5 * new[MOVED].std()
    present = np.ones(rows, np.bool_)
    present[found["forbidden nulls"]] = False
    new[NOT_NULL] = pa.array(new[NOT_NULL], mask=~present)
    return found


def suite() -> dict[str, Any]:
    """No nulls anywhere, few categories, texts that are not empty."""
    names = ["text", *(f"n{place}" for place in range(NUMBERS)), "colour", "source", "label"]
    found = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name}} for name in names]
    values = {"column": "label", "value_set": ["code", "prose"]}
    found.append({"type": "expect_column_values_to_be_in_set", "kwargs": values})
    return {"name": "whole", "expectations": found}


def scanned(new: Path, old: Path, contract: Path, workers: int) -> tuple[Cost, dict[str, Any], Collection[int]]:
    """A whole scan: what it took, its result, and the rows that it flags."""
    flagged = new.with_name("flagged.parquet")
    options = ["--reference", old, "--contract", contract, "--no-cache", "--format", "json", "--flagged", flagged]
    command = [sys.executable, "-m", "poisonguard", "scan", new, *options, "--workers", workers]
    cost = run(command, allowed=(0, FAILED), cwd=new.parent)
    return cost, json.loads(cost.output), pq.read_table(flagged)["row"].to_pylist()


def measure(count: int, workers: int, *, peers: bool) -> None:
    """Both on the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new, contract = folder / "old.parquet", folder / "new.parquet", folder / "suite.json"
        first, second, planted = versions(count)
        pq.write_table(first, old)
        pq.write_table(second, new)
        contract.write_text(json.dumps(suite()), encoding="utf-8")
        size = new.stat().st_size / 1e6
        print(f"{second.num_rows:,} rows of {second.num_columns} columns, {size:.0f} MB, and a reference as large")
        cost, result, rows = scanned(new, old, contract, workers)
        findings = result["findings"]
        costs, found = {"scan": cost}, {"scan": called(findings, rows, planted, second.num_rows)}
        missing = "peers were left out"
        try:
            if peers:
                costs["stack"] = run([python_of("stack"), PEERS / "stack.py", new, old, contract])
                found["stack"] = by_stack(costs["stack"].told["found"], planted, second.num_rows)
        except (PeerMissing, ChildFailed) as error:
            missing = str(error)
    report(costs, found, missing)


def called(findings: list[dict[str, Any]], rows: Collection[int], planted: Planted, total: int) -> dict[str, str]:
    """What the scan found of each plant."""
    told = {what: share(rows, places) for what, places in planted.items()}
    moved = {item.get("column") for item in findings if item["check"] == "PG-DRIFT-001"}
    told["moved column"] = verdict(moved)
    return told | {"other rows": others(rows, planted, total)}


def by_stack(found: dict[str, list[Any]], planted: Planted, total: int) -> dict[str, str]:
    """What the parts of the stack found of each plant."""
    broken = any(f"({NOT_NULL})" in item for item in found["Great Expectations"])
    rows = {*found["datasketch"], *found["PyOD ECOD"]}
    told = {what: share(rows, places) for what, places in planted.items()}
    told["forbidden nulls"] = "yes, no rows" if broken else "no"
    told["moved column"] = verdict(set(found["Evidently"]))
    return told | {"other rows": others(rows, planted, total)}


def verdict(moved: set[Any]) -> str:
    """Whether the moved column was called so, and how many others were."""
    return ("yes" if MOVED in moved else "no") + f", {len(moved - {MOVED})} others"


def share(rows: Collection[int], places: npt.NDArray[np.int64]) -> str:
    """How many of the planted rows are among those named."""
    return f"{len({*rows} & {*places.tolist()})} of {len(places)} rows"


def others(rows: Collection[int], planted: Planted, total: int) -> str:
    """Share of honest rows that were named."""
    bad = {row for places in planted.values() for row in places.tolist()}
    return f"{len({*rows} - bad) / (total - len(bad)):.1%}"


def report(costs: dict[str, Cost], found: dict[str, dict[str, str]], missing: str) -> None:
    """Speed, then what was found, then the parts of the stack."""
    heads = ("system", "seconds", "CPU s", "peak MiB", *found["scan"])
    lines = [
        [name, f"{cost.seconds:.1f}", f"{cost.processor:.1f}", f"{cost.mebibytes:,.0f}", *found[name].values()]
        for name, cost in costs.items()
    ]
    print("\n".join(table(zip(heads, *lines, strict=True))))
    if "stack" in costs:
        parts = costs["stack"].told["parts"]
        print(f"\nthe stack's parts: {', '.join(f'{name} {taken:.1f} s' for name, taken in parts.items())}")
        ratios = costs["stack"].seconds / costs["scan"].seconds, costs["stack"].processor / costs["scan"].processor
        print(f"the stack's time to the scan's: {ratios[0]:.2f}x by the clock, {ratios[1]:.2f}x in CPU time")
    else:
        print(f"stack: not measured, {missing}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args(arguments)
    print(f"{given.workers} threads; {machine()}")
    measure(given.documents, given.workers, peers=not given.no_peers)


if __name__ == "__main__":
    main()
