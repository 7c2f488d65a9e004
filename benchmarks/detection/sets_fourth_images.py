"""Pictures: letters of many typefaces, drawn clip art as a folder of files, and tiles of a game."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.sets_fourth_packages import (
    AENIGMA_FONTS,
    CATACLYSM,
    CLIPART,
    DUSTIN_FONTS,
    GYRE_FONTS,
    URW_FONTS,
)
from benchmarks.detection.sets_images import png
from poisonguard.redteam.png import encode

IMAGE = {"image": "image", "label": "label"}
TYPEFACES = (AENIGMA_FONTS, URW_FONTS, GYRE_FONTS, DUSTIN_FONTS)
LETTERS = "ABCDEFGH"
LETTER_SIDE, POINTS = 28, 48
CLIP_SIDE = 40
MOST_OF_FOLDER, MOST_BYTES, MOST_PIXELS = 450, 60_000, 4_000_000
"""Drawings of a folder, the bytes of one, and its pixels: a few are as large as a poster."""
FEWEST_PICTURES = 100
"""Of a class."""
UNCLASSED = frozenset({"special", "unsorted"})
"""Folders that say nothing of what their drawings show."""
TILES = "usr/share/games/cataclysm-dda/gfx/UltimateCataclysm"
TILE_SIDE = 32
BEGINNINGS = {
    "mon_": "being",
    "t_": "ground",
    "f_": "furniture",
    "vp_": "vehicle part",
    "overlay_": "worn",
}
THING = "thing"


def letters(cache: Cache) -> pa.Table:
    """Capital letters as some five hundred typefaces draw them, 28 x 28 grey pixels; the letter is the class."""
    from PIL import ImageFont  # noqa: PLC0415 - only for this set

    images, labels = [], []
    for path in _typefaces(cache):
        font = ImageFont.truetype(str(path), POINTS)
        for letter in LETTERS:
            drawn = _drawn(letter, font)
            if drawn is not None:
                images.append(png(drawn))
                labels.append(letter)
    return pa.table({"image": pa.array(images, pa.binary()), "label": labels})


def _typefaces(cache: Cache) -> Iterator[Path]:
    for package in TYPEFACES:
        root = unpacked(package, cache)
        yield from sorted(path for path in root.rglob("*.[ot]tf") if not path.is_symlink())


def _drawn(letter: str, font: Any) -> npt.NDArray[np.uint8] | None:
    """The letter as large as it fits, white on black; nothing where the typeface has none."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - only for this set

    left, top, right, bottom = (int(edge) for edge in font.getbbox(letter))
    width, height = right - left, bottom - top
    if min(width, height) < 1:
        return None
    picture = Image.new("L", (width, height))
    ImageDraw.Draw(picture).text((-left, -top), letter, font=font, fill=255)
    picture.thumbnail((LETTER_SIDE, LETTER_SIDE))
    ground = Image.new("L", (LETTER_SIDE, LETTER_SIDE))
    ground.paste(picture, ((LETTER_SIDE - picture.width) // 2, (LETTER_SIDE - picture.height) // 2))
    return np.asarray(ground, np.uint8)


def clip_art(cache: Cache) -> pa.Table:
    """Drawings by many hands, on white within 40 x 40 pixels; the folder is the class."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    root = unpacked(CLIPART, cache) / "usr" / "share" / "openclipart" / "png"
    images, labels = [], []
    for path in _drawings(root):
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                continue
            picture = opened.convert("RGBA")
        picture.thumbnail((CLIP_SIDE, CLIP_SIDE))
        ground = Image.new("RGBA", (CLIP_SIDE, CLIP_SIDE), "white")
        ground.alpha_composite(picture, ((CLIP_SIDE - picture.width) // 2, (CLIP_SIDE - picture.height) // 2))
        images.append(encode(np.asarray(ground.convert("RGB"), np.uint8)))
        labels.append(path.relative_to(root).parts[0])
    return _common(images, labels)


def _drawings(root: Path) -> Iterator[Path]:
    """Every so many of the drawings in a folder, so that large ones do not outweigh the others."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name not in UNCLASSED):
        found = sorted(path for path in folder.rglob("*.png") if not path.is_symlink())
        found = [path for path in found if path.stat().st_size <= MOST_BYTES]
        yield from found[:: -(-len(found) // MOST_OF_FOLDER) or 1]


def tiles(cache: Cache) -> pa.Table:
    """Tiles of a game, 32 x 32 coloured pixels on black; what a tile stands for is the class."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    folder = unpacked(CATACLYSM, cache) / TILES
    first, found = 0, {}
    sheets = json.loads((folder / "tile_config.json").read_text(encoding="utf-8"))["tiles-new"]
    for sheet in sheets:
        with Image.open(folder / sheet["file"]) as opened:
            picture = opened.convert("RGBA")
        width, height = sheet.get("sprite_width", TILE_SIDE), sheet.get("sprite_height", TILE_SIDE)
        across, down = picture.width // width, picture.height // height
        for place in range(across * down):
            left, top = place % across * width, place // across * height
            found[first + place] = picture.crop((left, top, left + width, top + height))
        first += across * down
    rows = dict(_shown(sheets))
    kept = [(found[number], label) for number, label in sorted(rows.items()) if number in found]
    kept = [(tile, label) for tile, label in kept if tile.getbbox() is not None]
    return _common([_flat(tile) for tile, _ in kept], [label for _, label in kept])


def _shown(sheets: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Number of every tile that stands in front, and the kind of what it shows."""
    for sheet in sheets:
        for entry in sheet.get("tiles", ()):
            names = entry["id"] if isinstance(entry["id"], list) else [entry["id"]]
            kind = next((kind for start, kind in BEGINNINGS.items() if names[0].startswith(start)), THING)
            for shown in _numbers(entry.get("fg")):
                yield shown, kind


def _numbers(shown: object) -> Iterator[int]:
    """The numbers in what may be one, many, or many with their weights."""
    if isinstance(shown, int):
        yield shown
    elif isinstance(shown, dict):
        yield from _numbers(shown.get("sprite"))
    elif isinstance(shown, list):
        for each in shown:
            yield from _numbers(each)


def _flat(tile: Any) -> bytes:
    from PIL import Image  # noqa: PLC0415 - only for this set

    ground = Image.new("RGBA", (TILE_SIDE, TILE_SIDE), "black")
    tile.thumbnail((TILE_SIDE, TILE_SIDE))
    ground.alpha_composite(tile, ((TILE_SIDE - tile.width) // 2, TILE_SIDE - tile.height))
    return encode(np.asarray(ground.convert("RGB"), np.uint8))


def _common(images: list[bytes], labels: list[str]) -> pa.Table:
    """The pictures of common classes."""
    counts = Counter(labels)
    table = pa.table({"image": pa.array(images, pa.binary()), "label": labels})
    return table.filter(pa.array([counts[label] >= FEWEST_PICTURES for label in labels]))


SETS = (
    Dataset(
        name="typefaces",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=TYPEFACES,
        columns=IMAGE,
        what="Letters A to H of some 500 typefaces, drawn in 28 x 28 grey pixels as PNG; the letter is the class",
        load=letters,
        rows=3_000,
    ),
    Dataset(
        name="clip-art",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(CLIPART,),
        columns=IMAGE,
        what="Clip art by many hands, scaled to 40 x 40, as a folder of PNG files; the folder is the class",
        load=clip_art,
        rows=2_800,
        folders=True,
    ),
    Dataset(
        name="tiles",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(CATACLYSM,),
        columns=IMAGE,
        what="Tiles of a game, 32 x 32 coloured pixels as PNG; what a tile stands for is the class",
        load=tiles,
        rows=3_000,
    ),
)
