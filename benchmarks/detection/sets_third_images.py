"""Pictures: emoji as a folder of files, and drawn or photographed stamps of a painting program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import EMOJI, STAMPS, unpacked
from poisonguard.redteam.png import encode

IMAGE = {"image": "image", "label": "label"}
FEWEST_PICTURES = 60
"""Of a class."""
SIDE = 48


def emoji(cache: Cache) -> pa.Table:
    """Emoji of 64 x 64 pixels, those of every colour of skin, as the files' own PNG; the category is the class."""
    root = unpacked(EMOJI, cache) / "package"
    folder = root / "img" / "twitter" / "64"
    rows = [(folder / name, label) for name, label in _named(json.loads((root / "emoji.json").read_text("utf-8")))]
    counts = Counter(label for path, label in rows if path.is_file())
    kept = [(path, label) for path, label in rows if path.is_file() and counts[label] >= FEWEST_PICTURES]
    images = pa.array([path.read_bytes() for path, _ in kept], pa.binary())
    return pa.table({"image": images, "label": [label for _, label in kept]})


def _named(entries: list[dict[str, object]]) -> Iterator[tuple[str, str]]:
    """Picture and category of every emoji, and of what it looks like in other colours."""
    for entry in entries:
        varied = entry.get("skin_variations", {})
        others = varied.values() if isinstance(varied, dict) else ()
        for one in (entry, *others):
            yield str(one["image"]), str(entry["category"]).lower().replace(" & ", "-")


def stamps(cache: Cache) -> pa.Table:
    """Photographs and drawings to stamp with, on white within 48 x 48 pixels; the theme is the class."""
    from PIL import Image  # noqa: PLC0415 - only for this set

    root = unpacked(STAMPS, cache) / "usr" / "share" / "tuxpaint" / "stamps"
    images, labels = [], []
    for path in sorted(path for path in root.rglob("*.png") if not path.stem.endswith("_mirror")):
        with Image.open(path) as opened:
            picture = opened.convert("RGBA")
        picture.thumbnail((SIDE, SIDE))
        ground = Image.new("RGBA", (SIDE, SIDE), "white")
        ground.alpha_composite(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
        images.append(encode(np.asarray(ground.convert("RGB"), np.uint8)))
        labels.append(path.relative_to(root).parts[0])
    counts = Counter(labels)
    table = pa.table({"image": pa.array(images, pa.binary()), "label": labels})
    return table.filter(pa.array([counts[label] >= FEWEST_PICTURES for label in labels]))


SETS = (
    Dataset(
        name="emoji",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(EMOJI,),
        columns=IMAGE,
        what="Emoji in every colour of skin as a folder of PNG files with an alpha channel; the folder is the class",
        load=emoji,
        rows=3_000,
        folders=True,
    ),
    Dataset(
        name="stamps",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(STAMPS,),
        columns=IMAGE,
        what="Photographs and drawings of a painting program, scaled to 48 x 48 and written as PNG, by theme",
        load=stamps,
        rows=530,
    ),
)
