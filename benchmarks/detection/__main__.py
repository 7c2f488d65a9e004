"""Command line: ``list`` cases, ``run`` them or the ``peers``, ``report`` on them; ``timing``; ``meaning``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.detection.cache import Cache, default_cache, write_json
from benchmarks.detection.cases import Case, all_cases
from benchmarks.detection.dataset import Split
from benchmarks.detection.datasets import DATASETS, dataset_named
from benchmarks.detection.meaning import compared, wanted
from benchmarks.detection.report import markdown, replaced
from benchmarks.detection.run import Measured, others, run
from benchmarks.detection.summary import HEADER, line, peer_line, summary
from benchmarks.detection.timing import measured as timed

PLACE = "{:>4}/{:<4} "
"""Which case it is, of how many."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 when no case has that name."""
    options = _parser().parse_args(arguments)
    cache = Cache(options.cache) if options.cache else default_cache()
    if options.command == "timing":
        for text in timed(cache):
            print(text, flush=True)
        return 0
    cases = _selected(options)
    if options.command == "meaning":
        cases = wanted(cases)
    if not cases:
        print("no case has such a name")
        return 1
    if options.command == "list":
        _list(cases)
        return 0
    if options.command == "meaning":
        print(*compared(cases, cache), sep="\n")
        return 0
    if options.command == "peers":
        _peers(cases, cache)
        return 0
    measured = _run(cases, cache, options)
    if options.command == "report":
        _report(measured, cache, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    whats = (
        ("list", "cases and data sets"),
        ("run", "measure cases"),
        ("peers", "measure peers and ceilings only, for a later run"),
        ("report", "measure, and write the table"),
        ("timing", "seconds and memory of whole scans"),
        ("meaning", "label attacks on texts without and with an embedding model"),
    )
    for name, what in whats:
        command = commands.add_parser(name, help=what)
        command.add_argument("--cache", type=Path, help="folder for downloads, cases and results")
        if name == "timing":
            continue
        command.add_argument("--split", choices=[split.value for split in Split], help="one side of the split")
        only = "parts of the case's name, for example text/ or text/ +ref: all must be in it"
        command.add_argument("--only", nargs="+", action="extend", default=[], help=only)
        command.add_argument("--every", action="store_true", help="every attack on every data set, not in turn")
        command.add_argument("--slow", action="store_true", help="also cases that take minutes")
        if name == "report":
            command.add_argument("--markdown", type=Path, help="page that holds the section; standard output if none")
            command.add_argument("--date", type=date.fromisoformat, default=date.today(), help="date to print")  # noqa: DTZ011 - the user's day
        if name in {"run", "report"}:
            command.add_argument("--embeddings", help="embedding model for the scans, as of poisonguard scan")
            command.add_argument("--ours-only", action="store_true", help="without the peers")
            command.add_argument("--fresh", action="store_true", help="measure again what is known")
            command.add_argument("--findings", action="store_true", help="print what was found, under each case")
            command.add_argument("--json", type=Path, help="file for the results")
    return parser


def _selected(options: argparse.Namespace) -> list[Case]:
    return [
        case
        for case in all_cases(every=options.every)
        if options.split in {None, case.split}
        and all(part in case.name for part in options.only)
        and (options.slow or not case.slow)
    ]


def _list(cases: Sequence[Case]) -> None:
    for case in cases:
        print(f"{case.split:<10} {case.kind:<12} {case.name}{'  (slow)' if case.slow else ''}")
    print(f"{len(cases)} cases")
    named = {case.dataset for case in cases}
    for dataset in DATASETS:
        if dataset.name in named:
            print(f"{dataset.split:<10} {dataset.name:<14} {dataset.what}")


def _run(cases: Sequence[Case], cache: Cache, options: argparse.Namespace) -> list[Measured]:
    print(f"{'':>{len(PLACE.format(0, 0))}}{HEADER}")
    measured: list[Measured] = []
    for each in run(cases, cache, with_peers=not options.ours_only, fresh=options.fresh, embeddings=options.embeddings):
        measured.append(each)
        print(f"{PLACE.format(len(measured), len(cases))}{line(each)}", flush=True)
        if not options.ours_only:
            print(*peer_line(each), sep="\n", end="")
        for finding in each.result.get("findings", ()) if options.findings else ():
            print(f"    {finding}")
    print()
    print("\n".join(summary(measured)))
    path = options.json or cache.folder("results") / f"latest-{options.split or 'all'}.json"
    write_json(path, [{"case": asdict(each.case), "ours": each.result} for each in measured])
    print(f"written to {path}")
    return measured


def _peers(cases: Sequence[Case], cache: Cache) -> None:
    for case in cases:
        started = time.perf_counter()
        found = others(case, dataset_named(case.dataset), cache)
        said = ", ".join(f"{name}: {what}" for name, what in found.items() if name.startswith("no "))
        print(f"{case.name:<62} {time.perf_counter() - started:>6.1f} s  {said}", flush=True)


def _report(measured: Sequence[Measured], cache: Cache, options: argparse.Namespace) -> None:
    section = markdown(measured, cache, options.date)
    if options.markdown is None:
        print(section)
        return
    page = options.markdown.read_text(encoding="utf-8") if options.markdown.is_file() else ""
    options.markdown.write_text(replaced(page, section), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
