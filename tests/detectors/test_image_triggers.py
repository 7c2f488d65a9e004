"""Marks planted in pictures are named with their rows; what classes look like by nature is not."""

import functools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from drawn_pictures import as_lists, as_pixels, collages, strokes
from harness import TableSource, roles_of, run_check
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.detectors import image_spectrum, image_triggers
from poisonguard.detectors.picture_space import PictureSet
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.redteam.catalogue import ATTACKS
from poisonguard.redteam.png import encode

PATCH, SPREAD = "PG-IMG-001", "PG-IMG-002"
ROWS = 400


@functools.cache
def clean(seed: int = 5) -> pa.Table:
    return as_pixels(*strokes(ROWS, seed))


@functools.cache
def poisoned(attack: str, rate: float = 0.06, seed: int = 3) -> tuple[pa.Table, list[int]]:
    found = next(item for item in ATTACKS if item.name == attack)
    roles = roles_of(TableSource(clean()), {"label": "label"})
    done = found.apply(clean(), roles, rate, np.random.default_rng(seed))
    return done.table, done.rows.tolist()


@pytest.mark.parametrize(("attack", "card"), [("image-patch", PATCH), ("image-blended", SPREAD)])
def test_a_planted_mark_is_one_finding_that_names_its_rows(attack: str, card: str) -> None:
    table, rows = poisoned(attack)
    (finding,) = run_check(card, table).findings
    assert (finding.level, finding.signal) == (Level.ERROR, Signal.POISONING)
    assert list(finding.rows) == rows
    assert finding.row_count == len(rows)
    label = table["label"][rows[0]].as_py()
    assert finding.subject.endswith(f";label={label};column=pixel_0..pixel_143")
    assert f"{len(rows)} pictures labelled {label} carry the same" in finding.message


def test_a_patch_on_pictures_whose_labels_are_right_is_found() -> None:
    table, rows = poisoned("image-clean-label")
    (finding,) = run_check(PATCH, table).findings
    assert list(finding.rows) == rows
    assert float(finding.numbers["share of the label without the mark"]) > 0.5


def test_the_other_check_does_not_tell_the_same_story() -> None:
    assert run_check(SPREAD, poisoned("image-patch")[0]).findings == ()
    assert run_check(PATCH, poisoned("image-blended")[0]).findings == ()


@pytest.mark.parametrize("card", [PATCH, SPREAD])
@pytest.mark.parametrize("seed", [5, 6, 7])
def test_clean_pictures_are_silent(card: str, seed: int) -> None:
    assert run_check(card, clean(seed)).findings == ()


@pytest.mark.parametrize("card", [PATCH, SPREAD])
def test_a_family_of_pictures_drawn_alike_is_no_mark(card: str) -> None:
    grids, codes = strokes(ROWS)
    family = np.flatnonzero(codes == 2)[:30]
    grids[family, :6] = np.linspace(20, 240, 6 * 12).reshape(6, 12).astype(np.uint8)
    assert run_check(card, as_pixels(grids, codes)).findings == ()


def test_pictures_that_are_alike_in_every_pixel_are_no_mark() -> None:
    rng = np.random.default_rng(0)
    grids = rng.integers(0, 256, (300, 16, 16))
    grids[:60] = np.clip(grids[0] + rng.normal(0, 3, (60, 16, 16)), 0, 255)
    codes = np.where(np.arange(300) < 60, 0, np.arange(300) % 2)
    assert run_check(PATCH, as_pixels(grids.astype(np.uint8), codes)).findings == ()


def test_copies_of_one_picture_are_no_mark() -> None:
    table = clean()
    copies = pa.concat_tables([table, table.take(pa.array([7] * 20))])
    assert run_check(PATCH, copies).findings == ()


def test_copies_of_one_picture_under_two_labels_share_a_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    table = clean()
    labels = table["label"].to_pylist()
    turned = table.set_column(table.column_names.index("label"), "label", [labels[:30][::-1] + labels[30:]])
    seen: list[PictureSet] = []

    def remembered(*parts: Any) -> PictureSet:
        seen.append(PictureSet(*parts))
        return seen[-1]

    monkeypatch.setattr(image_triggers, "PictureSet", remembered)
    run_check(PATCH, pa.concat_tables([table, turned]))
    (pictures,) = seen
    _, name = np.unique(pictures.flat, axis=0, return_inverse=True)
    folds = [set(pictures.fold[name == picture].tolist()) for picture in range(int(name.max()) + 1)]
    assert len(folds) == ROWS
    assert all(len(held) == 1 for held in folds)
    assert len(set.union(*folds)) > 1


def test_what_the_reference_holds_as_often_was_approved() -> None:
    table, rows = poisoned("image-patch")
    assert run_check(PATCH, table, table).findings == ()
    (finding,) = run_check(PATCH, table, clean(9)).findings
    assert list(finding.rows) == rows
    assert "0 of 400 sampled pictures of the reference carry it" in finding.message


def test_lists_of_pixels_are_pictures() -> None:
    grids, codes = strokes(ROWS)
    marked = np.flatnonzero(codes != 1)[:24]
    grids[marked, -2:, -2:] = [[255, 0], [0, 255]]
    codes[marked] = 1
    (finding,) = run_check(PATCH, as_lists(grids, codes)).findings
    assert list(finding.rows) == marked.tolist()


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, ROWS - 1), max_size=3), workers=st.sampled_from([1, 2]))
def test_the_cut_into_blocks_changes_nothing(cuts: list[int], workers: int) -> None:
    table, _ = poisoned("image-patch")
    whole, parts = run_check(PATCH, table), run_check(PATCH, table, cuts=cuts, workers=workers)
    assert whole.book is not None
    assert parts.book is not None
    assert [item.message for item in parts.findings] == [item.message for item in whole.findings]
    assert np.allclose(parts.book.scores[PATCH], whole.book.scores[PATCH], atol=1e-5)


