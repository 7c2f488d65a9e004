"""A Ray that was started for a scan ends with it, also when the scan is asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENDLESS = """
import sys, time
from poisonguard.cli import main
from poisonguard.workflow import scan

def endless(*arguments):
    print("judging", flush=True)
    time.sleep(600)

scan.judge = endless
sys.argv = ["poisonguard", "scan", "data.csv", "-q", "--no-cache", "--engine", "ray", "--workers", "1"]
main.main()
"""


def test_sigterm_ends_the_ray_that_was_started(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n" + "1,2\n" * 20)
    with (
        tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as temporary,  # Ray's sockets need short paths
        subprocess.Popen(
            [sys.executable, "-c", ENDLESS],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"judging\n"
        assert list(Path(temporary).glob("pg-ray-*"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 4
        # What Ray's own processes write while they end goes with them.
        for _ in range(50):
            if not list(Path(temporary).glob("p*")):
                break
            time.sleep(0.1)
        assert not list(Path(temporary).glob("p*"))
