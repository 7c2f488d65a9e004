"""What pictures are looked at as: brightness as it is; detail bounded, blind to light, and each picture by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.picture_views import HALF, View

SIDE = 9


def pictures(seed: int, rows: int = 5) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).random((rows, SIDE * SIDE), dtype=np.float32)


def test_brightness_is_left_as_it_is() -> None:
    flat = pictures(1)
    assert View.BRIGHTNESS.points(flat, SIDE) is flat


@given(seed=st.integers(0, 1000), light=st.floats(-1, 1))
def test_detail_is_bounded_and_does_not_see_how_light_a_picture_is(seed: int, light: float) -> None:
    flat = pictures(seed)
    detail = View.DETAIL.points(flat, SIDE)
    assert np.abs(detail).max() < 1
    assert detail.shape == flat.shape
    assert np.allclose(detail, View.DETAIL.points(flat + np.float32(light), SIDE), atol=1e-4)


@given(seed=st.integers(0, 1000), row=st.integers(0, 4))
def test_each_picture_is_looked_at_by_itself(seed: int, row: int) -> None:
    flat = pictures(seed)
    alone = View.DETAIL.points(flat[row : row + 1], SIDE)
    assert np.array_equal(alone[0], View.DETAIL.points(flat, SIDE)[row])


def test_plain_grounds_and_slopes_have_no_detail_inside() -> None:
    slope = np.tile(np.linspace(0, 1, SIDE, dtype=np.float32), (SIDE, 1))
    detail = View.DETAIL.points(slope.reshape(1, -1), SIDE).reshape(SIDE, SIDE)
    assert np.abs(detail[:, 1:-1]).max() < 1e-4


def test_a_dot_counts_half_where_it_stands_out_by_the_named_strength() -> None:
    dot = np.zeros((1, SIDE * SIDE), dtype=np.float32)
    dot[0, SIDE * 4 + 4] = HALF * 9 / 8
    assert View.DETAIL.points(dot, SIDE)[0, SIDE * 4 + 4] == pytest.approx(0.5, abs=1e-4)
