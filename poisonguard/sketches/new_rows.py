"""A sketch of the delta: of the rows that the reference does not hold, all of them, exactly.

The engine folds the reference first and hands every block of the candidate through a ``DigestSet`` of the
reference's row digests; what is left is folded as by any other sketch. So a candidate of a million old rows and a
thousand new ones has a sample of all thousand, where a sample of the whole would hold twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.sketches.base import Block, DigestArray, Sketch

KEY_BYTES = 16
"""Bytes of a digest that are compared. 64 bits would not do: whoever writes rows could try 2^40 of them until one
passes for a row of a large reference."""


@dataclass(frozen=True)
class NewRows(Sketch):
    """``inner`` over the rows that are not in the reference; only asked for when there is one."""

    inner: Sketch

    def __post_init__(self) -> None:
        """Refuse a sketch with an entry per row: its row numbers would be those of the delta."""
        if self.inner.bulky:
            raise ValueError(f"{self.inner.key} is bulky and cannot be folded over new rows")

    @property
    def key(self) -> str:
        """Named by the key of ``inner``, which says of a class of others also its module."""
        return f"NewRows({self.inner.key})"

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Those of ``inner``."""
        return self.inner.columns

    def fold(self, block: Block) -> pa.Table:
        """State of a block that holds nothing but new rows."""
        return self.inner.fold(block)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """As ``inner`` does."""
        return self.inner.merge(states)

    def finished(self, state: pa.Table) -> pa.Table:
        """As ``inner`` does."""
        return self.inner.finished(state)

    def moved(self, state: pa.Table, files: int) -> pa.Table:
        """As ``inner`` does."""
        return self.inner.moved(state, files)


class DigestSet:
    """The row digests of a version, for asking which of others it holds: 16 bytes a row."""

    def __init__(self, parts: Sequence[DigestArray]) -> None:
        first = np.concatenate([np.zeros(0, np.uint64), *(_word(part, 0) for part in parts)])
        second = np.concatenate([np.zeros(0, np.uint64), *(_word(part, 1) for part in parts)])
        order = np.lexsort((second, first))
        first, second = first[order], second[order]
        # Copies once: were there many, whoever asks for a row like them would wait for all of them.
        other = np.ones(len(first), dtype=np.bool_)
        other[1:] = (np.diff(first) != 0) | (np.diff(second) != 0)
        self._first, self._second = first[other], second[other]

    @classmethod
    def of_table(cls, table: pa.Table) -> DigestSet:
        """The set that ``table`` gave; it lies where the table lies."""
        held = cls(())
        held._first, held._second = (table[name].combine_chunks().to_numpy() for name in ("first", "second"))
        return held

    def table(self) -> pa.Table:
        """Every digest once, in order, as two words."""
        return pa.table({"first": self._first, "second": self._second})

    def holds(self, digests: DigestArray) -> npt.NDArray[np.bool_]:
        """Which of ``digests``, shape (rows, 32), are in the set; shape (rows,)."""
        first, second = _word(digests, 0), _word(digests, 1)
        place = np.searchsorted(self._first, first)
        found = np.zeros(len(first), dtype=np.bool_)
        # Once, but for digests that share their first eight bytes.
        while True:
            here = place < len(self._first)
            here[here] = self._first[place[here]] == first[here]
            here &= ~found
            if not here.any():
                return found
            found[here] = self._second[place[here]] == second[here]
            place = place + 1


def only_new(block: Block, known: DigestSet) -> Block:
    """The rows of ``block`` that ``known`` does not hold; perhaps none."""
    new = ~known.holds(block.digests)
    if new.all():
        return block
    counts = block.counts
    if counts:
        files, _ = block.places()
        counts = tuple(np.bincount(files[new] - block.file, minlength=len(counts)).tolist())
    return Block(block.file, block.first_row, block.table.filter(pa.array(new)), block.digests[new], counts=counts)


def _word(digests: DigestArray, index: int) -> npt.NDArray[np.uint64]:
    """Eight bytes of each digest as one number, shape (rows,)."""
    start = index * KEY_BYTES // 2
    word = np.ascontiguousarray(digests[:, start : start + KEY_BYTES // 2])
    return np.asarray(word.view(">u8").ravel(), dtype=np.uint64)
