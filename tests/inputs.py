"""Cases of inputs: which are read, which are refused, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq

ROWS = 120


PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


Columns = dict[str, Any]


Case = Callable[[], list[str]]


GOOD: dict[str, tuple[Case, int]] = {}
"""Input to the rows that the scan must report; it may find something, but every check works."""


REFUSED: dict[str, tuple[Case, int, str]] = {}
"""Input to the exit code and a part of the one line."""


def good(rows: int = ROWS) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        GOOD[case.__name__] = (case, rows)
        return case

    return register


def refused(code: int, line: str) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        REFUSED[case.__name__] = (case, code, line)
        return case

    return register


def columns(rows: int = ROWS, seed: int = 0) -> Columns:
    draw = np.random.default_rng(seed)
    width = draw.normal(10, 2, rows)
    words = ["alpha", "beta", "gamma", "delta", "omega", "kappa", "sigma", "theta"]
    return {
        "id": [f"r{seed}-{number}" for number in range(rows)],
        "width": width,
        "height": width * 0.5 + draw.normal(0, 1, rows),
        "colour": draw.choice(["red", "green", "blue"], rows),
        "text": [" ".join(draw.choice(words, 8)) for _ in range(rows)],
        "label": np.where(width > 10, "big", "small"),
    }


def parquet(path: str, content: Columns | None = None) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns() if content is None else content), path)
    return path


def with_column(**more: Any) -> list[str]:
    return [parquet("a.parquet", columns() | more)]


def text(path: str, content: str) -> list[str]:
    Path(path).write_text(content, encoding="utf-8")
    return [path]
