"""Runs the peers on the files of a case, in their own environment, which is made on first use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache as cached
from pathlib import Path
from typing import Any

import pyarrow.parquet

from benchmarks.detection.build import Files
from benchmarks.detection.cache import HERE, Cache, code_digest
from benchmarks.detection.measures import measure

PEERS = HERE / "peers"
REQUIREMENTS = PEERS / "requirements.txt"
NAME = "peers"
MOST_SECONDS = 1_800
MOST_CHARACTERS = 300
MOST_ROWS = 6_000
"""Larger cases take a peer minutes and say nothing that smaller ones do not."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
"""Threads of several libraries inside each other cost more than they bring on two processors."""


@cached
def version() -> str:
    """Digest of the peers' versions and of how they are called."""
    return code_digest([*PEERS.glob("*.py"), REQUIREMENTS])


def pinned() -> list[str]:
    """The peers and what they stand on, with versions."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def environment(cache: Cache) -> Path:
    """Python of the peers' environment."""
    folder = cache.folder("environments") / code_digest([REQUIREMENTS])
    if not (folder / "ready").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing the peers: {', '.join(pinned())}", file=sys.stderr)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "pip"), "install", "--quiet", "--requirement", str(REQUIREMENTS)])
        (folder / "ready").touch()
    return folder / "bin" / "python"


def score_case(files: Files, columns: dict[str, str], cache: Cache) -> dict[str, Any]:
    """Recall and precision of every peer that has something to say about this case, and what it flags by itself."""
    rows = files.truth().num_rows
    if rows > MOST_ROWS:
        return {"peers": {}, "peers left out": f"{rows} rows are more than {MOST_ROWS}"}
    output = files.folder / "peers.parquet"
    python = str(environment(cache))
    try:
        _run([python, str(PEERS / "score.py"), str(files.table), json.dumps(columns), str(output)])
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {"peers": {}, "peers failed": str(error)[-MOST_CHARACTERS:]}
    said: dict[str, dict[str, Any]] = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    counted = files.counted()
    poisoned = files.truth().column("poisoned").to_numpy()[counted]
    table, flags = pyarrow.parquet.read_table(output), pyarrow.parquet.read_table(output.with_suffix(".flags"))
    for name in table.column_names:
        ranking = measure(table.column(name).to_numpy().astype(float)[counted], poisoned)
        said[name] |= {"recall": ranking.recall, "precision": ranking.precision}
    for name in flags.column_names:
        said[name]["flagged_clean"] = float(flags.column(name).to_numpy()[counted][~poisoned].mean())
    return {"peers": said}


def _run(command: list[str]) -> None:
    environ = {**os.environ, **ONE_THREAD}
    done = subprocess.run(  # noqa: S603 - our own script and pip
        command, env=environ, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-MOST_CHARACTERS:]}")
