"""Binary cells that hold more than data are findings with rows; by kind, whatever the cut of the blocks."""

import gzip
import pickle

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.unsafe_cells import CellKinds
from poisonguard.domain.finding import Level, Signal
from poisonguard.redteam.inert_pickles import inert_pickle
from poisonguard.sketches.base import Block

CARD = "PG-FILE-001"
ROWS = 60


def table(**cells: dict[int, bytes | None]) -> pa.Table:
    rng = np.random.default_rng(5)
    columns: dict[str, pa.Array] = {"number": pa.array(np.arange(ROWS))}
    for name, special in cells.items():
        plain: list[bytes | None] = [rng.bytes(16) for _ in range(ROWS)]
        for row, cell in special.items():
            plain[row] = cell
        columns[name] = pa.array(plain, pa.binary())
    return pa.table(columns)


@pytest.mark.parametrize("cuts", [(), (7, 30)])
def test_pickles_in_cells(cuts: tuple[int, ...]) -> None:
    code = inert_pickle(np.random.default_rng(1))
    held = table(payload={40: code, 12: gzip.compress(code), 3: None}, other={55: pickle.dumps({"a": 1})})
    grave, data = run_check(CARD, held, cuts=cuts).findings
    assert (grave.level, grave.signal, list(grave.rows)) == (Level.ERROR, Signal.INTEGRITY, [12, 40])
    assert "2 cells are among the pickles that import more than data need" in grave.message
    assert "in column payload (imports " in grave.message
    assert "the first row is 12" in grave.message
    assert (data.level, list(data.rows), data.column) == (Level.WARNING, [55], "other")


def test_the_gravest_cell_of_a_row_counts() -> None:
    code = inert_pickle(np.random.default_rng(2))
    held = table(one={9: pickle.dumps([1])}, two={9: code})
    (finding,) = run_check(CARD, held).findings
    assert (finding.level, list(finding.rows)) == (Level.ERROR, [9])


def test_bytes_that_are_data_are_quiet() -> None:
    assert run_check(CARD, table(digest={})).findings == ()


def test_an_approved_version_does_not_make_a_pickle_safe() -> None:
    held = table(payload={4: inert_pickle(np.random.default_rng(3))})
    (finding,) = run_check(CARD, held, held).findings
    assert list(finding.rows) == [4]


def test_pictures_are_looked_into() -> None:
    code = inert_pickle(np.random.default_rng(4))
    image = pa.array([{"bytes": code if row == 2 else b"x", "path": None} for row in range(5)])
    (finding,) = run_check(CARD, pa.table({"image": image, "label": ["a"] * 5})).findings
    assert (list(finding.rows), finding.column) == ([2], "image.bytes")


def test_names_that_are_no_text_do_not_break_it() -> None:
    named = b"\x80\x02X\x03\x00\x00\x00\xed\xa0\x80X\x06\x00\x00\x00system\x93X\x01\x00\x00\x00x\x85R."
    long = b"cos\n" + b"a" * 5000 + b"\n(tR."
    (finding,) = run_check(CARD, table(payload={4: named, 5: long})).findings
    assert list(finding.rows) == [4, 5]
    assert len(finding.message) < 1000


@pytest.mark.parametrize("cut", [1, 12, 13, 41])
def test_kinds_of_parts_are_those_of_the_whole(cut: int) -> None:
    code = inert_pickle(np.random.default_rng(1))
    held = table(payload={40: code, 12: gzip.compress(code)}, other={12: pickle.dumps(1), 30: code}).combine_chunks()
    sketch = CellKinds(("payload", "other"))

    def folded(start: int, stop: int) -> pa.Table:
        part = held.slice(start, stop - start).combine_chunks().to_batches()[0]
        return sketch.fold(Block(0, start, part, np.zeros((part.num_rows, 32), np.uint8)))

    whole = folded(0, ROWS)
    assert whole.num_rows == 3
    assert sketch.merge([folded(0, cut), folded(cut, ROWS)]).equals(whole)
    assert sketch.merge([whole, sketch.merge([])]).equals(whole)
