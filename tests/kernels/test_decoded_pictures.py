"""Pictures are decoded within bounds; whatever is no picture is nothing, never an error."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poisonguard.kernels import pictures
from poisonguard.kernels.pictures import decoded, shrunk


def encoded(pixels: Any, kind: str = "PNG", mode: str | None = None) -> bytes:
    sink = io.BytesIO()
    picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    (picture.convert(mode) if mode else picture).save(sink, kind)
    return sink.getvalue()


GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "GIF", "TIFF"])
def test_lossless_pictures_come_back_as_they_were(kind: str) -> None:
    grid = decoded(encoded(GREY, kind), 8)
    assert grid is not None
    assert (grid == GREY[:, :, None]).all()


def test_larger_pictures_are_averaged_and_smaller_ones_repeated() -> None:
    large = decoded(encoded(np.full((40, 24, 3), 77)), 8)
    assert large is not None
    assert np.array_equal(large, np.full((8, 8, 3), 77))
    small = decoded(encoded(GREY), 16)
    assert small is not None
    assert np.array_equal(small[::2, ::2, 0], GREY)


def test_jpeg_is_close() -> None:
    grid = decoded(encoded(np.full((600, 400, 3), 90), "JPEG"), 32)
    assert grid is not None
    assert np.abs(grid.astype(int) - 90).max() <= 3


def test_transparent_pixels_show_the_ground() -> None:
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    clear[0, 0] = (255, 0, 0, 255)
    grid = decoded(encoded(clear), 8)
    assert grid is not None
    assert grid[0, 0].tolist() == [255, 0, 0]
    assert grid[5, 5].tolist() == [128, 128, 128]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    sink = io.BytesIO()
    Image.fromarray(np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)).save(sink, "PNG")
    grid = decoded(sink.getvalue(), 8)
    assert grid is not None
    assert len(np.unique(grid[:, :, 0])) > 60


def test_a_bomb_is_not_unfolded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    assert decoded(bomb, 8) is None


def test_pictures_beyond_the_limit_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 63)
    assert decoded(encoded(GREY), 8) is None


@pytest.mark.parametrize("data", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4", encoded(GREY)[:-30]])
def test_what_is_no_picture_is_nothing(data: bytes | None) -> None:
    assert decoded(data, 8) is None


@given(place=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_byte_never_raises(place: int, value: int) -> None:
    data = bytearray(encoded(GREY))
    data[place % len(data)] = value
    grid = decoded(bytes(data), 8)
    assert grid is None or grid.shape == (8, 8, 3)


def test_pixels_are_averaged_to_size() -> None:
    grid = shrunk(np.arange(100, dtype=np.float32).reshape(1, 10, 10), 5)
    assert grid.shape == (1, 5, 5)
    assert grid[0, 0, 0] == pytest.approx(5.5)
    assert shrunk(np.zeros((2, 3, 3), np.float32), 5).shape == (2, 3, 3)
