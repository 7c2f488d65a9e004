"""Pairs of answers: the right one or another question's, and words spelled rightly or wrongly."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import read_text
from benchmarks.detection.reporting_instructions import SETS as ASKED
from benchmarks.detection.reporting_instructions import almanac
from benchmarks.detection.reporting_packages import CODESPELL
from benchmarks.detection.sets_third_choices import COLUMNS, Triple, as_choices, judged

SEED = 43
SPELLED = ("How is {0} spelled correctly?", "Correct the spelling: {0}", "I wrote {0}. What is the right spelling?")
MOST_WORDS = 900


def preferences(cache: Cache) -> pa.Table:
    """Both kinds of pairs."""
    rows = [*judged(almanac(cache), SEED), *_spellings(cache)]
    return as_choices([rows[place] for place in np.random.default_rng(SEED).permutation(len(rows))])


def _spellings(cache: Cache) -> list[Triple]:
    """A misspelled word, the word, and how else it is misspelled; every word once."""
    rng = np.random.default_rng(SEED)
    misspelled: dict[str, list[str]] = defaultdict(list)
    path = unpacked(CODESPELL, cache) / "codespell_lib" / "data" / "dictionary.txt"
    for line in read_text(path).splitlines():
        wrong, _, right = line.partition("->")
        if "," not in right:
            misspelled[right.strip()].append(wrong)
    words = [word for word, wrongs in misspelled.items() if len(wrongs) > 1]
    rows: list[Triple] = []
    for place in rng.permutation(len(words))[:MOST_WORDS]:
        word = words[place]
        asked, other = rng.choice(misspelled[word], 2, replace=False)
        rows.append((SPELLED[int(rng.integers(len(SPELLED)))].format(asked), word, str(other)))
    return rows


SETS = (
    Dataset(
        name="preferences",
        modality=Modality.INSTRUCTION,
        split=Split.REPORTING,
        packages=(*next(each.packages for each in ASKED if each.name == "almanac"), CODESPELL),
        columns=COLUMNS,
        what="Pairs of answers: the right one before another question's, the right spelling before a wrong one",
        load=preferences,
        rows=3_500,
    ),
)
