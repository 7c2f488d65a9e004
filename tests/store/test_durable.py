"""Files that appear whole or not at all; tests/crash cuts the power between any two system calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from poisonguard.errors import UsageError
from poisonguard.store import durable
from poisonguard.store.durable import write_durably


def names(folder: Path) -> list[str]:
    """Hidden ones too."""
    return sorted(os.listdir(folder))  # noqa: PTH208 # see above


def test_a_file_is_written_whole_or_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.json"
    write_durably(path, b"whole")
    assert path.read_bytes() == b"whole"
    write_durably(path, (part for part in (b"in ", b"parts")))
    assert path.read_bytes() == b"in parts"
    assert names(path.parent) == ["state.json"]


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["state.json"]


def test_parts_that_end_in_an_error_leave_the_old_file(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("the rest is missing")

    path = tmp_path / "bundle"
    write_durably(path, b"old")
    with pytest.raises(ValueError, match="the rest"):
        write_durably(path, parts())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["bundle"]


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UsageError, match="is a device or a pipe"):
            write_durably(tmp_path / name, b"new")
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["link", "pipe"]


def test_a_link_among_the_devices_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as /dev/stdout when it leads to a file; the machine's own is not tried."""
    monkeypatch.setattr(durable, "DEVICES", tmp_path)
    (tmp_path / "stdout").symlink_to("file")
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(UsageError, match="is a device or a pipe"):
        write_durably(tmp_path / "stdout", b"new")
    assert (tmp_path / "stdout").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"old"


def test_the_mode_asked_for_is_the_mode_given(tmp_path: Path) -> None:
    write_durably(tmp_path / "log.key", b"secret", mode=0o600)
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/state\.json cannot be written"):
        write_durably(tmp_path / "file" / "state.json", b"x")


def test_the_order_is_write_sync_rename_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        calls.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")  # noqa: PTH112 - no path: a descriptor
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        calls.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_durably(tmp_path / "state.json", b"x")
    assert calls == ["sync file", "rename", "sync folder", "sync folder"]
