"""Pictures as small grids of numbers: decoded from the bytes of a file, or brought to size from pixels.

1. Nothing is believed: at most ``MOST_PIXELS`` are decoded, only of formats that hold pictures; whatever breaks the
   decoder is an unreadable picture (nothing), never an error.
2. Transparent pixels show mid-grey, so that black and white marks on a transparent ground both stay visible.
3. The grid is square: a picture is stretched, so that its corners stay corners.
"""

from __future__ import annotations

import io
import struct
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.uint8]
"""A picture, shape (side, side, 3)."""

Numbers = npt.NDArray[np.float32]

MOST_PIXELS = 64_000_000
"""A file of a few kilobytes can unfold to gigabytes."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
GROUND = (128, 128, 128, 255)
SPARE = 2
"""A JPEG is decoded at the smallest scale with at least this many pixels for each of the grid's."""


HOSTILE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
"""How damaged bytes break decoders; such a picture is counted as one that cannot be read."""


def can_decode() -> bool:
    """Whether the image library (the extra ``images``) is installed."""
    return find_spec("PIL") is not None


def decoded(data: bytes | None, side: int) -> Grid | None:
    """The picture in ``data`` as a grid; nothing when there is none that can be read."""
    if not data:
        return None
    try:
        return _decoded(data, side)
    except HOSTILE:
        return None


def _decoded(data: bytes, side: int) -> Grid | None:
    from PIL import Image  # noqa: PLC0415 - an optional dependency

    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    with opened as picture:
        if picture.width * picture.height > MOST_PIXELS:
            return None
        picture.draft("RGB", (SPARE * side, SPARE * side))
        flat = _flat(picture, Image)
        if flat.size != (side, side):
            shrinks = min(flat.size) >= side
            flat = flat.resize((side, side), Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST)
        return np.asarray(flat, dtype=np.uint8)


def _flat(picture: Any, library: Any) -> Any:
    """The picture as red, green and blue, on a ground where it is transparent."""
    if picture.mode.startswith(("I", "F")):
        # 16 bits and more: converting would clip, not scale.
        values = np.asarray(picture, dtype=np.float64)
        scaled = np.clip(values * (255.0 / max(255.0, float(values.max(initial=0)))), 0, 255)
        return library.fromarray(scaled.astype(np.uint8)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        ground = library.new("RGBA", picture.size, GROUND)
        return library.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def shrunk(pictures: Numbers, side: int) -> Numbers:
    """Pictures, shape (rows, height, width), at most ``side`` wide and high, averaged where they are larger."""
    for axis in (1, 2):
        size = pictures.shape[axis]
        if size > side:
            starts = np.arange(side) * size // side
            widths = np.diff(np.append(starts, size)).astype(np.float32)
            shape = [1, 1, 1]
            shape[axis] = side
            summed = np.add.reduceat(pictures, starts, axis=axis)
            pictures = np.asarray(summed / widths.reshape(shape), dtype=np.float32)
    return pictures
