"""A transformer of texts in ONNX, with its tokenizer: the mean over a text's tokens (Reimers and Gurevych 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from poisonguard.embedders.onnx_session import session
from poisonguard.embedders.vectors import Vectors, in_batches

BATCH = 32
MOST_TOKENS = 256
TOKENS = 3
"""Dimensions of an output that still has one vector for each token."""


@dataclass(frozen=True)
class OnnxText:
    """A folder with a tokenizer and an ONNX model."""

    name: str
    digest: str
    workers: int = field(repr=False, compare=False)
    session: Any = field(repr=False, compare=False)
    tokenizer: Any = field(repr=False, compare=False)
    reads: Literal["text"] = "text"

    @classmethod
    def load(cls, model: Path, tokenizer: Path, name: str, digest: str, workers: int) -> OnnxText:
        """Read the model; ``ImportError`` without the extra."""
        from tokenizers import Tokenizer  # noqa: PLC0415 - an extra

        words = Tokenizer.from_file(str(tokenizer))
        words.enable_truncation(MOST_TOKENS)
        words.enable_padding()
        return cls(name, digest, workers, session(model), words)

    def texts(self, values: Sequence[str]) -> Vectors:
        """Embed texts."""
        return in_batches(values, BATCH, self._batch, self.workers)

    def _batch(self, values: Sequence[str]) -> Any:
        encoded = self.tokenizer.encode_batch(list(values))
        mask = np.array([item.attention_mask for item in encoded], dtype=np.int64)
        known = {
            "input_ids": np.array([item.ids for item in encoded], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.array([item.type_ids for item in encoded], dtype=np.int64),
        }
        wanted = {item.name: known[item.name] for item in self.session.get_inputs()}
        output = np.asarray(self.session.run(None, wanted)[0], dtype=np.float64)
        if output.ndim != TOKENS:
            return output
        weight = mask[:, :, None]
        return (output * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
