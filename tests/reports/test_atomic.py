"""A file is there in full or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from poisonguard.errors import UsageError
from poisonguard.reports.atomic import atomic_file, write_text


def test_the_text_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.md", "grün\n")
    assert [item.name for item in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == "grün\n"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as file:
        _write_half(file)
    assert [item.name for item in tmp_path.iterdir()] == ["a.md"]
    assert path.read_text(encoding="utf-8") == "old"


def _write_half(file: BinaryIO) -> None:
    file.write(b"half")
    raise KeyboardInterrupt


def test_errors_of_the_work_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="data"), atomic_file(tmp_path / "a.md"):
        raise FileNotFoundError("data")


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot write .*a\.md: No space left on device"):
        write_text(tmp_path / "a.md", "x")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        write_text(tmp_path, "x")
    with pytest.raises(UsageError, match=r"cannot write .*: No such file or directory"):
        write_text(tmp_path / "missing" / "a.md", "x")


def test_the_file_has_ordinary_permissions(tmp_path: Path) -> None:
    write_text(tmp_path / "a.md", "x")
    (tmp_path / "b").write_text("x", encoding="utf-8")
    assert (tmp_path / "a.md").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "report")
    assert os.read(reader, 100) == b"report"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
