"""Pictures: signs of eight scripts, things of one game, and a folder of another game's pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.reporting_packages import FREEDROID, NOTO_FONTS, SUPERTUX
from benchmarks.detection.sets_images import png
from poisonguard.redteam.png import encode

IMAGE = {"image": "image", "label": "label"}
FONTS = "usr/share/fonts/truetype/noto"
SCRIPTS = {
    "AnatolianHieroglyphs": (0x14400, 0x14646),
    "Bamum": (0x16800, 0x16A38),
    "CanadianAboriginal": (0x1401, 0x166C),
    "Cuneiform": (0x12000, 0x12399),
    "EgyptianHieroglyphs": (0x13000, 0x1342E),
    "Ethiopic": (0x1200, 0x135A),
    "Vai": (0xA500, 0xA60C),
    "Yi": (0xA000, 0xA48C),
}
"""First and last sign of each."""
SIGN_SIDE, POINTS, MOST_SIGNS = 28, 48, 450
ITEM_SIDE = 40
ITEMS = "usr/share/freedroidrpg/data/graphics/items"
UNCLASSED = frozenset({"NONE_AVAILABLE_YET", "script"})
FEWEST_PICTURES = 150
"""Of a class."""
KINDS = ("creatures", "objects", "tiles", "worldmap")
MOST_BYTES = 60_000


def scripts(cache: Cache) -> pa.Table:
    """Signs of eight scripts in 28 x 28 grey pixels; the script is the class."""
    from PIL import ImageFont  # noqa: PLC0415 - only for this set

    rows: dict[bytes, str] = {}
    for script, (first, last) in SCRIPTS.items():
        font = ImageFont.truetype(str(unpacked(NOTO_FONTS, cache) / FONTS / f"NotoSans{script}-Regular.ttf"), POINTS)
        blank = font.getmask("\U0010ffff").getbbox()
        step = -(-(last - first + 1) // MOST_SIGNS)
        for code in range(first, last + 1, step):
            mask = font.getmask(chr(code))
            if mask.getbbox() not in {None, blank}:
                rows.setdefault(_framed(mask), script)
    return pa.table({"image": pa.array(list(rows), pa.binary()), "label": list(rows.values())})


def _framed(mask: object) -> bytes:
    """A sign as large as it fits, white on black."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    width, height = mask.size  # type: ignore[attr-defined]  # Pillow's own core image has no type
    picture = Image.frombytes("L", (width, height), bytes(mask))  # type: ignore[call-overload]  # as above
    picture = picture.crop(picture.getbbox())
    picture.thumbnail((SIGN_SIDE, SIGN_SIDE))
    ground = Image.new("L", (SIGN_SIDE, SIGN_SIDE))
    ground.paste(picture, ((SIGN_SIDE - picture.width) // 2, (SIGN_SIDE - picture.height) // 2))
    return png(np.asarray(ground, np.uint8))


def items(cache: Cache) -> pa.Table:
    """Things of a game, drawn from many sides, within 40 x 40 coloured pixels; the kind of thing is the class."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    rows: dict[bytes, str] = {}
    root = unpacked(FREEDROID, cache) / ITEMS
    for path in sorted(root.glob("*/**/portrait_*.jpg")):
        kind = path.relative_to(root).parts[0]
        if kind in UNCLASSED:
            continue
        with Image.open(path) as opened:
            picture = opened.convert("RGB").resize((ITEM_SIDE, ITEM_SIDE))
        rows.setdefault(encode(np.asarray(picture, np.uint8)), kind)
    return _common(list(rows.items()))


def pictures(cache: Cache) -> pa.Table:
    """Pictures of a game in several sizes, as the files' own PNG; the folder is the class. Each is kept once."""
    return _common(list(dict(_drawn(cache)).items()))


def _drawn(cache: Cache) -> Iterator[tuple[bytes, str]]:
    root = unpacked(SUPERTUX, cache) / "usr" / "share" / "games" / "supertux2" / "images"
    for kind in KINDS:
        for path in sorted((root / kind).rglob("*.png")):
            if not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
                yield path.read_bytes(), kind


def _common(rows: list[tuple[bytes, str]]) -> pa.Table:
    """The pictures of common classes."""
    counts = Counter(label for _, label in rows)
    kept = [(image, label) for image, label in rows if counts[label] >= FEWEST_PICTURES]
    images, labels = [image for image, _ in kept], [label for _, label in kept]
    return pa.table({"image": pa.array(images, pa.binary()), "label": labels})


SETS = (
    Dataset(
        name="scripts",
        modality=Modality.IMAGES,
        split=Split.REPORTING,
        packages=(NOTO_FONTS,),
        columns=IMAGE,
        what="Signs of eight scripts, drawn in 28 x 28 grey pixels as PNG; the script is the class",
        load=scripts,
        rows=2_500,
    ),
    Dataset(
        name="items",
        modality=Modality.IMAGES,
        split=Split.REPORTING,
        packages=(FREEDROID,),
        columns=IMAGE,
        what="Things of a game from many sides, 40 x 40 coloured pixels as PNG; the kind of thing is the class",
        load=items,
        rows=2_400,
    ),
    Dataset(
        name="pictures",
        modality=Modality.IMAGES,
        split=Split.REPORTING,
        packages=(SUPERTUX,),
        columns=IMAGE,
        what="Creatures, objects, tiles and maps of a game as a folder of PNG files; the folder is the class",
        load=pictures,
        rows=2_000,
        folders=True,
    ),
)
