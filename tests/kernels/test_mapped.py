"""Letting go of mapped pages changes memory, never content."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels import mapped
from poisonguard.kernels.mapped import let_go, map_file, mapped_zeros, passing

ROWS = 4_000_000


def table(path: Path, chunks: int = 4) -> pa.Table:
    """A mapped Arrow file of ``ROWS`` numbers."""
    schema = pa.schema([("x", pa.int64())])
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_table(pa.table({"x": np.arange(ROWS)}, schema=schema), max_chunksize=ROWS // chunks)
    return pa.ipc.open_file(pa.py_buffer(map_file(path))).read_all()


def resident(path: Path) -> int:
    """Bytes of a mapped file that stand in the memory of this process."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    found = re.findall(rf" {re.escape(str(path))}\n(?:\w+: .*\n)*?Rss:\s+(\d+) kB", maps)
    assert found
    return sum(map(int, found)) * 1024


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's own account of memory")
def test_chunks_that_passed_are_no_longer_resident(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    column = table(path)["x"]
    assert sum(int(np.asarray(chunk).sum()) for chunk in column.chunks) == ROWS * (ROWS - 1) // 2
    assert resident(path) > 7 * ROWS
    assert sum(int(np.asarray(chunk).sum()) for chunk in passing(column.chunks)) == ROWS * (ROWS - 1) // 2
    assert resident(path) < ROWS


@given(st.integers(0, 50_000), st.integers(0, 50_000))
def test_what_was_written_is_still_there(tmp_path_factory: pytest.TempPathFactory, first: int, last: int) -> None:
    array = mapped_zeros(tmp_path_factory.mktemp("mapped") / "x.f32", np.float32, 50_000)
    assert not array.any()
    array[first:last] = 1.5
    let_go(array[first:last])
    let_go(array)
    assert array.sum() == 1.5 * max(0, last - first)


def test_other_memory_is_left_alone() -> None:
    numbers, values = np.ones(100_000), pa.array(np.ones(100_000))
    let_go(numbers)
    let_go(values)
    assert numbers.sum() == np.asarray(values).sum() == 100_000


def test_a_mapping_is_forgotten_with_its_last_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "_opened", [])  # those of other tests go when they are collected

    def held() -> int:
        return sum(mapping() is not None for _, mapping in mapped._opened)

    array = mapped_zeros(tmp_path / "x.i64", np.int64, 10)
    assert held() == 1
    del array
    assert held() == 0
    again = mapped_zeros(tmp_path / "y.i64", np.int64, 10)
    assert len(mapped._opened) == held()
    assert not again.any()


def test_each_address_is_found_in_its_own_mapping(tmp_path: Path) -> None:
    arrays = [mapped_zeros(tmp_path / f"{number}.i64", np.int64, 10_000) for number in range(20)]
    for number, array in enumerate(arrays):
        array[:] = number
        let_go(array[5_000:])
    del arrays[::3]
    kept = [number for number in range(20) if number % 3]
    for number, array in zip(kept, arrays, strict=True):
        let_go(array)
        assert (array == number).all()


def test_a_new_array_has_its_room_on_the_disk(tmp_path: Path) -> None:
    """A write through the mapping where there is none left would end the process."""
    array = mapped_zeros(tmp_path / "x.f32", np.float32, 100_000)
    assert (tmp_path / "x.f32").stat().st_blocks * 512 >= array.nbytes
    assert mapped_zeros(tmp_path / "none.f32", np.float32, 0).shape == (0,)


def test_no_room_is_an_error_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        mapped_zeros(tmp_path / "x.f32", np.float32, 10)


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_where_room_cannot_be_reserved_the_file_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refusing(number))
    assert mapped_zeros(tmp_path / "x.f32", np.float32, 10).tolist() == [0.0] * 10


def refusing(number: int) -> Callable[[int, int, int], None]:
    """What a file system answers."""

    def refuse(_file: int, _start: int, _size: int) -> None:
        raise OSError(number, os.strerror(number))

    return refuse