@pytest.mark.parametrize("card", [PATCH, SPREAD])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda table: table.slice(0, 1), id="one row"),
        pytest.param(lambda table: table.set_column(144, "label", pa.array(["same"] * ROWS)), id="one label"),
        pytest.param(lambda table: table.set_column(144, "label", pa.nulls(ROWS, pa.string())), id="no label"),
        pytest.param(lambda table: table.set_column(0, "pixel_0", pa.nulls(ROWS, pa.int64())), id="null pixels"),
        pytest.param(lambda table: table.set_column(0, "pixel_0", pa.array([float("nan")] * ROWS)), id="nan"),
        pytest.param(lambda table: table.set_column(0, "pixel_0", pa.array([1e300, *[0.0] * (ROWS - 1)])), id="huge"),
        pytest.param(lambda table: pa.concat_tables([table.slice(0, 1)] * ROWS), id="one picture"),
    ],
)
def test_odd_tables_are_silent(card: str, change: functools.partial[pa.Table]) -> None:
    outcome = run_check(card, change(clean()), columns={"label": "label"}).outcome
    assert isinstance(outcome, Ran)
    assert all(finding.signal is not Signal.POISONING for finding in outcome.findings)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"a": [1, 2], "label": ["x", "y"]}), "no column of pictures"),
        (clean().drop_columns(["label"]), "no label column"),
        (clean().set_column(144, "label", pa.array([["a"]] * ROWS)), "no label column"),
    ],
)
def test_tables_without_pictures_or_labels_are_skipped(table: pa.Table, reason: str) -> None:
    outcome = run_check(PATCH, table).outcome
    assert isinstance(outcome, Skipped)
    assert reason in outcome.reason


def test_pictures_that_cannot_be_read_are_counted() -> None:
    table = clean()
    broken = [None if row < 7 else value for row, value in enumerate(table["pixel_3"].to_pylist())]
    run = run_check(PATCH, table.set_column(3, "pixel_3", pa.array(broken, pa.uint8())))
    (finding,) = run.findings
    assert (finding.level, finding.signal) == (Level.NOTE, Signal.QUALITY)
    assert "7 of 400 sampled pictures cannot be read" in finding.message
    assert "7 of 400" in run.outcome.coverage.note


def test_pictures_in_files_need_the_image_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.detectors.picture_columns.can_decode", lambda: False)
    table = pa.table({"image": pa.array([b"x", b"y"]), "label": ["a", "b"]})
    outcome = run_check(PATCH, table).outcome
    assert isinstance(outcome, Skipped)
    assert "poisonguard[images]" in outcome.reason


def test_a_patch_in_picture_files_is_found() -> None:
    grids, codes = strokes(ROWS)
    marked = np.flatnonzero(codes != 1)[:24]
    grids[marked, -2:, -2:] = [[255, 0], [0, 255]]
    codes[marked] = 1
    files = [{"bytes": encode(grid[:, :, None]), "path": None} for grid in grids]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(files, kind), "label": as_lists(grids, codes)["label"]})
    (finding,) = run_check(PATCH, table).findings
    assert list(finding.rows) == marked.tolist()
    assert finding.column == "image.bytes"


@functools.cache
def busy(poison: int) -> tuple[pa.Table, list[int]]:
    """Fewer pictures than pixels, all busy; a pattern is blended into some and they get one label."""
    grids, codes = collages(500)
    marked = np.flatnonzero(codes != 1)[:poison]
    pattern = np.random.default_rng(1).uniform(0, 255, grids.shape[1:])
    grids[marked] = np.rint(0.8 * grids[marked] + 0.2 * pattern).astype(np.uint8)
    codes[marked] = 1
    return as_lists(grids, codes), marked.tolist()


def test_a_faint_pattern_on_few_busy_pictures_shows_in_their_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    table, rows = busy(30)
    (finding,) = run_check(SPREAD, table).findings
    assert list(finding.rows) == rows
    assert finding.subject == "pattern=spread;label=rising;column=image"
    monkeypatch.setattr(image_spectrum, "FEWEST_PIXELS", 10_000)
    assert run_check(SPREAD, table).findings == ()


def test_busy_pictures_are_silent() -> None:
    assert run_check(SPREAD, busy(0)[0]).findings == ()


def test_a_pattern_in_new_busy_pictures_is_found_beside_the_reference() -> None:
    table, rows = busy(30)
    (finding,) = run_check(SPREAD, table, busy(0)[0]).findings
    assert list(finding.rows) == rows
    assert "0 of 500 sampled pictures of the reference carry it" in finding.message


def test_a_busy_family_drawn_alike_is_no_mark() -> None:
    grids, codes = collages(500)
    family = np.flatnonzero(codes == 2)[:40]
    grids[family, 2:22, 2:22] = (grids[family[0], 2:22, 2:22] * 0.7 + grids[family, 2:22, 2:22] * 0.3).astype(np.uint8)
    assert run_check(SPREAD, as_lists(grids, codes)).findings == ()


def test_pixels_are_no_measures_that_a_row_could_contradict() -> None:
    outcome = run_check("PG-OUT-002", clean()).outcome
    assert isinstance(outcome, Skipped)
    assert "pixels" in outcome.reason
