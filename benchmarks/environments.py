"""Environments of the peers: one each, made on first use from its pinned requirements, kept in the cache.

Peers do not get along with each other, nor with us. ``benchmarks/peers/requirements/NAME.txt`` says what one needs;
its digest names the folder, so that a figure names what it was measured with. Where an environment cannot be made (no
registry, no wheel for this Python) the reason takes the place of the figure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
REQUIREMENTS = PEERS / "requirements"
CACHE = "POISONGUARD_BENCHMARK_CACHE"
LINE = 200
"""Characters of a reason."""


class PeerMissing(Exception):
    """A peer's environment cannot be made here; the text says why."""


def pinned(name: str) -> list[str]:
    """What the environment holds, with versions."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def python_of(name: str) -> Path:
    """The Python of a peer's environment, which is made when it is not there.

    Raises:
        PeerMissing: It cannot be made.
    """
    folder = place_of(name)
    if not (folder / "ready").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"(installing {name}: {', '.join(pinned(name))})", file=sys.stderr, flush=True)
        for command in commands(folder, REQUIREMENTS / f"{name}.txt"):
            _run(command, name)
        (folder / "ready").touch()
    return folder / "bin" / "python"


def place_of(name: str) -> Path:
    """The environment's folder."""
    named = os.environ.get(CACHE)
    cache = Path(named) if named else Path.home() / ".cache" / "poisonguard-benchmark"
    requirements = (REQUIREMENTS / f"{name}.txt").read_bytes()
    return cache / "peers" / f"{name}-{hashlib.sha256(requirements).hexdigest()[:8]}"


def commands(folder: Path, requirements: Path) -> list[list[str]]:
    """What makes an environment: ``uv`` where it is installed, for it is quicker, else ``venv`` and ``pip``."""
    python = str(folder / "bin" / "python")
    if shutil.which("uv"):
        make = ["uv", "venv", "--quiet", "--python", sys.executable, str(folder)]
        return [make, ["uv", "pip", "install", "--quiet", "--python", python, "--requirement", str(requirements)]]
    make = [sys.executable, "-m", "venv", str(folder)]
    return [make, [python, "-m", "pip", "install", "--quiet", "--requirement", str(requirements)]]


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - venv, pip or uv
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = next((line for line in said if "rror" in line), said[-1] if said else "no reason given")
        raise PeerMissing(f"{name} cannot be installed here: {why[:LINE]}")
