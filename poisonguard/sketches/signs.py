"""Signs in texts that a rulebook knows, by kind, and how they are searched for.

1. A rulebook's ``suspect`` pattern (RE2: linear time) passes over nearly all texts without leaving Arrow; only what is
   left is read by ``find``, whose patterns are bounded or anchored, so that they take linear time as well.
2. ``find`` sees the text and what else the row says: a sign may be innocent where the row speaks of the matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.finding import Level

LONGEST_TEXT = 1 << 20
"""Characters of a text that ``find`` reads; a sign behind them is not seen."""

Found = Mapping[str, str]
"""Kind to the fragment that shows it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of sign and what it weighs.

    Attributes:
        name: What a message calls it.
        score: Suspicion of a row that holds it; different for every kind of a book.
        alone: Level without a reference, or where the reference says nothing of it; nothing means it is not told.
        min_rows: Rows it takes for that.
        burst: Level where it is more frequent than in the reference.
        usual: Whether honest data bring more of it along: only where the reference holds none is a burst more.
    """

    name: str
    score: float
    alone: Level | None = Level.NOTE
    min_rows: int = 1
    burst: Level = Level.WARNING
    usual: bool = False


@dataclass(frozen=True)
class Rulebook:
    """Kinds, gravest first, and how they are found.

    Attributes:
        name: Under which ``poisonguard.sketches.rulebooks`` lists it.
        kinds: What it knows.
        suspect: RE2 pattern without which a text holds none of them.
        find: (text, the rest of its row) to what is found.
        masked: How a fragment may be shown.
    """

    name: str
    kinds: tuple[Kind, ...]
    suspect: str
    find: Callable[[str, str], Found]
    masked: Callable[[str], str] = str

    @cached_property
    def scores(self) -> Mapping[str, float]:
        """Score by name of the kind."""
        return {kind.name: kind.score for kind in self.kinds}

    def signs(self, table: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[str, int, Found]]:
        """(column, row, what is found) for every text with a sign."""
        for column in columns:
            texts = pc.cast(table.column(column), pa.large_string())
            matches = pc.fill_null(pc.match_substring_regex(texts, self.suspect), fill_value=False)
            for row in np.flatnonzero(np.asarray(matches)).tolist():
                text = texts[row].as_py()[:LONGEST_TEXT]
                found = self.find(text, _beside(table, columns, column, row))
                if found:
                    yield column, row, found


def _beside(table: pa.RecordBatch, columns: Sequence[str], column: str, row: int) -> str:
    others = (table.column(name)[row].as_py() for name in columns if name != column)
    return "\n".join(other[:LONGEST_TEXT] for other in others if other)
