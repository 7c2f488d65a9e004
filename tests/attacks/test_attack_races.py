"""Data that change while the gate reads them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from evidence_fixtures import Captured, codes, gate
from evidence_project import Project

from poisonguard.dataset.storage import LocalHandle, LocalStorage

# While the gate reads


@pytest.fixture
def big(project: Project) -> Project:
    """Approved data whose second file is read in more than one piece."""
    project.write("b.csv", "id,label\n" + "3,pos\n" * 900_000)
    project.publish()
    project.approve("ann")
    return project


def replace(path: Path, content: bytes) -> None:
    """Another file under the same name, in one step."""
    aside = path.with_name("aside")
    aside.write_bytes(content)
    aside.rename(path)


def flip(path: Path, place: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte[0] ^ 1]))


def link(data: Path) -> None:
    (data / "a.csv").rename(data.parent / "aside")
    (data / "a.csv").symlink_to(data.parent / "aside")


def pipe(data: Path) -> None:
    (data / "a.csv").unlink()
    os.mkfifo(data / "a.csv")


def folder(data: Path) -> None:
    (data / "d").mkdir()
    (data / "d" / "x").touch()


WHILE: dict[str, Callable[[Path], None]] = {
    "another file of the same size": lambda data: replace(data / "a.csv", b"id,label\n1,neg\n2,pos\n"),
    "a file of another size": lambda data: replace(data / "a.csv", b"id,label\n"),
    "a byte in place": lambda data: flip(data / "a.csv", 12),
    "a file added": lambda data: (data / "c.csv").touch(),
    "a file removed": lambda data: (data / "a.csv").unlink(),
    "a folder added": folder,
    "a link in place of the file": link,
    "a pipe in place of the file": pipe,
}


MOMENTS = ("before it is opened", "after it is opened", "after it is read", "after everything is read")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", WHILE)
def test_data_that_change_while_they_are_verified_are_refused(
    approved: Project, monkeypatch: pytest.MonkeyPatch, what: str, moment: str
) -> None:
    """Hash, then use: between the two nobody may slip in another file, not even one of the same size."""
    strike = once(lambda: WHILE[what](approved.data))
    opening, reading, stamping = LocalStorage.open, LocalHandle.read_into, LocalHandle.stamp

    def opened(storage: LocalStorage, path: str) -> LocalHandle:
        if path == "a.csv" and moment == MOMENTS[0]:
            strike()
        handle = opening(storage, path)
        if path == "a.csv" and moment == MOMENTS[1]:
            strike()
        if path == "b.csv" and moment == MOMENTS[3]:
            handle.strikes = True  # type: ignore[attr-defined]  # told to the stamp, after the last read
        return handle

    def read(handle: LocalHandle, offset: int, buffer: memoryview) -> int:
        count = reading(handle, offset, buffer)
        if handle._path == "a.csv" and moment == MOMENTS[2]:
            strike()
        handle.was_read = True  # type: ignore[attr-defined]  # told to the stamp
        return count

    def stamp(handle: LocalHandle) -> tuple[object, ...]:
        found = stamping(handle)
        if getattr(handle, "strikes", False) and getattr(handle, "was_read", False):
            strike()
        return found

    monkeypatch.setattr(LocalStorage, "open", opened)
    monkeypatch.setattr(LocalHandle, "read_into", read)
    monkeypatch.setattr(LocalHandle, "stamp", stamp)
    assert gate("reviews", "--version", "reviews@1", "--workers", "1") == 6
    assert strike.done


class once:  # noqa: N801 - reads as a verb
    """Does something the first time only."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.done = False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self._act()


def test_a_chunk_that_changes_behind_the_one_being_read_is_refused(
    big: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    strike = once(lambda: flip(big.data / "b.csv", 11))
    reading = LocalHandle.read_into

    def read(handle: LocalHandle, offset: int, buffer: memoryview) -> int:
        count = reading(handle, offset, buffer)
        if offset and handle._path == "b.csv":
            strike()
        return count

    monkeypatch.setattr(LocalHandle, "read_into", read)
    assert codes(capsys, "reviews", "--workers", "1") == ["bytes-differ"]
    assert strike.done
