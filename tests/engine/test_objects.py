"""What a worker that was killed had on its own disk of a store at a URL is removed by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poisonguard.engine.objects import RemoteObjects

DIES = """
import os, sys
from poisonguard.engine.objects import RemoteObjects
with RemoteObjects(sys.argv[1]).writing("unit") as path:
    path.write_text("rows")
    os.kill(os.getpid(), 9)
"""


def test_rows_of_a_killed_worker_do_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, own = tmp_path / "store", tmp_path / "own"
    store.mkdir()
    own.mkdir()
    environment = os.environ | {"TMPDIR": str(own)}
    ended = subprocess.run([sys.executable, "-c", DIES, f"file://{store}"], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(own.rglob("object"))
    monkeypatch.setattr("tempfile.tempdir", str(own))
    objects = RemoteObjects(f"file://{store}")
    with objects.writing("unit") as path:
        path.write_text("others")
    found = objects.get("unit")
    assert found is not None
    assert found.to_pybytes() == b"others"
    assert list(own.iterdir()) == []
