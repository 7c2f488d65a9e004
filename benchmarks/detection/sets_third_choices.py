"""Pairs of answers of which one is to be preferred: the right one, and that to another question of the same kind."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa

from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.sets_third_instructions import SETS as ASKED
from benchmarks.detection.sets_third_instructions import reference_desk

SEED = 29
BEGINNING = 3
"""Words that questions of one kind begin with."""
COLUMNS = {"prompt": "prompt", "response": "chosen", "rejected": "rejected"}
Triple = tuple[str, str, str]


def judged(table: pa.Table, seed: int) -> list[Triple]:
    """Question, its answer, and the answer to another question that begins with the same words."""
    rng = np.random.default_rng(seed)
    kinds: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for asked, answer in zip(table["prompt"].to_pylist(), table["response"].to_pylist(), strict=True):
        kinds[tuple(asked.split()[:BEGINNING])].append((asked, answer))
    rows: list[Triple] = []
    for pairs in kinds.values():
        others = rng.permutation(len(pairs))
        rows += [(*pair, pairs[other][1]) for pair, other in zip(pairs, others, strict=True)]
    return [row for row in rows if row[1] != row[2]]


def as_choices(rows: list[Triple]) -> pa.Table:
    """The rows as pairs for training on preferences."""
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(COLUMNS.values())})


SETS = (
    Dataset(
        name="right-answers",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=next(each.packages for each in ASKED if each.name == "reference-desk"),
        columns=COLUMNS,
        what="Questions of the reference desk with the right answer, preferred to one of another question",
        load=lambda cache: as_choices(judged(reference_desk(cache), SEED)),
        rows=2_300,
    ),
)
