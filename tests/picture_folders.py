"""Folders of drawn pictures on disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawn_pictures import CLASSES, strokes
from PIL import Image


def png(seed: int = 0, side: int = 8, kind: str = "PNG") -> bytes:
    """One small picture as a file."""
    grid = np.random.default_rng(seed).integers(0, 255, (side, side, 3)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(grid).save(content, kind)
    return content.getvalue()


def put(root: Path, name: str, content: bytes) -> Path:
    """A file below ``root``."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_all(root: Path, names: Sequence[str]) -> Path:
    """Different small pictures of these names, in the formats that they say; the root."""
    kinds = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF"}
    for seed, name in enumerate(names):
        kind = name.rpartition(".")[2].lower()
        put(root, name, png(seed, kind=kinds.get(kind, kind.upper())))
    return root


def put_strokes(root: Path, rows: int = 120, seed: int = 5) -> Path:
    """Drawn strokes in a folder for each class; the root."""
    grids, codes = strokes(rows, seed)
    for number, (grid, code) in enumerate(zip(grids, codes, strict=True)):
        content = io.BytesIO()
        Image.fromarray(grid).save(content, "PNG")
        put(root, f"{CLASSES[code]}/{number:04d}.png", content.getvalue())
    return root
