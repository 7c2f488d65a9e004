"""One ONNX model, run on one thread, so that the same input gives the same bits on one kind of processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def session(path: Path) -> Any:
    """The model ready to run; ``ImportError`` without the extra, a runtime's own exception for what is no model."""
    import onnxruntime  # noqa: PLC0415 - an extra, and slow to import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
