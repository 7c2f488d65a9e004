"""Spilled records come back as they went in, however few are held in memory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opened_files import opened_below

from poisonguard.dataset import spill
from poisonguard.dataset.spill import BLOCK, Spill
from poisonguard.errors import UsageError

RECORDS = st.lists(st.tuples(st.text(), st.integers(0, 2**60), st.binary(max_size=40)), max_size=40)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "BLOCK", 3)


@pytest.mark.usefixtures("small_blocks")
@given(records=RECORDS)
def test_records_come_back(records: list[tuple[str, int, bytes]]) -> None:
    held = Spill()
    for record in records:
        held.append(record)
    assert len(held) == len(records)
    assert list(held) == list(held) == records
    assert [held[index] for index in range(-len(records), len(records))] == records + records
    for outside in (len(records), -len(records) - 1):
        with pytest.raises(IndexError):
            held[outside]


@pytest.mark.usefixtures("small_blocks")
def test_short_runs_one_after_the_other_read_each_block_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Spill()
    for index in range(9):
        held.append((index,))
    read = list[int]()
    from_disk = Spill._read

    def counted(self: Spill, number: int) -> list[tuple[object, ...]]:
        read.append(number)
        return from_disk(self, number)

    monkeypatch.setattr(Spill, "_read", counted)
    assert [list(held.between(index, index + 1)) for index in range(9)] == [[(index,)] for index in range(9)]
    assert read == [0, 1, 2]


def test_few_records_touch_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    held = Spill()
    for index in range(BLOCK - 1):
        held.append((index,))
    assert held[5] == (5,)


@pytest.mark.usefixtures("small_blocks")
def test_the_file_has_no_name_and_goes_with_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = Spill()
    for index in range(10):
        held.append((index,))
    assert not list(tmp_path.iterdir())
    assert len(opened_below(tmp_path)) == 1
    del held
    assert not opened_below(tmp_path)


@pytest.mark.usefixtures("small_blocks")
def test_a_full_disk_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spill, "write_all", full)
    held = Spill()
    held.append((1,))
    held.append((2,))
    with pytest.raises(UsageError, match="No space left") as caught:
        held.append((3,))
    assert caught.value.hint
