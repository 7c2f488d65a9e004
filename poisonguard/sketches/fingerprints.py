"""Fingerprints of documents: the shingle set of every text and its MinHash signature.

The ``seed`` keys both the shingle hashes and the permutations. With a public seed an attacker can build
near-copies that differ in every band and so are never compared; the best seed is one drawn for the run and
recorded in the statement. A sketch cannot know the evidence's seed (it exists before any row is read), so the
seed is a field: ``DEFAULT_SEED`` keeps results comparable between scans until a run's key is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.kernels.mapped import passing
from poisonguard.kernels.minhash import PERMUTATIONS, signatures
from poisonguard.kernels.neighbours import Documents
from poisonguard.kernels.shingle import shingle
from poisonguard.kernels.verify import Sets
from poisonguard.sketches.base import Block, Sketch

DEFAULT_SEED = 0x706F69736F6E
SHINGLE_WORDS = 5

SCHEMA = pa.schema(
    [
        pa.field("words", pa.uint32(), nullable=False),
        pa.field("shingles", pa.large_list(pa.field("item", pa.uint32(), nullable=False)), nullable=False),
        pa.field("signature", pa.list_(pa.field("item", pa.uint32(), nullable=False), PERMUTATIONS), nullable=False),
    ]
)


@dataclass(frozen=True)
class ShingleSets(Sketch):
    """Shingle set and MinHash signature of every row's text.

    Several columns are read as one document, in the order given. A row without text has no words, no shingles
    and the signature of the empty set.

    State: ``words`` uint32, ``shingles`` large_list<uint32> (each hash once), ``signature``
    fixed_size_list<uint32>[128], bit-identical to ``datasketch.MinHash(scheme="affine32")`` over the shingles.

    Attributes:
        texts: Columns that make up the document.
        size: Words in a shingle.
        seed: Key of hashes and permutations.
    """

    bulky: ClassVar[bool] = True

    texts: tuple[str, ...]
    size: int = SHINGLE_WORDS
    seed: int = DEFAULT_SEED

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The text columns."""
        return self.texts

    def fold(self, block: Block) -> pa.Table:
        """Sets and signatures of the block's documents."""
        sets = shingle(_document(block.table, self.texts), size=self.size, seed=self.seed)
        rows = block.table.num_rows
        lists = pa.Array.from_buffers(
            SCHEMA.field("shingles").type, rows, [None, pa.py_buffer(sets.offsets)], children=[pa.array(sets.shingles)]
        )
        flat = pa.array(signatures(sets.shingles, sets.offsets, self.seed & 0xFFFFFFFF).ravel())
        fixed = pa.Array.from_buffers(SCHEMA.field("signature").type, rows, [None], children=[flat])
        return pa.Table.from_arrays([pa.array(sets.words), lists, fixed], schema=SCHEMA)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One after the other."""
        return pa.concat_tables(states) if states else SCHEMA.empty_table()


def documents(*states: pa.Table) -> Documents:
    """The documents of ``ShingleSets`` states, one after the other, where they lie (memory-mapped, if they are)."""
    tables = [state.select(["shingles", "signature"]) for state in states]
    return Documents([_chunk(batch) for table in tables for batch in table.to_batches()])


def word_counts(state: pa.Table) -> Iterator[npt.NDArray[np.uint32]]:
    """Number of words of every document, chunk by chunk, shapes (rows of the chunk,)."""
    return (np.asarray(chunk, dtype=np.uint32) for chunk in passing(state["words"].chunks))


def enough_words(state: pa.Table, fewest: int) -> npt.NDArray[np.bool_]:
    """Documents of at least ``fewest`` words, shape (rows,)."""
    return np.concatenate([np.zeros(0, dtype=np.bool_), *(words >= fewest for words in word_counts(state))])


def _chunk(batch: pa.RecordBatch) -> Sets:
    sets, signature = batch.column("shingles"), batch.column("signature")
    start, rows, width = signature.offset, len(signature), PERMUTATIONS
    flat = np.asarray(signature.values)[start * width : (start + rows) * width]
    return Sets(flat.reshape(rows, width), np.asarray(sets.offsets), np.asarray(sets.values))


def _document(batch: pa.RecordBatch, texts: Sequence[str]) -> pa.Array:
    """The text columns joined by line breaks."""
    # Nulls are filled: Arrow's own way to skip them loses rows that are null throughout (seen in 26.0.1).
    parts = [_text(batch.column(name)).fill_null("") for name in texts]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, pa.scalar("\n", pa.large_string()))


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.large_string())
