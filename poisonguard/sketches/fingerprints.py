"""Fingerprints of documents: the shingle set of every text.

Only the sets are kept, never signatures: the permutations of MinHash are drawn when documents are compared, from a seed
that follows from all rows (docs/adr/0021). So who writes a text cannot know which bands it will have, and the state
of the same rows is the same in every version. The key of the shingle hashes is fixed: versions are compared by them,
and equal shingles have equal hashes whatever the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.kernels.mapped import passing
from poisonguard.kernels.neighbours import Clusters, Documents, cluster
from poisonguard.kernels.prints import Sets
from poisonguard.kernels.run import Run
from poisonguard.kernels.shingle import shingle
from poisonguard.sketches.base import Block, Sketch

KEY = 0x706F69736F6E
"""Of the shingle hashes."""

SHINGLE_WORDS = 5

SCHEMA = pa.schema(
    [
        pa.field("words", pa.uint32(), nullable=False),
        pa.field("shingles", pa.large_list(pa.field("item", pa.uint32(), nullable=False)), nullable=False),
    ]
)


@dataclass(frozen=True)
class ShingleSets(Sketch):
    """Shingle set of every row's text.

    Several columns are read as one document, in the order given. A row without text has no words and no shingles.

    State: ``words`` uint32, ``shingles`` large_list<uint32> (each hash once).

    Attributes:
        texts: Columns that make up the document.
        size: Words in a shingle.
    """

    bulky: ClassVar[bool] = True

    texts: tuple[str, ...]
    size: int = SHINGLE_WORDS

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The text columns."""
        return self.texts

    def document(self, block: Block) -> pa.Array:
        """Text of each row."""
        return document_of(block.table, self.texts)

    def fold(self, block: Block) -> pa.Table:
        """Sets of the block's documents."""
        sets = shingle(self.document(block), size=self.size, seed=KEY)
        rows = block.table.num_rows
        lists = pa.Array.from_buffers(
            SCHEMA.field("shingles").type, rows, [None, pa.py_buffer(sets.offsets)], children=[pa.array(sets.shingles)]
        )
        return pa.Table.from_arrays([pa.array(sets.words), lists], schema=SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else SCHEMA.empty_table()


@dataclass(frozen=True)
class ShortShingleSets(ShingleSets):
    """Sets of shorter shingles, of short texts only: one of more than ``longest`` bytes counts as one without text."""

    size: int = 2
    longest: int = 512

    def document(self, block: Block) -> pa.Array:
        """Text of each row that is short."""
        texts = document_of(block.table, self.texts)
        return pc.if_else(pc.less_equal(pc.binary_length(texts), self.longest), texts, "")


@dataclass(frozen=True, slots=True, eq=False)
class NearCopies:
    """A question: which documents are near copies of one another?

    Attributes:
        sketch: What their states are of.
        states: State of each version, the candidate's first.
        eligible: Documents to consider, shape (documents,).
        threshold: Jaccard similarity, in (0, 1].
        seed: 64 bits that nobody knew when the documents were written.
    """

    sketch: ShingleSets
    states: tuple[pa.Table, ...]
    eligible: npt.NDArray[np.bool_]
    threshold: float
    seed: int


class NearSearch(Protocol):
    """Answers the question. All give the same answer; they differ in where it is found."""

    def __call__(self, asked: NearCopies, run: Run, /) -> Clusters:
        """Clusters of the documents of all versions, one after the other; ``run`` does work that stays here."""


def search_here(asked: NearCopies, run: Run, /) -> Clusters:
    """The answer of this process."""
    return cluster(
        documents(*asked.states), threshold=asked.threshold, seed=asked.seed, eligible=asked.eligible, run=run
    )


def documents(*states: pa.Table) -> Documents:
    """The documents of ``ShingleSets`` states, one after the other, where they lie (memory-mapped, if they are)."""
    return Documents([Sets(np.asarray(part.offsets), np.asarray(part.values)) for part in _chunks(states)])


def word_counts(state: pa.Table) -> Iterator[npt.NDArray[np.uint32]]:
    """Number of words of every document, chunk by chunk, shapes (rows of the chunk,)."""
    return (np.asarray(chunk, dtype=np.uint32) for chunk in passing(state["words"].chunks))


def enough_words(state: pa.Table, fewest: int) -> npt.NDArray[np.bool_]:
    """Documents of at least ``fewest`` words, shape (rows,)."""
    return np.concatenate([np.zeros(0, dtype=np.bool_), *(words >= fewest for words in word_counts(state))])


def _chunks(states: Iterable[pa.Table]) -> Iterator[pa.LargeListArray]:
    """The lists; a chunk without rows is left out, for its offsets may be missing altogether."""
    return (chunk for state in states for chunk in state["shingles"].chunks if len(chunk))


def document_of(batch: pa.RecordBatch, texts: Sequence[str]) -> pa.Array:
    """The text columns joined by line breaks."""
    # Nulls are filled: Arrow's own way to skip them loses rows that are null throughout (seen in 26.0.1).
    parts = [_text(batch.column(name)).fill_null("") for name in texts]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, pa.scalar("\n", pa.large_string()))


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.large_string())
