"""What every sketch promises: a summary of rows that merges exactly.

A sketch is a frozen value, so that equal requests of several checks are computed once. Its state is an
Arrow table: it crosses processes, caches and machines as Arrow IPC, never as pickle. The laws, tested for
every sketch in ``tests/laws``:

1. identity       ``merge([state]) == state`` and ``merge([])`` is the state of no rows
2. associativity  ``merge([merge([a, b]), c]) == merge([a, b, c])``
3. partition      folding a table in any cut into blocks and merging in order gives the same state

Only exactly mergeable state keeps them: integers, fixed bins, minima and maxima, bottom-k by row hash.
A ``bulky`` sketch (one entry per row) merges by concatenation; the engine keeps its state on disk and hands
it out memory-mapped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

OWN = "poisonguard.sketches."
"""Modules whose classes need no longer name: no two of them share one."""

MADE = 64
"""Things made of a block that are kept at once."""

DigestArray = npt.NDArray[np.uint8]
"""Row digests, shape (rows, 32)."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A bounded run of consecutive rows of one file, or of files: what a sketch folds and a scorer scores.

    Attributes:
        file: Index of the (first) file in manifest order.
        first_row: Row number within the file of the first row, from 0.
        table: The rows, every column of the dataset's unified schema that was asked for.
        digests: Row digests, shape (rows, 32), uint8; independent of file format and of row order.
        made: What was made ``once``.
        counts: Nothing, or how many rows each of the files from ``file`` on has.
    """

    file: int
    first_row: int
    table: pa.RecordBatch
    digests: DigestArray
    made: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    counts: tuple[int, ...] = ()

    def places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """File of each row, and its number there, shapes (rows,)."""
        rows = np.arange(self.table.num_rows)
        if not self.counts:
            return np.full(len(rows), self.file), self.first_row + rows
        after = np.repeat(np.arange(len(self.counts)), self.counts)
        starts = np.cumsum((0, *self.counts))
        return self.file + after, rows - starts[after]

    def once(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What several sketches need of the rows: made when it is first asked for, forgotten with the block.

        Of very many the oldest are forgotten earlier: memory does not follow the number of columns.
        """
        if name not in self.made:
            if len(self.made) >= MADE:
                del self.made[next(iter(self.made))]
            self.made[name] = make()
        return self.made[name]

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """First 8 bytes of each row digest as big-endian unsigned integers: a uniform key per row."""
        return np.ascontiguousarray(self.digests[:, :8]).view(">u8").ravel().astype(np.uint64)


@dataclass(frozen=True)
class Sketch(ABC):
    """A request for one summary of some columns; subclasses add their parameters as frozen fields."""

    bulky: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """Stable name of the request: class and every parameter; a class of others also by its module."""
        parameters = ",".join(f"{item.name}={getattr(self, item.name)!r}" for item in fields(self))
        kind = type(self)
        name = kind.__name__ if kind.__module__.startswith(OWN) else f"{kind.__module__}.{kind.__qualname__}"
        return f"{name}({parameters})"

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...] | None:
        """Columns it reads; nothing means all of them."""

    @abstractmethod
    def fold(self, block: Block) -> pa.Table:
        """State of the rows of one block."""

    @abstractmethod
    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """State of all the rows behind ``states``, given in manifest order."""

    def moved(self, state: pa.Table, files: int) -> pa.Table:
        """State of the same rows when ``files`` files come before theirs: the same, where it says nothing of files."""
        del files
        return state

    def finished(self, state: pa.Table) -> pa.Table:
        """What checks are given of a state that nothing is merged into any more; the same unless a class says more."""
        return state

    def kept(self, state: pa.Table) -> pa.Table:
        """What of a state is stored with an approved version, for later ones to be compared with: all of it."""
        return state


def plain(column: pa.Array) -> pa.Array:
    """``column`` with a dictionary encoding, if any, undone: values do not depend on how a file stored them."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
