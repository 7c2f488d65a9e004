"""An embedding model as a check is given it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Shape (values, dimensions); every row has length one, or zero where a value says nothing."""


class Model(Protocol):
    """What turns values into vectors whose angles say how alike they are."""

    @property
    def name(self) -> str:
        """How to call it in a sentence."""

    @property
    def digest(self) -> str:
        """``sha256:`` over its files: what a scan was made with can be told afterwards."""


class TextEmbedder(Model, Protocol):
    """A model of texts."""

    @property
    def reads(self) -> Literal["text"]:
        """What it embeds."""

    def texts(self, values: Sequence[str]) -> Vectors:
        """Embed texts; the same text gives the same vector, whatever stands beside it."""


class PictureEmbedder(Model, Protocol):
    """A model of pictures."""

    @property
    def reads(self) -> Literal["picture"]:
        """What it embeds."""

    def pictures(self, values: npt.NDArray[np.uint8]) -> Vectors:
        """Embed pictures, shape (pictures, height, width, 3)."""


Embedder = TextEmbedder | PictureEmbedder
