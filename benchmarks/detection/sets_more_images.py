"""Pictures: coloured sprites as the game's own PNG files, and grey pieces of photographs as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import PHOTOGRAPHS, WESNOTH, unpacked
from poisonguard.redteam.png import encode

IMAGES = "usr/share/games/wesnoth/1.16/data/core/images"
TERRAINS = ("castle", "water", "interior", "walls", "forest", "flat", "bridge", "village", "grass", "cave", "mountains")
FEWEST_PICTURES = 200
"""Of a class."""
PIECES, PIECE, GREY = 260, 56, 14
"""Pieces of a photograph; the side of one in the photograph, and as pixels of the table."""
MANY, SMALL = 1_700, 32
"""The same for the pictures that time is measured with."""
PHOTOGRAPH_WIDTH = 1280
SEED = 5


def sprites(cache: Cache) -> pa.Table:
    """Figures and landscapes of a game, coloured PNG; the kind of landscape, or the figures' people, is the class."""
    root = unpacked(WESNOTH, cache) / IMAGES
    files = [
        path
        for folder in ("terrain", "units")
        for path in sorted((root / folder).rglob("*.png"))
        if not path.is_symlink() and (folder == "units" or path.relative_to(root / folder).parts[0] in TERRAINS)
    ]
    labels = [path.relative_to(root).parts[1].split("-")[0] for path in files]
    table = pa.table({"image": pa.array([path.read_bytes() for path in files], pa.binary()), "label": labels})
    counts = Counter(labels)
    return table.filter(pa.array([counts[label] >= FEWEST_PICTURES for label in labels]))


def pieces(cache: Cache) -> pa.Table:
    """Square pieces of photographs of nature, grey, one column for each pixel; the photograph is the class."""
    found = list(_cut(cache, PIECES, PIECE))
    pixels = np.array([np.asarray(piece.convert("L").resize((GREY, GREY)), np.uint8).ravel() for piece, _ in found])
    columns = {f"pixel_{place}": pixels[:, place] for place in range(pixels.shape[1])}
    return pa.table({**columns, "label": [photograph for _, photograph in found]})


def colour_pieces(cache: Cache) -> pa.Table:
    """Many small pieces of the same photographs as coloured PNG, to measure time with."""
    found = list(_cut(cache, MANY, SMALL))
    images = [encode(np.asarray(piece, np.uint8)) for piece, _ in found]
    return pa.table({"image": pa.array(images, pa.binary()), "label": [photograph for _, photograph in found]})


def _cut(cache: Cache, count: int, side: int) -> Iterator[tuple[Any, str]]:
    """``count`` square pieces of every photograph, and its name."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    rng = np.random.default_rng(SEED)
    folder = unpacked(PHOTOGRAPHS, cache) / "usr" / "share" / "backgrounds" / "mate" / "nature"
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            height = PHOTOGRAPH_WIDTH * opened.height // opened.width
            photograph = opened.convert("RGB").resize((PHOTOGRAPH_WIDTH, height))
        lefts, tops = rng.integers(0, PHOTOGRAPH_WIDTH - side, count), rng.integers(0, height - side, count)
        for left, top in zip(lefts.tolist(), tops.tolist(), strict=True):
            yield photograph.crop((left, top, left + side, top + side)), path.stem


SETS = (
    Dataset(
        name="sprites",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(WESNOTH,),
        columns={"image": "image", "label": "label"},
        what="Figures and landscapes of a game, coloured PNG with an alpha channel, of several sizes",
        load=sprites,
        rows=3_000,
    ),
    Dataset(
        name="photographs",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(PHOTOGRAPHS,),
        columns={"label": "label"},
        what="Pieces of twelve photographs of nature, 14 x 14 grey pixels as columns; the photograph is the class",
        load=pieces,
        rows=3_000,
    ),
)
