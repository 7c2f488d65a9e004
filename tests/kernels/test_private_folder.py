"""Folders with rows in them do not outlive their process, however it ends, and nobody removes one in use."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from poisonguard.kernels.private_folder import FORGOTTEN, LOCK, NEW, PREFIX, PrivateFolder

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


DIES_IN_CLOSE = """
import os, sys
from pathlib import Path
from poisonguard.kernels.private_folder import PrivateFolder
made = PrivateFolder(Path(sys.argv[1]))
for number in range(8):
    (made.path / f"{number}.arrow").write_text("private")
removed, unlink = 0, os.unlink
def dying(*given, **named):
    global removed
    if removed == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    removed += 1
    unlink(*given, **named)
os.unlink = dying
made.close()
"""


@pytest.mark.parametrize("removed", [0, 1, 4, 7])
def test_a_folder_whose_removal_was_cut_short_is_removed_by_the_next(tmp_path: Path, removed: int) -> None:
    ended = subprocess.run([sys.executable, "-c", DIES_IN_CLOSE, str(tmp_path), str(removed)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / LOCK).exists()
    PrivateFolder(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_goes_last_whatever_order_files_are_listed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = PrivateFolder(tmp_path)
    (made.path / "folder").mkdir()
    (made.path / "folder" / "rows").write_text("private")
    (made.path / "link").symlink_to(tmp_path)
    gone: list[str] = []

    def noted(remove: Callable[..., None]) -> Callable[..., None]:
        def removing(path: Path, **how: bool) -> None:
            gone.append(path.name)
            remove(path, **how)

        return removing

    monkeypatch.setattr(Path, "unlink", noted(Path.unlink))
    monkeypatch.setattr(Path, "rmdir", noted(Path.rmdir))
    monkeypatch.setattr(shutil, "rmtree", noted(shutil.rmtree))
    made.close()
    assert sorted(gone[:-2]) == ["folder", "link"]
    assert gone[-2:] == [LOCK, made.path.name]
    assert list(tmp_path.iterdir()) == []


def aged(path: Path, seconds: int) -> None:
    """Make it look as if nothing changed there for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.mark.parametrize(("age", "stays"), [(FORGOTTEN - 60, True), (FORGOTTEN + 60, False)])
def test_one_that_never_got_its_name_is_removed_a_day_later(tmp_path: Path, age: int, stays: bool) -> None:  # noqa: FBT001 - a parameter of the test
    left = tmp_path / f"{NEW}abc"
    left.mkdir()
    (left / LOCK).touch()
    aged(left, age)
    PrivateFolder(tmp_path).close()
    assert left.exists() is stays


@pytest.mark.parametrize(("age", "stays"), [(FORGOTTEN - 60, True), (FORGOTTEN + 60, False)])
def test_what_another_machine_locked_is_removed_a_day_later(tmp_path: Path, age: int, stays: bool) -> None:  # noqa: FBT001 - a parameter of the test
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    (theirs / LOCK).write_text("another start of another machine")
    aged(theirs, age)
    PrivateFolder(tmp_path).close()
    assert theirs.exists() is stays


def test_an_old_folder_in_use_stays(tmp_path: Path) -> None:
    with PrivateFolder(tmp_path) as made:
        aged(made.path, 3 * FORGOTTEN)
        PrivateFolder(tmp_path).close()
        assert made.path.exists()
