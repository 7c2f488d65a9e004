"""Rows that hold an evaluation item word for word before anything is planted: real data overlap by themselves.

Such a row is neither poison nor an error to name. Items are looked for by their first words, letters and white space
made alike; those of few words are left out, since many rows hold them by chance. Nothing of the check that is measured
is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FIRST = 5
FEWEST = 8
"""Words of an item that is looked for."""


def holding(texts: Sequence[str], items: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each text holds an item of ``FEWEST`` words or more, shape (texts,)."""
    starts: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for item in items:
        words = item.casefold().split()
        if len(words) >= FEWEST:
            starts[tuple(words[:FIRST])].add(f" {' '.join(words)} ")
    return np.array([_holds(text.casefold().split(), starts) for text in texts], np.bool_)


def _holds(words: list[str], starts: defaultdict[tuple[str, ...], set[str]]) -> bool:
    places = zip(*(words[number:] for number in range(FIRST)), strict=False)
    wanted = {item for place in places if place in starts for item in starts[place]}
    whole = f" {' '.join(words)} "
    return any(item in whole for item in wanted)
