"""Reads the documentation as a script: what its pages tell a reader to type, and what they say comes back.

Rules of the pages:

1. A ``console`` block holds commands (``$ ...``, continued by a backslash) and, below each, what it prints. Nothing
   below means that the page does not show it; a line ``...`` stands for any lines.
2. A command ends with exit code 0, unless it says ``# exit code N``.
3. A ``python`` block is run as a script. A block with a file name after its language is that file: it is written
   where the reader stands, or, if the repository has a file of that name, every line of it is quoted from there.
4. A page that goes on where another ended says so: ``<!-- goes on from: ../README.md -->``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]

ELSEWHERE = {
    "make demo": "runs examples/demo.sh, more scans than a unit test may take: the same steps are in docs/tutorial.md",
    "make test": "would run this test again",
    "make check": "part of make test",
    "make unit": "part of make test",
    "make attacks": "part of make test",
    "createuser --pwprompt": "makes a user on a server; tests/postgres runs a team on a real one",
    "createdb --owner": "as above",
    "read -r PGPASSWORD": "as above",
    "poisonguard trust init --registry": "as above",
    "poisonguard gate data --registry": "as above",
    "pip install": "changes the environment; tests/test_packaging.py builds the wheel and runs it",
    "poisonguard keys import": "needs a token or a service; tests/keys runs it on a real token and loopback services",
    "airflow dags test": "tests/airflow/test_example_dag.py runs it on a real Airflow",
    "ray get-auth-token": "tests/engines/test_on_documented_clusters.py types it on a real cluster",
    "RAY_AUTH_MODE=token ray start": "as above",
    "RAY_AUTH_MODE=token poisonguard scan": "as above",
    "dask scheduler": "as above",
    "dask worker": "as above",
    "poisonguard scan data --engine dask": "as above",
}
"""Commands that the pages show and this test does not run: how they begin, and why."""

OPENING = re.compile(r"^( *)```(\w+)(?: (\S+))?$")
EXIT_CODE = re.compile(r"# exit code (\d+)$")
GOES_ON = re.compile(r"<!-- goes on from: (\S+) -->")
SEPARATOR = "\x1e"
SECONDS = 600

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SOME_TIME = "2026-01-01T09:00:00Z"
"""What a rewritten page shows for every time: when somebody ran it is nobody's business."""

