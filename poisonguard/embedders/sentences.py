"""Models that only sentence-transformers can run: no code of the model's own, no pickles, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from poisonguard.embedders.vectors import Vectors, unit

BATCH = 32


@dataclass(frozen=True)
class Sentences:
    """A sentence-transformers folder with weights in safetensors."""

    name: str
    digest: str
    model: Any = field(repr=False, compare=False)
    reads: Literal["text"] = "text"

    @classmethod
    def load(cls, folder: Path, name: str, digest: str) -> Sentences:
        """Read the model; ``ImportError`` where sentence-transformers is not installed."""
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra of gigabytes
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - as above

        disable_progress_bar()
        safe = {"use_safetensors": True}
        model = SentenceTransformer(
            str(folder), device="cpu", trust_remote_code=False, local_files_only=True, model_kwargs=safe
        )
        return cls(name, digest, model)

    def texts(self, values: Sequence[str]) -> Vectors:
        """Embed texts."""
        return unit(self.model.encode(list(values), batch_size=BATCH, show_progress_bar=False))
