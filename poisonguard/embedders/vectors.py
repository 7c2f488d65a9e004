"""What all embedding models share: batches in parallel, and vectors of length one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")

DIGITS = 3
"""Decimals that are kept: the last bits of a matrix product differ between processors, a verdict must not."""


def in_batches(values: Sequence[T], size: int, embed: Callable[[Sequence[T]], Any], workers: int) -> Vectors:
    """Embed ``size`` values at a time, several batches at once; the batches do not depend on ``workers``."""
    batches = [values[start : start + size] for start in range(0, len(values), size)]
    if not batches:
        return np.zeros((0, 0), np.float32)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        return unit(np.concatenate(list(pool.map(embed, batches))))


def unit(vectors: Any) -> Vectors:
    """Vectors of length one, rounded; a vector that is no number becomes zero."""
    held = np.nan_to_num(np.asarray(vectors, dtype=np.float64), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(held, axis=1, keepdims=True)
    scaled = np.divide(held, lengths, out=np.zeros_like(held), where=lengths > 0)
    return np.asarray(np.round(scaled, DIGITS), dtype=np.float32)
