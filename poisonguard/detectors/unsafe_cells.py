"""Cells of binary columns that are programs, pickles or archives: told from their content.

1. The first pass, which reads every byte anyway, says which kinds there are; only then the second pass looks again and
   names the rows. Clean data are read once.
2. Cells of one kind are one finding, with one of them as its example: the first by column, then by what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.dataset.celllook import TOLD, look_in_cell
from poisonguard.domain.dataset import Kind
from poisonguard.domain.filefact import FileKind
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Block, Context, RowScorer, Scored, Scores
from poisonguard.sketches.base import Sketch

TOP_SCORE, SCORE_STEP = 0.98, 0.01
SCORES = {kind: TOP_SCORE - SCORE_STEP * place for place, kind in enumerate(kind for kind in FileKind if kind in TOLD)}
"""The gravest kind scores highest."""

LONGEST = 400
"""Characters of what a cell shows that are kept."""

_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("column", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("cells", pa.int64()),
    ]
)


def binary_columns(context: Context) -> tuple[str, ...]:
    """Columns whose cells are bytes, those of pictures among them."""
    return tuple(column.name for column in context.columns if column.kind is Kind.BINARY)


@dataclass(frozen=True)
class CellKinds(Sketch):
    """How many cells of each kind each of some binary columns holds.

    State: ``kind``, ``column``, ``detail`` (what one of them shows: the first in order of the text), ``cells`` int64;
    ordered by kind and column.

    Attributes:
        binary: The columns.
    """

    binary: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The binary columns."""
        return self.binary

    def fold(self, block: Block) -> pa.Table:
        """The block's cells."""
        seen = [(kind, name, detail) for name in self.binary for _, kind, detail in _seen(block.table.column(name))]
        kinds, names, details = zip(*seen, strict=True) if seen else ((), (), ())
        return _grouped(pa.table([kinds, names, details, [1] * len(seen)], schema=_SCHEMA))

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Sum the cells."""
        return _grouped(pa.concat_tables(states)) if states else _SCHEMA.empty_table()


@dataclass(frozen=True, slots=True)
class UnsafeCells:
    """Cells of one kind.

    Attributes:
        kind: The kind.
        column: Column of one of them.
        detail: What that one shows.
        cells: How many there are.
        rows: Global numbers of the rows whose gravest cell is of the kind, ascending.
    """

    kind: FileKind
    column: str
    detail: str
    cells: int
    rows: npt.NDArray[np.int64]


class CellLook(RowScorer):
    """Looks into every cell once more, to name the rows; ``state`` is that of ``CellKinds``."""

    def __init__(self, columns: Sequence[str], state: pa.Table, tell: Callable[[UnsafeCells], Finding]) -> None:
        self._columns, self._state, self._tell = tuple(columns), state, tell

    @property
    def columns(self) -> tuple[str, ...]:
        """The binary columns."""
        return self._columns

    def score(self, block: Block) -> Scores:
        """High where a cell is more than data; of several the gravest counts."""
        scores = np.zeros(block.table.num_rows)
        for name in self._columns:
            for row, kind, _ in _seen(block.table.column(name)):
                scores[row] = max(scores[row], SCORES[kind])
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for each kind that is the gravest of some row."""
        for kind, score in SCORES.items():
            rows = np.sort(scored.rows[np.abs(scored.scores - score) < SCORE_STEP / 4])
            if len(rows):
                mine = self._state.filter(pc.equal(self._state["kind"], kind.value))
                example: Mapping[str, str] = mine.slice(0, 1).to_pylist()[0]
                cells = int(pc.sum(mine["cells"]).as_py())
                yield self._tell(UnsafeCells(kind, example["column"], example["detail"], cells, rows))


def _seen(values: pa.Array) -> Iterator[tuple[int, FileKind, str]]:
    """(place, kind, detail) of every cell that is more than data."""
    for row, cell in enumerate(values):
        told = look_in_cell(cell.as_py()) if cell.is_valid else None
        if told is not None:
            # A pickle may name what is no valid Unicode, at any length.
            shown = told[1][:LONGEST].encode(errors="backslashreplace").decode()
            yield row, told[0], shown


def _grouped(state: pa.Table) -> pa.Table:
    """One line for each kind and column."""
    grouped = state.group_by(["kind", "column"]).aggregate([("detail", "min"), ("cells", "sum")])
    named = grouped.rename_columns({"detail_min": "detail", "cells_sum": "cells"}).select(_SCHEMA.names)
    return named.sort_by([("kind", "ascending"), ("column", "ascending")]).cast(_SCHEMA)
