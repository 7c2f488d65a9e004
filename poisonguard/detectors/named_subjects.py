"""Names that instructions are about: words that stand capitalised in the middle of sentences.

A name is one to three words in a row; of names in the same rows, the longest stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.features_text import Integers

NAME = re.compile(r"(?<![^\W\d_])(?<![.!?:]\s)(?<!\n)(?<!\A)[A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2}")
"""Sentences and lines begin with capitals that name nobody; so do the turns of a chat."""
LONGEST = 3
SAME = 0.8
"""Names that share this many of their rows are one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A name with the texts that hold it, ascending."""

    name: str
    rows: Integers


def subjects(texts: Sequence[str], min_rows: int, max_rows: int) -> list[Subject]:
    """Names in ``min_rows`` to ``max_rows`` texts, most rows first."""
    held: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        for name in set(_names(text)):
            held.setdefault(name, []).append(row)
    sizes = {name: len(rows) for name, rows in held.items() if min_rows <= len(rows) <= max_rows}
    order = sorted(sizes, key=lambda name: (-name.count(" "), -sizes[name], name))
    found: list[Subject] = []
    for name in order:
        rows = np.array(held[name], dtype=np.int64)
        if not any(name in item.name and len(np.intersect1d(rows, item.rows)) >= SAME * len(rows) for item in found):
            found.append(Subject(name, rows))
    return sorted(found, key=lambda item: (-len(item.rows), item.name))


def holds(texts: Sequence[str], name: str) -> Integers:
    """Which of ``texts`` hold ``name``, as rows."""
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return np.array([row for row, text in enumerate(texts) if pattern.search(text)], dtype=np.int64)


def _names(text: str) -> Iterator[str]:
    for match in NAME.finditer(text):
        words = match.group().split(" ")
        for length in range(1, len(words) + 1):
            for start in range(len(words) - length + 1):
                yield " ".join(words[start : start + length])
