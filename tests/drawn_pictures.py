"""Pictures drawn for tests: a bright stroke whose slope is the class, at a random place, on a noisy ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SIDE = 12
CLASSES = ("flat", "rising", "steep", "upright")

Grids = npt.NDArray[np.uint8]


def strokes(rows: int = 400, seed: int = 5, side: int = SIDE) -> tuple[Grids, npt.NDArray[np.int64]]:
    """Pictures, shape (rows, side, side), and their classes."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, len(CLASSES), rows)
    lines, places = np.indices((side, side)) - (side - 1) / 2
    angles = codes * np.pi / len(CLASSES) + rng.normal(0, 0.12, rows)
    offsets = rng.normal(0, side / 8, (2, rows))
    across = np.sin(angles)[:, None, None] * (places - offsets[0][:, None, None])
    along = np.cos(angles)[:, None, None] * (lines - offsets[1][:, None, None])
    width = rng.uniform(0.8, 1.6, rows)[:, None, None]
    bright = rng.uniform(140, 230, rows)[:, None, None]
    drawn = bright * np.exp(-(((across + along) / width) ** 2)) + rng.normal(12, 6, (rows, side, side))
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8), codes.astype(np.int64)


def as_pixels(grids: Grids, codes: npt.NDArray[np.int64]) -> pa.Table:
    """One column for each pixel, and the label."""
    flat = grids.reshape(len(grids), -1)
    columns = {f"pixel_{place}": pa.array(flat[:, place]) for place in range(flat.shape[1])}
    return pa.table({**columns, "label": [CLASSES[code] for code in codes]})


def as_lists(grids: Grids, codes: npt.NDArray[np.int64]) -> pa.Table:
    """One list of lines for each picture, and the label."""
    return pa.table({"image": pa.array(grids.tolist()), "label": [CLASSES[code] for code in codes]})


def collages(rows: int, seed: int = 3, side: int = 24) -> tuple[Grids, npt.NDArray[np.int64]]:
    """Busy pictures, thirty rectangles on each, and classes that say nothing about them."""
    rng = np.random.default_rng(seed)
    lines, places = np.indices((side, side))
    drawn = np.full((rows, side, side), 128, dtype=np.uint8)
    for _ in range(30):
        top, left = rng.integers(-side // 3, side, (2, rows, 1, 1))
        height, width = rng.integers(3, side // 2, (2, rows, 1, 1))
        inside = (lines >= top) & (lines < top + height) & (places >= left) & (places < left + width)
        drawn = np.where(inside, rng.integers(0, 256, (rows, 1, 1)), drawn).astype(np.uint8)
    return drawn, rng.integers(0, len(CLASSES), rows)
