"""Signs in texts that a rulebook knows, by kind, and how they are searched for.

1. A rulebook's ``suspect`` pattern (RE2: linear time) passes over nearly all texts without leaving Arrow; only what is
   left is read by ``find``, whose patterns are bounded or anchored, so that they take linear time as well.
2. ``find`` sees the text and what else the row says: a sign may be innocent where the row speaks of the matter.
3. Of a nested column the strings inside are read, joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.domain.finding import Level
from poisonguard.kernels.nested import inner_texts

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
        hinted: Whether fewer rows than ``min_rows`` are a note: it has hardly an innocent use.
        habitual: Whether a column that is made of it is ordinary, a note at most.
        matter: RE2 pattern; rows that speak of it without any sign excuse the kind, where they are many.
    """

    name: str
    score: float
    alone: Level | None = Level.NOTE
    min_rows: int = 1
    burst: Level = Level.WARNING
    usual: bool = False
    hinted: bool = False
    habitual: bool = True
    matter: str = ""


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
        texts = {column: texts_of(column, table.column(column)) for column in columns}
        for column in columns:
            matches = pc.fill_null(pc.match_substring_regex(texts[column], self.suspect), fill_value=False)
            for row in np.flatnonzero(np.asarray(matches)).tolist():
                text = texts[column][row].as_py()[:LONGEST_TEXT]
                found = self.find(text, _beside(texts, column, row))
                if found:
                    yield column, row, found


def texts_of(column: str, values: pa.Array) -> pa.Array:
    """The texts of a column, shape (rows,): of a nested one the strings inside."""
    return inner_texts(column, values) if pt.is_nested(values.type) else pc.cast(values, pa.large_string())


def _beside(texts: Mapping[str, pa.Array], column: str, row: int) -> str:
    others = (array[row].as_py() for name, array in texts.items() if name != column)
    return "\n".join(other[:LONGEST_TEXT] for other in others if other)
