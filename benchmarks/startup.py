"""How long the command line takes to say something: medians of many runs, each a process of its own.

    python -m benchmarks.startup [--runs 11]

``gate`` compares a table of 1,000 rows with its approved version, signatures, approvals and log included: with the
workspace's registry, or with a bundle. ``python`` is the interpreter alone, which none of them can beat; ``import`` is
what a training script pays for the Python API.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.child import Cost, run
from benchmarks.goals import Goal, machine, print_goals, table
from benchmarks.manifest_scale import make_workspace, poisonguard

ROWS = 1_000
WARM = 2
"""Runs before those that count: what lies on the disk is read."""
GOALS = (("--help", 200.0), ("gate", 400.0), ("gate --bundle", 400.0))
"""Milliseconds."""
OURS = (sys.executable, "-m", "poisonguard")
PASSPHRASE = {"POISONGUARD_PASSPHRASE": "a passphrase for the benchmark"}


def make_approved(folder: Path) -> None:
    """A workspace in which ``data`` is approved."""
    (folder / "data").mkdir()
    draw = random.Random(1)  # noqa: S311 - seeded on purpose
    lines = [f"{row},{draw.gauss(0, 1):.3f},{draw.choice(('yes', 'no'))}" for row in range(ROWS)]
    (folder / "data" / "rows.csv").write_text("\n".join(["id,amount,label", *lines, ""]), encoding="utf-8")
    make_workspace(folder)
    poisonguard(folder, "scan", "data", "--sign", "pub.key", "--quiet")
    poisonguard(folder, "approve", "data@1", "--key", "ann.key", "--reason", "Made for the benchmark")
    poisonguard(folder, "bundle", "export", "data@1", "-o", "data.pgbundle")


def commands(folder: Path) -> dict[str, list[object]]:
    """What is timed."""
    small = folder / "data"
    return {
        "python": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import poisonguard"],
        "--help": [*OURS, "--help"],
        "--version": [*OURS, "--version"],
        "gate": [*OURS, "gate", small],
        "gate --bundle": [*OURS, "gate", small, "--bundle", "data.pgbundle"],
        "versions": [*OURS, "versions"],
        "scan --help": [*OURS, "scan", "--help"],
        "scan": [*OURS, "scan", small, "--no-reference", "--no-cache", "--quiet"],
    }


def medians(folder: Path, runs: int) -> dict[str, tuple[float, float, float]]:
    """Median and least milliseconds by the clock, and least of the processors, interleaved."""
    taken: dict[str, list[Cost]] = {}
    for number in range(runs + WARM):
        for name, command in commands(folder).items():
            cost = run(command, cwd=folder, environment=PASSPHRASE, allowed=(0, 1))
            if number >= WARM:
                taken.setdefault(name, []).append(cost)
    return {
        name: (
            1000 * statistics.median(cost.seconds for cost in costs),
            1000 * min(cost.seconds for cost in costs),
            1000 * min(cost.processor for cost in costs),
        )
        for name, costs in taken.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_approved(folder)
        found = medians(folder, given.runs)
    print(f"medians of {given.runs} runs; {machine()}")
    rows = [[name, *(f"{value:,.0f}" for value in values)] for name, values in found.items()]
    print("\n".join(table([["command", "median ms", "least ms", "CPU ms"], *rows])))
    goals = [(f"start-up: {name}", goal, found[name][0]) for name, goal in GOALS]
    print_goals(Goal(what, goal, measured, at_most=True, unit=" ms") for what, goal, measured in goals)


if __name__ == "__main__":
    main()
