"""A scan that is asked to end leaves nothing behind: Kubernetes and Airflow ask with SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ENDLESS = """
import sys, time
from poisonguard.cli import main
from poisonguard.workflow import scan

def endless(*arguments):
    print("judging", flush=True)
    time.sleep(600)

scan.judge = endless
sys.argv = ["poisonguard", "scan", "data.csv", "-q", "--no-cache"]
main.main()
"""


def test_an_ended_scan_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n" + "1,2\n" * 20)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"judging\n"
        assert list(temporary.glob("poisonguard-*"))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert b"interrupted" in errors
    assert not list(temporary.iterdir())
