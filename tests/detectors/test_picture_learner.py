"""Neighbours judge pictures by what they show; columns of pixels are judged by them beside trees."""

import numpy as np
import pyarrow as pa
import pytest
from harness import TableSource, roles_of, run_check
from sklearn.datasets import load_digits

from poisonguard.detectors import picture_learner
from poisonguard.detectors.picture_learner import LEVELS, PixelNeighbours
from poisonguard.redteam.image_triggers import WarpTrigger
from poisonguard.sketches.pictures import PictureColumns, Shape

NAMES = tuple(f"pixel_{place}" for place in range(64))
LEARNER = PixelNeighbours(PictureColumns(Shape.PIXELS, NAMES))


def digits(rows: slice = slice(None)) -> pa.Table:
    """Real digits, eight by eight pixels."""
    data = load_digits()
    columns = {name: data.data[rows, place] for place, name in enumerate(NAMES)}
    return pa.table({**columns, "label": data.target[rows].astype(np.int64)})


def codes_of(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(table["label"], dtype=np.int64)


def test_neighbours_tell_digits() -> None:
    taught, asked = digits(slice(0, 1_200)), digits(slice(1_200, None))
    model = LEARNER.fit(LEARNER.matrix(taught), codes_of(taught))
    found = model.predict_proba(LEARNER.matrix(asked))
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (model.classes_[found.argmax(axis=1)] == codes_of(asked)).mean() > 0.93


def test_brightness_and_contrast_do_not_count() -> None:
    table = digits(slice(0, 20))
    other = pa.table({name: np.asarray(table[name]) / 5 + 3 for name in NAMES})
    assert LEARNER.matrix(other) == pytest.approx(LEARNER.matrix(table), abs=1 / LEVELS)


def test_a_row_reads_alike_in_any_block() -> None:
    table = digits(slice(0, 50))
    parts = [LEARNER.matrix(table.slice(start, 7)) for start in range(0, 50, 7)]
    assert np.array_equal(np.concatenate(parts), LEARNER.matrix(table))


def test_votes_do_not_depend_on_the_block() -> None:
    taught = pa.concat_tables([digits(slice(0, 30))] * 20)  # many are equally near
    codes = np.random.default_rng(1).integers(0, 3, taught.num_rows)
    model, matrix = LEARNER.fit(LEARNER.matrix(taught), codes), LEARNER.matrix(taught)
    for size in (1, 3, 64):
        parts = [model.predict_proba(matrix[start : start + size]) for start in range(0, len(matrix), size)]
        assert np.array_equal(np.concatenate(parts), model.predict_proba(matrix))


def test_numbers_that_are_no_brightness_show_nothing() -> None:
    table = pa.table({name: pa.array([1e30 if place % 2 else -1e30]) for place, name in enumerate(NAMES)})
    assert not LEARNER.matrix(table).any()


def test_what_shows_nothing_is_as_usual() -> None:
    taught = digits(slice(0, 300))
    model = LEARNER.fit(LEARNER.matrix(taught), codes_of(taught))
    blank = {name: pa.array([1.0, None if name == "pixel_3" else 2.0 + len(name)]) for name in NAMES}
    usual = np.bincount(codes_of(taught), minlength=10) / 300
    assert LEARNER.matrix(pa.table(blank).slice(1)).shape == (1, 64)  # none of them can be read
    for shares in model.predict_proba(LEARNER.matrix(pa.table(blank))):
        assert shares == pytest.approx(usual)


def test_no_rows_have_no_votes() -> None:
    taught = digits(slice(0, 100))
    model = LEARNER.fit(LEARNER.matrix(taught), codes_of(taught))
    assert model.predict_proba(LEARNER.matrix(taught.slice(0, 0))).shape == (0, 10)


def test_those_remembered_are_spread_over_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_learner, "MOST_TEACHERS", 100)
    taught = digits(slice(0, 1_000))
    matrix = LEARNER.matrix(taught)
    model = LEARNER.fit(matrix, codes_of(taught))
    assert np.array_equal(model.points, matrix[::10])
    assert set(model.classes_.tolist()) == set(range(10))


def test_warped_digits_under_one_label_lead_the_ranking() -> None:
    table = digits()
    roles = roles_of(TableSource(table), {"label": "label"})
    done = WarpTrigger().poison(table, roles, 54, np.random.default_rng(7))
    run = run_check("PG-LABEL-001", done.table, columns={"label": "label"})
    assert run.book is not None
    (scores,) = run.book.scores.values()
    order = np.argsort(-scores, kind="stable")
    assert np.isin(order[:54], done.rows).mean() > 0.7
