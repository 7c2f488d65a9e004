"""An encoder of pictures in ONNX: input (pictures, 3, height, width), output one vector for each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poisonguard.embedders.onnx_session import session
from poisonguard.embedders.vectors import Vectors, in_batches

BATCH = 32
COMMON_SIDE = 224
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures: what encoders are trained on unless they say otherwise."""
SETTINGS = "preprocessor_config.json"


@dataclass(frozen=True)
class OnnxPictures:
    """An ONNX file, and beside it perhaps how pictures are prepared for it."""

    name: str
    digest: str
    workers: int = field(repr=False, compare=False)
    session: Any = field(repr=False, compare=False)
    mean: tuple[float, ...] = field(repr=False, compare=False)
    spread: tuple[float, ...] = field(repr=False, compare=False)
    reads: Literal["picture"] = "picture"

    @classmethod
    def load(cls, model: Path, name: str, digest: str, workers: int) -> OnnxPictures:
        """Read the model; ``ImportError`` without the extra."""
        beside = model.parent / SETTINGS
        said = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
        mean, spread = tuple(said.get("image_mean", MEAN)), tuple(said.get("image_std", SPREAD))
        return cls(name, digest, workers, session(model), mean, spread)

    def pictures(self, values: npt.NDArray[np.uint8]) -> Vectors:
        """Embed pictures."""
        return in_batches(values, BATCH, self._batch, self.workers)  # type: ignore[arg-type] # an array is sliced as a sequence is

    def _batch(self, values: npt.NDArray[np.uint8]) -> Any:
        (wanted,) = self.session.get_inputs()
        height, width = (side if isinstance(side, int) else COMMON_SIDE for side in wanted.shape[2:])
        scaled = (_resized(values, height, width) / 255 - np.array(self.mean)) / np.array(self.spread)
        ready = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)
        return np.asarray(self.session.run(None, {wanted.name: ready})[0]).reshape(len(values), -1)


def _resized(values: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.float64]:
    """Bilinear, shape (pictures, height, width, 3)."""
    rows, columns = _places(values.shape[1], height), _places(values.shape[2], width)
    held = values.astype(np.float64)
    held = held[:, rows[0]] * (1 - rows[2])[:, None, None] + held[:, rows[1]] * rows[2][:, None, None]
    return np.asarray(held[:, :, columns[0]] * (1 - columns[2])[:, None] + held[:, :, columns[1]] * columns[2][:, None])


def _places(have: int, want: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(place before, place after, share of the latter) of each wanted place."""
    place = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, have - 1), place - before
