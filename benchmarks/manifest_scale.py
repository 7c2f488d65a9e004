"""Manifests that scale: sign, export and gate trees of many small files; seconds and peak memory of each command.

    python -m benchmarks.manifest_scale [--files 10000 100000] [--kind bin|txt|csv|json] [--folder FOLDER]

Each tree is ``f0000/000.bin ...``: a thousand files of a few bytes in each folder, warm in the page cache. Every
command runs in a process of its own; peak memory is what the kernel says (``ru_maxrss``). Nobody scanned or approved
the version, so the gate fails for that and for nothing else, after it has compared every byte. ``plain`` is one thread
that lists the tree, reads every file and hashes it with SHA-256, and nothing else: what any tool must do at least.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

IN_FOLDER = 1000
CONTENT: dict[str, Callable[[int], str]] = {
    "bin": lambda index: f"\0{index}",
    "txt": lambda index: f"text {index}\n",
    "csv": lambda index: f"id,text\n{index},row {index}\n",
    "json": lambda index: f'[{{"id": {index}, "text": "row {index}"}}]\n',
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    seconds: float
    megabytes: float


def make_tree(folder: Path, files: int, kind: str) -> None:
    """Write the files."""
    content = CONTENT[kind]
    for index in range(files):
        number, inner = divmod(index, IN_FOLDER)
        place = folder / f"f{number:04d}"
        if inner == 0:
            place.mkdir(parents=True)
        (place / f"{inner:03d}.{kind}").write_text(content(index))


PLAIN = """
import hashlib, os, sys
for parent, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(parent, name), "rb") as file:
            hashlib.sha256(file.read()).digest()
"""


def measured(command: Sequence[str], cwd: Path, *, allowed: int = 0) -> tuple[Cost, str]:
    """Run a command to its end: what it took, and what it printed.

    Raises:
        RuntimeError: It ended with another exit code than allowed.
    """
    environment = {**os.environ, "POISONGUARD_PASSPHRASE": "a passphrase for the benchmark"}
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    output = process.stdout.read().decode() if process.stdout is not None else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, allowed}:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output}")
    return Cost(seconds, usage.ru_maxrss / 1024), output


def poisonguard(cwd: Path, *arguments: str, allowed: int = 0) -> tuple[Cost, str]:
    """Run the command line."""
    return measured([sys.executable, "-m", "poisonguard", *arguments], cwd, allowed=allowed)


def make_workspace(folder: Path) -> None:
    """A trust root with a publisher and a steward."""
    people = {"root": "root", "pub": "publisher", "ann": "steward"}
    for name in people:
        poisonguard(folder, "keys", "new", f"{name}.key")
    persons = [text for name in people for text in ("--person", f"{name}={name}.key.pub")]
    roles = [text for name, role in people.items() for text in ("--role", f"{role}={name}")]
    scanner = ["--role", "scanner=pub"]
    poisonguard(folder, "trust", "init", "--key", "root.key", *persons, *roles, *scanner)


def gate(folder: Path, *more: str) -> Cost:
    """The gate, which must find nothing wrong with the bytes.

    Raises:
        RuntimeError: It does.
    """
    cost, output = poisonguard(folder, "gate", "data", *more, allowed=5)
    if "bytes-differ" in output or "listing-altered" in output or "approvals-missing" not in output:
        raise RuntimeError(output)
    return cost


def measure(folder: Path, files: int, kind: str) -> Iterator[tuple[str, Cost]]:
    """What each command takes."""
    make_tree(folder / "data", files, kind)
    make_workspace(folder)
    yield "plain", measured([sys.executable, "-c", PLAIN, "data"], folder)[0]
    yield "sign", poisonguard(folder, "sign", "data", "--key", "pub.key")[0]
    yield "gate", gate(folder)
    yield "export", poisonguard(folder, "bundle", "export", "data@1", "-o", "data.pgbundle")[0]
    yield "gate --bundle", gate(folder, "--bundle", "data.pgbundle")
    proof = ("bundle", "prove-file", "data@1", f"f0000/000.{kind}", "-o", "file.proof")
    yield "prove-file", poisonguard(folder, *proof)[0]
    yield "diff", poisonguard(folder, "diff", "data@1", "data@1")[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--kind", choices=sorted(CONTENT), default="bin")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    print(f"{'files':>9}  {'command':<14}{'seconds':>9}{'files/s':>10}{'peak MiB':>10}{'x plain':>9}")
    base = 1.0
    for files in arguments.files:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            for name, cost in measure(Path(folder), files, arguments.kind):
                base = cost.seconds if name == "plain" else base
                rate = f"{files / cost.seconds:,.0f}"
                print(
                    f"{files:>9}  {name:<14}{cost.seconds:>9.2f}{rate:>10}{cost.megabytes:>10.0f}"
                    f"{cost.seconds / base:>9.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
