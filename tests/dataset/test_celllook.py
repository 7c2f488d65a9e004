"""The bytes of a cell: pickles and programs are told, digests and packed numbers are not."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import numpy as np
import pytest

from poisonguard.dataset.celllook import look_in_cell
from poisonguard.dataset.filelook import look_inside
from poisonguard.domain.filefact import FileKind
from poisonguard.redteam.inert_pickles import inert_pickle
from poisonguard.redteam.png import encode

ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
WINDOWS = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(20)


def zipped(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, "x")
    return held.getvalue()


def kind_of(data: bytes) -> FileKind | None:
    told = look_in_cell(data)
    return None if told is None else told[0]


@pytest.mark.parametrize("seed", range(40))
def test_every_way_to_write_an_exploit_is_told(seed: int) -> None:
    written = inert_pickle(np.random.default_rng(seed))
    cells = (written, written + b"behind", gzip.compress(written), bz2.compress(written), lzma.compress(written))
    assert {kind_of(cell) for cell in cells} == {FileKind.CODE_PICKLE}


CELLS = (
    (pickle.dumps([1, 2]), FileKind.DATA_PICKLE),
    (ELF, FileKind.EXECUTABLE),
    (WINDOWS, FileKind.EXECUTABLE),
    (b"#!/bin/sh\necho 1\n", FileKind.SCRIPT),
    (zipped("../outside"), FileKind.ESCAPE),
    (zipped("inside"), None),
    (b"MZ" + bytes(200), None),
    (b"", None),
    (b"N.", None),
    (b"plain words", None),
    (gzip.compress(b"plain words"), None),
    (b"\x1f\x8b\x08" + bytes(30), None),
    (pickle.dumps([1, 2])[:-1], None),
)


@pytest.mark.parametrize("place", range(len(CELLS)))
def test_what_cells_hold(place: int) -> None:
    cell, kind = CELLS[place]
    assert kind_of(cell) == kind


def test_a_picture_with_an_archive_behind_its_end() -> None:
    picture = encode(np.zeros((4, 4, 3), np.uint8))
    assert kind_of(picture) is None
    assert kind_of(picture + zipped("run.sh")) is FileKind.POLYGLOT


def test_few_bytes_that_stand_for_many_cost_little() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x.gz", gzip.compress(bytes(64 << 20)))
        archive.writestr("late", inert_pickle(np.random.default_rng(0)))
    most = look_inside(held.getvalue(), held.getvalue(), 1 << 20)
    assert {kind for kind, _ in most} == {FileKind.UNFINISHED}
    assert FileKind.CODE_PICKLE in [kind for kind, _ in look_inside(held.getvalue(), held.getvalue(), 1 << 30)]


@pytest.mark.parametrize("size", [2, 3, 8, 16, 32, 100])
def test_digests_and_packed_numbers_are_data(size: int) -> None:
    rng = np.random.default_rng(size)
    cells = [row.tobytes() for row in rng.integers(0, 256, (5000, size), dtype=np.uint8)]
    cells += [row.tobytes() for row in rng.standard_normal((1000, size)).astype(np.float32)]
    assert [cell for cell in cells if look_in_cell(cell) is not None] == []
