"""Stores and systems that work against the gate."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from data_attacks import ATTACKS
from evidence_fixtures import Captured, gate, is_clean
from evidence_project import Project

# A store that changes its mind


@pytest.fixture
def store(approved: Project) -> Iterator[Callable[[], dict[str, bytes]]]:
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in approved.data.iterdir():
        memory.pipe(f"/attacked/{path.name}", path.read_bytes())
    yield memory
    memory.rm("/attacked", recursive=True)


def remote(approved: Project) -> int:
    return gate("memory://attacked", "--name", "reviews", "--version", "reviews@1", "--workers", "1")


def test_objects_of_a_store_are_verified_like_files(approved: Project, store: object) -> None:
    assert remote(approved) == 0


@pytest.mark.parametrize(
    "name", ["c.csv", ".hidden", ".git/x", ".poisonguard/x", "empty", "A.csv", "a\x1b.csv", "../up.csv"]
)
def test_objects_added_to_a_store_are_refused(approved: Project, store: object, name: str, capsys: Captured) -> None:
    store.pipe(f"/attacked/{name}", b"")  # type: ignore[attr-defined]  # an fsspec file system
    assert remote(approved) == 6
    assert is_clean(capsys.readouterr().out)


HOSTILE_ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda data: b"x" * len(data),
    "fewer bytes": lambda data: data[:-1],
    "more bytes than asked for": lambda data: data + b"more",
    "no bytes": lambda _: b"",
}


@pytest.mark.parametrize("how", HOSTILE_ANSWERS)
def test_a_store_that_answers_with_something_else_is_refused(
    approved: Project, store: object, how: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    asking = type(store).cat_file  # type: ignore[attr-defined]  # an fsspec file system
    monkeypatch.setattr(type(store), "cat_file", lambda *a, **k: HOSTILE_ANSWERS[how](asking(*a, **k)))
    assert remote(approved) == 6
    assert "bug" not in capsys.readouterr().err


@pytest.mark.parametrize("when", [1, 2])
def test_an_object_that_changes_between_two_reads_is_refused(
    approved: Project, store: object, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = type(store).cat_file, []  # type: ignore[attr-defined]  # an fsspec file system

    def answer(self: object, path: str, **more: object) -> bytes:
        data: bytes = asking(self, path, **more)
        asked.append(path)
        if len(asked) == when:
            store.pipe("/attacked/a.csv", b"id,label\n1,neg\n2,pos\n")  # type: ignore[attr-defined]  # of fsspec
        return data

    monkeypatch.setattr(type(store), "cat_file", answer)
    assert remote(approved) == 6


def test_a_store_that_raises_anything_is_one_clear_line(
    approved: Project, store: object, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def answer(*_: object, **__: object) -> bytes:
        raise RuntimeError("\x1b[2Jboom\nTraceback")

    monkeypatch.setattr(type(store), "cat_file", answer)
    assert remote(approved) == 6
    captured = capsys.readouterr()
    assert is_clean(captured.out + captured.err)
    assert "boom" in captured.out


# Permissions and system calls

GATE = [sys.executable, "-m", "poisonguard", "gate", "reviews", "--version", "reviews@1"]


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, if these tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("locked", ["a.csv", "more"])
def test_what_may_not_be_read_is_no_pass(
    approved: Project, locked: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert gate("reviews") == 0  # everything that is needed is loaded
    (approved.data / "more").mkdir()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(approved.folder, Path(folder) / "project"))
        for path in (Path(folder), place, *place.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        (place / "reviews" / locked).chmod(0)
        monkeypatch.chdir(place)
        capsys.readouterr()
        with nobody():
            code = gate("reviews", "--version", "reviews@1")
        monkeypatch.chdir(approved.folder)
    captured = capsys.readouterr()
    assert code == 6, captured
    assert f"{locked.removesuffix('/')}" in captured.out.partition("Permission denied")[0].splitlines()[-1]
    assert "bug" not in captured.err


OUTSIDE = {
    name: ATTACKS[name]
    for name in (
        "a_link_out_of_the_data",
        "a_linked_folder_with_more_files",
        "a_file_replaced_by_a_link_to_its_content",
        "the_data_replaced_by_a_link_to_the_same_files",
        "a_loop_of_folders",
        "a_pipe_added",
    )
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_the_data_is_opened(approved: Project, name: str) -> None:
    OUTSIDE[name](approved.data)
    log = approved.folder / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(log), *GATE]
    done = subprocess.run(command, cwd=approved.folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 6, done.stderr
    opened = log.read_text()
    assert "registry.db" in opened
    for target in ("/etc/passwd", "elsewhere", "aside", "loop", "pipe"):
        assert not [line for line in opened.splitlines() if f"{target}" in line and "ENOENT" not in line]
