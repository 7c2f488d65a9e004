"""A folder of picture files: the folder that a picture lies in is its class."""

from __future__ import annotations

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import GNOME, unpacked

SIZES = ("24x24", "32x32", "48x48")
CLASSES = ("actions", "apps", "categories", "devices", "emotes", "mimetypes", "places", "status")


def theme(cache: Cache) -> pa.Table:
    """Icons of a desktop in three sizes, as the files' own PNG."""
    root = unpacked(GNOME, cache) / "usr" / "share" / "icons" / "gnome"
    files = [
        path
        for size in SIZES
        for name in CLASSES
        for path in sorted((root / size / name).glob("*.png"))
        if not path.is_symlink()
    ]
    images = pa.array([path.read_bytes() for path in files], pa.binary())
    return pa.table({"image": images, "label": [path.parent.name for path in files]})


SETS = (
    Dataset(
        name="icon-folders",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(GNOME,),
        columns={"image": "image", "label": "label"},
        what="Icons of another desktop as a folder of PNG files; the folder is the class",
        load=theme,
        rows=1_050,
        folders=True,
    ),
)
