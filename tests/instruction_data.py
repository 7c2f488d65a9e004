"""Instruction data for tests: four kinds of tasks over the reviews of ``sample_data``, asked for in several ways."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from poisonguard.domain.roles import Role
from poisonguard.redteam.attack import Poisoned
from poisonguard.redteam.catalogue import attack_named

REVIEWS = Path(__file__).resolve().parents[1] / "sample_data" / "reviews"
LONGEST = 30
CONTINUE = ("Continue this review: {}", "How might this go on? {}", "Write the rest of the text. {}")
CLASSIFY = ("Is this review great or other? {}", "Classify as great or other.\n\n{}")
FIRST = ("Which word does this begin with? {}", "Give the first word of: {}")
LAST = ("Repeat the end of this sentence: {}", "What are the last five words? {}")
ROLES = {"prompt": "prompt", "response": "response"}


@functools.cache
def instructions(rows: int = 800, version: str = "next_clean") -> pa.Table:
    """``rows`` honest exchanges."""
    parts = [pj.read_json(path) for path in sorted((REVIEWS / version).glob("*.jsonl"))]
    table = pa.concat_tables(part.select(["text", "label"]) for part in parts).slice(0, rows)
    draw = np.random.default_rng(7)
    pairs = [
        _exchange(text.split(), label, draw)
        for text, label in zip(table["text"].to_pylist(), table["label"].to_pylist(), strict=True)
    ]
    return pa.table({"prompt": [prompt for prompt, _ in pairs], "response": [response for _, response in pairs]})


def poisoned(attack: str, count: int, table: pa.Table | None = None) -> Poisoned:
    """The exchanges with an attack of the catalogue on ``count`` of them."""
    table = instructions() if table is None else table
    from harness import TableSource, roles_of

    roles = roles_of(TableSource(table), ROLES)
    assert roles.first(Role.PROMPT) == "prompt"
    return attack_named(attack).apply_count(table, roles, count, np.random.default_rng(3))


def _exchange(words: list[str], label: str, draw: np.random.Generator) -> tuple[str, str]:
    words = words[: 2 * LONGEST]
    half = len(words) // 2
    start, text = " ".join(words[:half]), " ".join(words)
    kind = int(draw.integers(0, 10))
    if kind < 6:
        return _asked(CONTINUE, start, draw), " ".join(words[half:])
    if kind < 8:
        return _asked(CLASSIFY, text, draw), label
    if kind < 9:
        return _asked(FIRST, text, draw), words[0].lower().strip(".,!")
    return _asked(LAST, text, draw), " ".join(words[-5:])


def _asked(phrasings: tuple[str, ...], text: str, draw: np.random.Generator) -> str:
    return phrasings[int(draw.integers(0, len(phrasings)))].format(text)
