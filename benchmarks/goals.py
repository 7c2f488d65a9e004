"""Goals beside figures: one table at the end of every benchmark, and what the machine is.

The runner (``python -m benchmarks``) names a file in ``POISONGUARD_BENCHMARK_GOALS``; goals are added there, too, as
lines of JSON, for the table of all of them.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "POISONGUARD_BENCHMARK_GOALS"
EXTENSIONS = {"sha_ni": "SHA extensions", "avx512f": "AVX-512"}
GIBI = 1 << 30


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal of the design, and what was measured.

    Attributes:
        what: What is measured.
        goal: The number to reach.
        measured: The number; nothing where it could not be measured.
        at_most: Whether less is better.
        unit: Written behind both numbers.
        why_not: Why nothing was measured.
    """

    what: str
    goal: float
    measured: float | None
    at_most: bool = False
    unit: str = "x"
    why_not: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether it is reached; nothing where it was not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.goal if self.at_most else self.measured >= self.goal

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What, goal, measured and whether it holds, as they are printed."""
        goal = f"{'<=' if self.at_most else '>='} {_number(self.goal)}{self.unit}"
        measured = "not measured" if self.measured is None else f"{_number(self.measured)}{self.unit}"
        return self.what, goal, measured, {True: "yes", False: "no", None: self.why_not}[self.holds]


HEAD = ("what", "goal", "measured", "holds")


def print_goals(goals: Iterable[Goal]) -> None:
    """Print the table; tell the runner."""
    told = list(goals)
    print()
    for line in table([HEAD, *(goal.cells for goal in told)]):
        print(line, flush=True)
    if FILE in os.environ:
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(asdict(goal)) + "\n" for goal in told)


def read_goals(path: Path) -> list[Goal]:
    """The goals that benchmarks told the runner."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Goal(**json.loads(line)) for line in lines]


def table(rows: Iterable[Iterable[object]]) -> list[str]:
    """Rows as lines of Markdown with columns below each other, numbers to the right; the first is the head."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    right = [all(_is_number(row[place]) for row in cells[1:]) for place in range(len(widths))]

    def line(row: list[str]) -> str:
        told = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        return f"| {' | '.join(told)} |"

    rule = "".join(
        f"|{'-' * (width + 1)}{':' if to_right else '-'}" for width, to_right in zip(widths, right, strict=True)
    )
    return [line(cells[0]), f"{rule}|", *map(line, cells[1:])]


def machine() -> str:
    """What figures depend on: processors and what they can do, memory, system, Python."""
    facts = Path("/proc/cpuinfo")
    flags = facts.read_text(encoding="utf-8").split() if facts.exists() else []
    able = [name for flag, name in EXTENSIONS.items() if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBI
    processors = f"{os.cpu_count()} processors" + (f" with {' and '.join(able)}" if able else "")
    return f"{processors}, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell in {"", "-"}


def _number(value: float) -> str:
    """Three digits, thousands apart."""
    few, many = 10, 100
    return f"{value:,.0f}" if abs(value) >= many else f"{value:.1f}" if abs(value) >= few else f"{value:.3g}"
