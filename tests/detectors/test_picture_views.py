"""What pictures are looked at as: brightness as it is; grain bounded, blind to light, and each picture by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.picture_views import CALM_SIDE, HALF, Grids, Looks, Scale, brightness

SIDE = 9
WHOLE = Scale(0.0, 1.0)


def pictures(seed: int, rows: int = 5, channels: int = 1) -> Grids:
    return np.random.default_rng(seed).random((rows, SIDE, SIDE, channels), dtype=np.float32)


def grain(colours: Grids) -> Grids:
    return Looks(colours, WHOLE).grain


def test_brightness_is_scaled_by_the_least_and_the_greatest_of_the_sample() -> None:
    colours = np.array([[[[10.0, 20, 30]]], [[[100, 110, 120]]]], dtype=np.float32)
    scale = Scale.of(brightness(colours))
    assert (scale.low, scale.high) == (20, 110)
    assert Looks(colours, scale).flat.tolist() == [[0], [1]]


@given(seed=st.integers(0, 1000), light=st.floats(-1, 1), channels=st.sampled_from([1, 3]))
def test_grain_is_bounded_and_does_not_see_how_light_a_picture_is(seed: int, light: float, channels: int) -> None:
    colours = pictures(seed, channels=channels)
    assert np.abs(grain(colours)).max() < 1
    assert grain(colours).shape == (5, channels * SIDE**2)
    assert np.allclose(grain(colours), grain(colours + np.float32(light)), atol=1e-3)


@given(seed=st.integers(0, 1000), row=st.integers(0, 4))
def test_each_picture_is_looked_at_by_itself(seed: int, row: int) -> None:
    looks = Looks(pictures(seed, channels=3), WHOLE)
    alone = looks.some(np.array([row]))
    assert np.array_equal(alone.grain[0], looks.grain[row])
    assert np.array_equal(alone.calm[0], looks.calm[row])


def test_grey_pictures_with_three_channels_have_no_grain_of_colour() -> None:
    grey = np.repeat(pictures(1), 3, axis=3)
    assert np.allclose(grain(grey)[:, : SIDE**2], grain(grey[..., :1]), atol=1e-4)
    assert np.abs(grain(grey)[:, SIDE**2 :]).max() < 1e-3


def test_plain_grounds_and_slopes_have_no_grain_inside() -> None:
    slope = np.tile(np.linspace(0, 1, SIDE, dtype=np.float32), (SIDE, 1))
    found = grain(slope.reshape(1, SIDE, SIDE, 1)).reshape(SIDE, SIDE)
    assert np.abs(found[:, 1:-1]).max() < 1e-4


def test_a_dot_counts_half_where_it_stands_out_by_the_named_strength() -> None:
    dot = np.zeros((1, SIDE, SIDE, 1), dtype=np.float32)
    dot[0, 4, 4] = HALF * 9 / 8
    assert grain(dot)[0, SIDE * 4 + 4] == pytest.approx(0.5, abs=1e-4)


def test_what_lies_under_the_grain_is_the_picture_in_a_few_pieces() -> None:
    large = np.repeat(np.repeat(np.random.default_rng(1).random((2, CALM_SIDE, CALM_SIDE, 3)), 4, axis=1), 4, axis=2)
    calm = Looks(large.astype(np.float32), WHOLE).calm
    assert np.allclose(calm.reshape(2, 3, CALM_SIDE, CALM_SIDE), np.moveaxis(large[:, ::4, ::4], 3, 1), atol=1e-6)
