"""Folders with rows in them do not outlive their process, however it ends, and nobody removes one in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poisonguard.kernels.private_folder import PREFIX, PrivateFolder

HOLDS = """
import sys, time
from pathlib import Path
from poisonguard.kernels.private_folder import PrivateFolder
made = PrivateFolder(Path(sys.argv[1]))
(made.path / "rows").write_text("private")
print(made.path, flush=True)
time.sleep(60)
"""


def test_it_is_its_owners_alone_and_vanishes_when_it_is_closed(tmp_path: Path) -> None:
    with PrivateFolder(tmp_path) as made:
        assert made.path.name.startswith(PREFIX)
        assert made.path.stat().st_mode & 0o777 == 0o700
        (made.path / "inner").mkdir()
    assert list(tmp_path.iterdir()) == []
    made.close()


def test_what_a_killed_process_left_behind_is_removed_by_the_next_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    left = Path(other.stdout.readline().strip())
    with other, PrivateFolder(tmp_path) as one, PrivateFolder(tmp_path) as two:
        assert (left / "rows").exists()
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert left.exists()
        with PrivateFolder(tmp_path):
            assert not left.exists()
            assert one.path.exists()
            assert two.path.exists()


def test_other_folders_of_that_name_stay(tmp_path: Path) -> None:
    (tmp_path / "poisonguard-notes").mkdir()
    (tmp_path / "poisonguard-link").symlink_to(tmp_path / "poisonguard-notes")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".in-use").touch()
    (tmp_path / "poisonguard-aim").symlink_to(outside)
    held = tmp_path / "poisonguard-held"
    held.mkdir()
    (held / ".in-use").symlink_to(outside / ".in-use")
    with PrivateFolder(tmp_path):
        pass
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"poisonguard-notes", "poisonguard-link", "poisonguard-aim", "poisonguard-held", "outside"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_folders_of_other_users_stay(tmp_path: Path) -> None:
    theirs = tmp_path / "poisonguard-theirs"
    theirs.mkdir()
    (theirs / ".in-use").touch()
    os.chown(theirs, 65534, 65534)
    with PrivateFolder(tmp_path):
        assert theirs.exists()
