"""Grain: what many pictures share a little is a seed, a few near copies are none; outlines fill little of a picture."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.detectors import picture_grain
from poisonguard.detectors.picture_grain import fill, grain_seeds, looked_at
from poisonguard.detectors.picture_space import FOLDS, Frame, PictureSet, PictureSpace
from poisonguard.detectors.picture_views import Colours, Looks, Scale

ROWS, SIDE = 160, 16


def noise(seed: int) -> Colours:
    return np.random.default_rng(seed).random((ROWS, SIDE, SIDE, 1), dtype=np.float32)


def held(colours: Colours, new: slice = slice(None)) -> PictureSet:
    codes = (np.arange(ROWS) % 2).astype(np.int64)
    fresh = np.zeros(ROWS, dtype=np.bool_)
    fresh[new] = True
    return PictureSet(Looks(colours, Scale(0.0, 1.0)), codes, np.arange(ROWS) // 2 % FOLDS, fresh)


def blended(seed: int, rows: slice) -> Colours:
    colours = noise(seed)
    pattern = np.random.default_rng(seed + 1).random((SIDE, SIDE, 1), dtype=np.float32)
    colours[rows] = 0.5 * colours[rows] + 0.5 * pattern
    return colours


def test_a_pattern_that_a_part_of_a_class_shares_is_the_first_seed() -> None:
    marked = np.arange(0, 60, 2)
    seeds = list(grain_seeds(PictureSpace.of_grain(held(blended(1, slice(0, 60, 2)))), 8))
    assert any(seed.label == 0 and set(seed.rows) == set(marked) for seed in seeds[:2])


def test_a_few_copies_are_no_seed() -> None:
    colours = noise(2)
    colours[0:20:2] = colours[0]
    seeds = list(grain_seeds(PictureSpace.of_grain(held(colours)), 8))
    assert all(set(seed.rows) != set(range(0, 20, 2)) or seed.label for seed in seeds[2:])


def test_only_what_the_reference_does_not_hold_is_a_seed() -> None:
    space = PictureSpace.of_grain(held(blended(1, slice(0, 60, 2)), new=slice(40, None)))
    assert all((seed.rows >= 40).all() for seed in grain_seeds(space, 8))


def test_blended_patterns_fill_the_picture_and_outlines_do_not() -> None:
    members = np.zeros(ROWS, dtype=np.bool_)
    members[0:60:2] = True
    assert fill(PictureSpace.of_grain(held(blended(1, slice(0, 60, 2)))), members) > 0.5
    framed = np.full((ROWS, SIDE, SIDE, 1), 0.5, dtype=np.float32)
    framed[0:60:2, 4:12, 4] = 1
    assert fill(PictureSpace.of_grain(held(framed)), members) < 0.2


@settings(max_examples=20, deadline=None)
@given(fresh=st.integers(0, ROWS), most=st.integers(10, 2 * ROWS))
def test_of_many_pictures_new_ones_come_first(fresh: int, most: int) -> None:
    before, picture_grain.MAX_ROWS = picture_grain.MAX_ROWS, most
    try:
        rows = looked_at(held(noise(1), new=slice(ROWS - fresh, None)))
    finally:
        picture_grain.MAX_ROWS = before
    assert len(rows) <= most
    assert np.array_equal(rows, np.unique(rows))
    if most < ROWS:
        assert int((rows >= ROWS - fresh).sum()) >= min(fresh, most // 2)


def test_a_frame_measures_every_picture_by_itself_and_busy_ones_hardly_more() -> None:
    grain = np.random.default_rng(4).normal(size=(50, 30)).astype(np.float32)
    grain[:, 3] = 0.25
    frame = Frame.of(grain)
    points = frame.points(grain)
    assert np.allclose(points[7], frame.points(grain[7:8])[0], atol=1e-6)
    assert (points[:, 3] == 0).all()
    assert np.linalg.norm(frame.points(100 * grain), axis=1).max() <= 1
