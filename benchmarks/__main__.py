"""Every figure, one after the other: what was measured, and all goals beside it in one table.

    python -m benchmarks [NAME ...] [--small] [--markdown FILE] [--list]

Each is a command of its own (``--list`` shows them); one that fails does not stop the others, but the exit code says
so. ``--small`` takes seconds to a minute each: figures of small sizes say that things work, and no more.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.goals import FILE, HEAD, machine, read_goals, table

PROJECT = Path(__file__).parents[1]
ENGINES = Path(".venv-engines", "bin", "python")
"""Ray and Dask live in an environment that holds this package, too: ``make engines-environment``."""


class Figure(NamedTuple):
    """One command.

    Attributes:
        module: Below ``benchmarks``.
        what: What it compares.
        small: Options for a small run; nothing where there is none.
        full: Options for the figures.
        python: Which Python runs it.
    """

    module: str
    what: str
    small: str | None
    full: str = ""
    python: Path | None = None

    def command(self, *, small: bool) -> list[str]:
        """The command line."""
        options = self.small if small and self.small is not None else self.full
        return [str(self.python or sys.executable), "-m", f"benchmarks.{self.module}", *shlex.split(options)]


FIGURES = (
    Figure("evidence", "hash, sign and gate beside sha256 and model_signing", "--megabytes 100"),
    Figure("verified_read", "verified read beside a plain one", "20 3"),
    Figure("manifest_scale", "manifests of many files", "--files 500"),
    Figure("incremental_sign", "signing a version that changed 1 %", "--files 10 --rows 2000"),
    Figure("rescan", "scanning a version that changed 1 %", "--files 100 --rows 200"),
    Figure("startup", "start-up of the command line", "--runs 3"),
    Figure(
        "near_duplicates",
        "near duplicates beside datasketch, rensa, FastSketchLSH, datatrove, text-dedup",
        "--documents 1000",
        "--documents 20000 --many 240000",
    ),
    Figure("near_shuffle", "near duplicates by way of the work store", "--documents 2000"),
    Figure("contamination", "evaluation items in training text", "--documents 4000 --items 200"),
    Figure("column_profile", "profiles beside decoding", "--rows 300000"),
    Figure(
        "drift",
        "drift beside Evidently, whylogs, TFDV, NannyML, alibi-detect, scipy",
        "--rows 300000 --peer-rows 20000",
    ),
    Figure("contract", "a data contract beside Great Expectations", "--rows 50000 --rounds 1"),
    Figure("outliers", "odd rows beside PyOD and an isolation forest", "--rows 50000 --rounds 1"),
    Figure("whole", "a whole scan beside the do-it-yourself stack", "--documents 400"),
    Figure(
        "curves",
        "growth with rows, columns, documents, workers",
        "--rows 5000 10000 --columns 10 20 --documents 200 400 --worker-rows 20000",
    ),
    Figure("scan_memory", "memory as rows grow", "20000 40000"),
    Figure("scaling", "whether scans grow as the model says", "--only files --scale 0.1"),
    Figure("engines", "engines beside threads", "--partitions 4 --megabytes 2", "--partitions 32", ENGINES),
    Figure("detection", "whole scans of real data", None, "timing"),
)


def measure(figure: Figure, goals: Path, *, small: bool) -> tuple[str, bool]:
    """Run one command, its output shown as it comes: what it said, and whether it succeeded."""
    if figure.python is not None and not (PROJECT / figure.python).exists():
        return f"not measured: {figure.python} is missing (make engines-environment)\n", True
    environment = {**os.environ, FILE: str(goals)}
    said = []
    with subprocess.Popen(  # noqa: S603 - our own commands
        figure.command(small=small), cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            said.append(line)
    return "".join(said), process.returncode == 0


def chapter(figure: Figure, said: str, *, small: bool) -> str:
    """What one command said, as Markdown."""
    told = " ".join(["python", *figure.command(small=small)[1:]])
    return f"## {figure.module}: {figure.what}\n\n`{told}`\n\n{said.strip()}\n"


def report(chapters: Sequence[str], goals: Path) -> str:
    """The whole file: goals first."""
    rows = [HEAD, *(goal.cells for goal in read_goals(goals))]
    return "\n".join(["# Results", "", machine(), "", "## Goals", "", *table(rows), "", *chapters])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    names = [figure.module for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--small", action="store_true", help="Seconds to a minute each.")
    parser.add_argument("--markdown", type=Path, help="Write what was said to this file, goals first.")
    parser.add_argument("--list", action="store_true", help="Show the commands and end.")
    given = parser.parse_args(arguments)
    unknown = sorted({*given.names} - {*names})
    if unknown:
        parser.error(f"{unknown[0]}: there is no such figure; there are {', '.join(names)}")
    chosen = [figure for figure in FIGURES if figure.module in (given.names or names)]
    if given.small:
        chosen = [figure for figure in chosen if figure.small is not None]
    if given.list:
        for figure in chosen:
            print(shlex.join(["python", *figure.command(small=given.small)[1:]]), "#", figure.what)
        return 0
    return run_all(chosen, given.markdown, small=given.small)


def run_all(chosen: Sequence[Figure], markdown: Path | None, *, small: bool) -> int:
    """One after the other; 1 when one failed."""
    chapters, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        goals = Path(folder, "goals.jsonl")
        for figure in chosen:
            print(f"\n== {figure.module}: {figure.what}", flush=True)
            said, succeeded = measure(figure, goals, small=small)
            chapters.append(chapter(figure, said if succeeded else f"{said}\nfailed\n", small=small))
            failed += [] if succeeded else [figure.module]
            if markdown is not None:
                markdown.write_text(report(chapters, goals), encoding="utf-8")
        print("\n== goals\n")
        print("\n".join(table([HEAD, *(goal.cells for goal in read_goals(goals))])))
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
