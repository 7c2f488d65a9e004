"""Data that were signed with OpenSSF Model Signing, and everything that may be done to them in between."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oms_place import FILES, add_hidden, append, flip, made_place, problems, rename, signed, truncate, verify
from oms_world import write_tree

from poisonguard.dataset.storage import LocalHandle, LocalStorage
from poisonguard.errors import UnreadableData
from poisonguard.workflow import oms_files


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return made_place(tmp_path, monkeypatch)


def _swap(root: Path) -> None:
    """Relabelled files: the same digests, so the same OMS root digest would come out if names were not compared."""
    (root / "data.csv").rename(root / "tmp")
    (root / ".hidden").rename(root / "data.csv")
    (root / "tmp").rename(root / ".hidden")


def _normalise(root: Path) -> None:
    (root / "sub" / "deep" / "\u00e4 b.txt").rename(root / "sub" / "deep" / "a\u0308 b.txt")


def _fold(root: Path) -> None:
    (root / "data.csv").rename(root / "DATA.csv")


def _add_empty(root: Path) -> None:
    (root / "sub" / "added").touch()


def _add_git(root: Path) -> None:
    write_tree(root, {".git/hooks/run": b"x"})


def _add_git_ignore(root: Path) -> None:
    (root / ".gitignore").write_bytes(b"x")


def _remove(root: Path) -> None:
    (root / "empty").unlink()


def _link_file(root: Path) -> None:
    shutil.copy(root / "data.csv", root.parent / "copy")
    (root / "data.csv").unlink()
    (root / "data.csv").symlink_to(root.parent / "copy")


def _link_folder(root: Path) -> None:
    shutil.move(root / "sub", root.parent / "sub")
    (root / "sub").symlink_to(root.parent / "sub")


def _link_dangling(root: Path) -> None:
    (root / "dangling").symlink_to("nowhere")


def _fifo(root: Path) -> None:
    os.mkfifo(root / "fifo")


def _to_folder(root: Path) -> None:
    (root / "empty").unlink()
    write_tree(root, {"empty/inside": b""})


def _empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


TAMPERINGS: dict[Callable[[Path], None], set[str]] = {
    flip: {"data.csv"},
    append: {".hidden"},
    truncate: {".hidden"},
    _swap: {"data.csv", ".hidden"},
    rename: {".hidden", ".hidden2"},
    _normalise: {"sub/deep/\u00e4 b.txt", "sub/deep/a\u0308 b.txt"},
    _fold: {"data.csv", "DATA.csv"},
    _add_empty: {"sub/added"},
    add_hidden: {".added"},
    _add_git: {".git/hooks/run"},
    _add_git_ignore: {".gitignore"},
    _remove: {"empty"},
    _link_file: {"data"},
    _link_folder: {"data"},
    _link_dangling: {"data"},
    _fifo: {"data"},
    _to_folder: {"empty", "empty/inside"},
    _empty: {"data", *FILES},
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__.strip("_"))
def test_every_change_of_the_data_is_refused_and_named(place: Path, tamper: Callable[[Path], None]) -> None:
    path = signed(place)
    assert verify(path).passed
    tamper(place / "data")
    answer = verify(path)
    assert (answer.passed, answer.exit_code) == (False, 6)
    assert set(problems(answer)) == TAMPERINGS[tamper]
    assert [item.path for item in answer.mismatches] == sorted(problems(answer))


def test_a_file_that_changes_while_it_is_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        found = honest(*arguments)
        os.utime(place / "data" / "data.csv", ns=(0, 0))
        return found

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path)) == {"data.csv": "changed while the data were verified"}


def test_a_file_that_comes_while_others_are_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        (place / "data" / "late").touch()
        return honest(*arguments)

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path)) == {"late": "changed while the data were verified"}


def test_data_that_vanish_while_they_are_read_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        shutil.rmtree(place / "data", ignore_errors=True)
        return honest(*arguments)

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path))["data"] == "data: no such file or directory"


def test_a_read_that_comes_back_short_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    monkeypatch.setattr(LocalHandle, "read_into", lambda *_: 0)
    assert problems(verify(path)) == dict.fromkeys(
        set(FILES) - {"empty"}, "changed: the bytes differ from what was signed"
    )


def test_a_file_that_cannot_be_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object, path: str) -> None:
        raise UnreadableData(f"{path}: Permission denied")

    path = signed(place)
    monkeypatch.setattr(LocalStorage, "open", refused)
    assert problems(verify(path)) == {name: f"{name}: Permission denied" for name in FILES}