VARYING = (
    (re.compile(r"(?<!pg1:)\b[0-9a-f]{12,}\b"), "<hex>"),
    (TIME, "<time>"),
    (re.compile(r"(poisonguard,? (?:version )?)\d+\.\d+\.\d+\S*"), r"\1<version>"),
)
"""What differs from run to run: digests but those of data, times, the version."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a reader does.

    Attributes:
        line: Where it stands on its page, from 1.
        script: What the shell runs.
        shown: What the page shows of its output; nothing when it shows none.
        first: Line of the first that is shown, from 1.
        exit_code: How it ends.
    """

    line: int
    script: str
    shown: tuple[str, ...] = ()
    first: int = 0
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What a step printed, and how it ended."""

    step: Step
    lines: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the file that it is, and its lines with the number of the first."""

    language: str
    file: str | None
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """One page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        """Path within the repository."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """The page's text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every fenced block."""
        return tuple(_blocks(self.text.splitlines()))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Everything that a reader does, in order, but for what is run elsewhere."""
        return tuple(step for block in self.blocks for step in _steps(block) if not elsewhere(step.script))

    @property
    def before(self) -> Page | None:
        """The page that this one goes on from."""
        found = GOES_ON.search(self.text)
        return Page((self.path.parent / found[1]).resolve()) if found else None

    @property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        fenced = {number for block in self.blocks for number in range(block.first - 1, block.first + len(block.lines))}
        return "\n".join(line for number, line in enumerate(self.text.splitlines(), 1) if number not in fenced)


def elsewhere(script: str) -> bool:
    """Whether another test runs this."""
    return any(script.startswith(start) for start in ELSEWHERE)


def _blocks(lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        opening = OPENING.match(lines[number])
        number += 1
        if opening is None:
            continue
        indent, start = len(opening[1]), number
        while lines[number].strip() != "```":
            number += 1
        yield Block(opening[2], opening[3], start + 1, tuple(line[indent:] for line in lines[start:number]))
        number += 1


def _steps(block: Block) -> Iterator[Step]:
    text = "\n".join(block.lines)
    if block.language == "console":
        yield from _commands(block)
    elif block.file is not None:
        if not (ROOT / block.file).exists():
            yield Step(block.first, f"cat > '{block.file}' <<'END_OF_FILE'\n{text}\nEND_OF_FILE")
    elif block.language == "python":
        yield Step(block.first, f"python - <<'END_OF_SCRIPT'\n{text}\nEND_OF_SCRIPT")


def _commands(block: Block) -> Iterator[Step]:
    number, lines = 0, block.lines
    while number < len(lines):
        start, number = number, number + 1
        while lines[number - 1].endswith("\\"):
            number += 1
        script = "\n".join(lines[start:number]).removeprefix("$ ")
        told = EXIT_CODE.search(script)
        first = number
        while number < len(lines) and not lines[number].startswith("$ "):
            number += 1
        shown = _trimmed(list(lines[first:number]))
        yield Step(block.first + start, script, tuple(shown), block.first + first, int(told[1]) if told else 0)


def run(page: Page, folder: Path) -> tuple[Done, ...]:
    """Do what ``page`` says in ``folder``, in one shell."""
    marked = [f"{step.script}\nprintf '\\036%d\\036' $?\n" for step in page.steps]
    done = subprocess.run(
        ["bash"],
        input="exec 2>&1\n" + "".join(marked),
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    pieces = done.stdout.split(SEPARATOR)
    assert len(pieces) == 2 * len(page.steps) + 1, f"{page.name}: the shell stopped early: {done.stdout[-500:]}"
    printed = zip(page.steps, pieces[::2], pieces[1::2], strict=False)
    return tuple(Done(step, tuple(_rows(text)), int(code)) for step, text, code in printed)


def _rows(text: str) -> list[str]:
    return _trimmed([row.rstrip() for row in text.split("\n")])


def _environment(folder: Path) -> dict[str, str]:
    """What a reader's shell has: the command, a home, and none of our settings."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "NUMBA_CACHE_DIR") if name in os.environ}
    tools = Path(sys.executable).parent
    return {**kept, "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), "PYTHONUNBUFFERED": "1"}


def prepare(folder: Path) -> None:
    """What a reader has before the first page: the sample data."""
    folder.mkdir()
    shutil.copytree(ROOT / "sample_data", folder / "sample_data", ignore=shutil.ignore_patterns("__pycache__"))


def settled(line: str) -> str:
    """``line`` without what differs from run to run."""
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.rstrip()


def agrees(shown: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """Whether ``printed`` is what the page shows; a line ``...`` stands for any lines, and no line for any output."""
    if not shown:
        return True
    wanted, found = [settled(line) for line in shown], [settled(line) for line in printed]
    if "..." not in wanted:
        return wanted == found
    head, tail = wanted[: wanted.index("...")], wanted[wanted.index("...") + 1 :]
    enough = len(head) + len(tail) <= len(found)
    return enough and found[: len(head)] == head and found[len(found) - len(tail) :] == tail


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines at the end: a page may leave some between two commands."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def rewritten(done: Done) -> tuple[str, ...]:
    """What the page should show of ``done``: as many lines at the beginning and at the end as it shows now."""
    shown = done.step.shown
    if agrees(shown, done.lines):
        return shown
    if "..." not in shown:
        return done.lines
    place = shown.index("...")
    tail = len(shown) - place - 1
    return (*done.lines[:place], "...", *done.lines[len(done.lines) - tail :])


def rewrite(page: Page, run_of_page: tuple[Done, ...]) -> None:
    """Show on the page what its commands print now."""
    lines = page.text.splitlines()
    for done in sorted(run_of_page, key=lambda item: -item.step.line):
        if done.step.shown:
            start = done.step.first - 1
            lines[start : start + len(done.step.shown)] = [TIME.sub(SOME_TIME, line) for line in rewritten(done)]
    page.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
