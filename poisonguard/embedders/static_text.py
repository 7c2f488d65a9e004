"""Static word vectors (model2vec; Tulkens and van Dongen 2024): the mean of a text's tokens, thousands a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from poisonguard.embedders.vectors import Vectors, in_batches

BATCH = 256
MOST_TOKENS = 512


@dataclass(frozen=True)
class StaticText:
    """A model2vec folder."""

    name: str
    digest: str
    workers: int = field(repr=False, compare=False)
    model: Any = field(repr=False, compare=False)
    reads: Literal["text"] = "text"

    @classmethod
    def load(cls, folder: Path, name: str, digest: str, workers: int) -> StaticText:
        """Read the model; ``ImportError`` without the extra."""
        from model2vec import StaticModel  # noqa: PLC0415 - an extra, and slow to import

        return cls(name, digest, workers, StaticModel.from_pretrained(folder))

    def texts(self, values: Sequence[str]) -> Vectors:
        """Embed texts."""
        return in_batches(values, BATCH, self._batch, self.workers)

    def _batch(self, values: Sequence[str]) -> Any:
        return self.model.encode(list(values), max_length=MOST_TOKENS, use_multiprocessing=False)
