"""Data without rows: what the error tells of them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.datafiles import DataFile, DataFiles
from poisonguard.dataset.emptiness import tableless
from poisonguard.dataset.opening import open_dataset
from poisonguard.domain.filefact import FileFact, FileKind
from poisonguard.errors import NothingToScan


def error_of(root: Path) -> NothingToScan:
    with open_dataset(str(root)) as dataset, pytest.raises(NothingToScan) as caught:
        dataset.peek()
    return caught.value


def test_pickles_without_a_table_are_named_with_what_they_import(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"model-{number}.bin").write_bytes(pickle.dumps(os.system))
    (tmp_path / "run.sh").write_text("#!/bin/sh\nrm -rf /\n")
    error = error_of(tmp_path)
    assert "no table to scan in 4 files (pickle, text/plain)" in error.message
    assert "pickles that import more than data need: 3, such as model-0.bin (imports posix.system)" in error.message
    assert "scripts: 1, such as run.sh (a shell script)" in error.message
    assert "\n" not in error.message


def test_innocent_files_are_only_counted(tmp_path: Path) -> None:
    (tmp_path / "read.me").write_text("words")
    assert error_of(tmp_path).message.endswith("read.me: no table to scan (text/plain)")


@given(
    kinds=st.lists(st.sampled_from(list(FileKind)), max_size=12), name=st.text("a /\n\x1bä日", min_size=1, max_size=300)
)
def test_the_gravest_come_first_on_one_bounded_line(kinds: list[FileKind], name: str) -> None:
    files = DataFiles()
    facts = [FileFact(name, kind, name) for kind in kinds]
    files.append(DataFile("a", 1, "", "", "pickle", b""), facts)
    files.append(DataFile("b", 1, "", "", "pickle", b""))
    message = tableless("data", files).message
    told = [kind for kind in FileKind if f"; {kind.value}: " in message]
    assert told == [kind for kind in FileKind if kind in kinds][:3]
    assert message.isprintable()
    assert len(message) < 2_000
