"""Room for what is computed on the way: taken from Arrow's memory pool, which hands the same pages out again.

A large array of NumPy's own is often a fresh mapping, and the first touch of a page costs more than what is done there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def scratch(size: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of ``size`` numbers of any value."""
    width = np.dtype(kind).itemsize
    return np.frombuffer(pa.allocate_buffer(size * width), dtype=kind)
