"""Which files are taken for the key of a work store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.work_keys import LONGEST_KEY, given_key

CONTENT = bytes(range(1, 33))


def key(path: Path, mode: int = 0o600, content: bytes = CONTENT) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_who_owns_it_and_its_group_may_read_it(tmp_path: Path, mode: int) -> None:
    assert given_key(key(tmp_path / "key", mode)) == given_key(key(tmp_path / "same"))


@pytest.mark.parametrize(
    ("mode", "said"),
    [(0o644, "read by everybody"), (0o604, "read by everybody"), (0o660, "changed"), (0o602, "changed")],
)
def test_a_key_that_others_reach_is_refused(tmp_path: Path, mode: int, said: str) -> None:
    with pytest.raises(KeyMaterialError, match=said) as caught:
        given_key(key(tmp_path / "key", mode))
    assert "chmod o-rwx,g-w" in caught.value.hint
    assert "defaultMode: 0440" in caught.value.hint


def test_a_secret_as_kubernetes_mounts_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    key(tmp_path / "..2026" / "work.key", 0o440)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "work.key").symlink_to("..data/work.key")
    assert given_key(str(tmp_path / "work.key")) == given_key(key(tmp_path / "same"))


def test_pipes_devices_and_folders_are_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (str(tmp_path / "pipe"), "/dev/zero", str(tmp_path)):
        with pytest.raises(KeyMaterialError, match="not a regular file"):
            given_key(path)


def test_a_key_has_some_length_and_an_end(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="longer than"):
        given_key(key(tmp_path / "long", content=bytes(LONGEST_KEY + 1)))
    with pytest.raises(KeyMaterialError, match="can be guessed"):
        given_key(key(tmp_path / "blank", content=b" " * 40))
    assert len(given_key(key(tmp_path / "longest", content=bytes([7]) * LONGEST_KEY))) == 32
