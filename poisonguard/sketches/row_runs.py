"""Columns along the rows: smallest value, largest value and absent values of every few consecutive rows.

Rows are taken eight at a time, counted from the beginning of their file. From ``most`` pieces on, two neighbours
become one, as often as it takes: the state stays small however many rows there are. Merging is exact, and as the
whole has more pieces than any part, the result does not depend on how the rows were cut. Pieces of two files never
become one: where the files are more than ``most``, nothing is remembered but that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.values import as_text, text_hashes

PIECE = 8
"""Rows of a piece, to begin with."""

MOST = 16_384
"""Pieces of all files together."""

MANY_FILES = -1
"""Stands where the file does when the files are too many."""

KEYS = ("file", "start", "size", "rows")
EXACT = np.uint64((1 << 52) - 1)
"""Bits of a hash that a float holds."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowRuns(Sketch):
    """Extremes and absences of ``names`` along the rows; of a column that holds no numbers, those of its hashes.

    State: ``file``, ``start`` (row in the file), ``size`` (rows of a full piece), ``rows``, and per column ``low:``,
    ``high:`` (infinities where no value is) and ``absent:``; ordered by file and start. Of too many files, one line of
    zeros with ``MANY_FILES``.
    """

    names: tuple[str, ...]
    most: int = MOST

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns."""
        return self.names

    def fold(self, block: Block) -> pa.Table:
        """The block's pieces; the first and the last may be incomplete."""
        rows = block.table.num_rows
        file, row = block.places()
        place = row // PIECE
        begins = (place[1:] != place[:-1]) | (file[1:] != file[:-1])
        starts = np.flatnonzero(np.append(True, begins)[:rows])
        state: dict[str, Floats | Integers] = {
            "file": file[starts],
            "start": place[starts] * PIECE,
            "size": np.full(len(starts), PIECE, dtype=np.int64),
            "rows": np.diff(np.append(starts, rows)),
        }
        for name in self.names:
            values = _numbers(block.table.column(name))
            missing = np.isnan(values)
            state[f"low:{name}"] = _reduced(np.minimum, np.where(missing, np.inf, values), starts)
            state[f"high:{name}"] = _reduced(np.maximum, np.where(missing, -np.inf, values), starts)
            state[f"absent:{name}"] = _reduced(np.add, missing.astype(np.int64), starts)
        return self._coarse(state)

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Pieces cut in two are joined, then neighbours until there are few enough."""
        parts = [state for state in states if state.num_rows]
        if not parts:
            return pa.table({name: np.zeros(0, kind) for name, kind in self._kinds().items()})
        if any(are_too_many(part) for part in parts):
            return self._too_many()
        names = list(self._kinds())
        state = {name: np.concatenate([part[name].to_numpy() for part in parts]) for name in names}
        state["size"] = np.full(len(state["size"]), state["size"].max())
        return self._coarse(self._joined(state))

    def moved(self, state: pa.Table, files: int) -> pa.Table:
        """Pieces of files that lie further back."""
        if are_too_many(state):
            return state
        moved = pa.array(state["file"].to_numpy() + files)
        return state.set_column(state.schema.get_field_index("file"), "file", moved)

    def _kinds(self) -> dict[str, type[np.generic]]:
        kinds: dict[str, type[np.generic]] = dict.fromkeys(KEYS, np.int64)
        for name in self.names:
            kinds |= {f"low:{name}": np.float64, f"high:{name}": np.float64, f"absent:{name}": np.int64}
        return kinds

    def _too_many(self) -> pa.Table:
        line = {name: np.zeros(1, kind) for name, kind in self._kinds().items()}
        return pa.table({**line, "file": np.array([MANY_FILES], np.int64)})

    def _coarse(self, state: dict[str, Floats | Integers]) -> pa.Table:
        if len(state["file"]) > self.most and 1 + np.count_nonzero(np.diff(state["file"])) > self.most:
            return self._too_many()
        while len(state["file"]) > self.most:
            state["size"] = state["size"] * 2
            state = self._joined(state)
        return pa.table(state)

    def _joined(self, state: dict[str, Floats | Integers]) -> dict[str, Floats | Integers]:
        """Pieces of the same rows as one, in order."""
        start = state["start"] // state["size"] * state["size"]
        order = np.lexsort((start, state["file"]))
        start, file = start[order], state["file"][order]
        first = np.append(True, (start[1:] != start[:-1]) | (file[1:] != file[:-1]))[: len(start)]
        starts = np.flatnonzero(first)
        joined: dict[str, Floats | Integers] = {"file": file[starts], "start": start[starts]}
        for name in self._kinds():
            if name in joined:
                continue
            joined[name] = _reduced(_joiner(name), state[name][order], starts)
        return joined


def are_too_many(state: pa.Table) -> bool:
    """Whether the rows lie in too many files."""
    return bool(state.num_rows == 1 and state["file"][0].as_py() == MANY_FILES)


def _joiner(name: str) -> np.ufunc:
    if name.startswith("low:"):
        return np.minimum
    return np.maximum if name == "size" or name.startswith("high:") else np.add


def _reduced(joiner: np.ufunc, values: Floats | Integers, starts: npt.NDArray[np.intp]) -> Floats | Integers:
    return joiner.reduceat(values, starts) if len(starts) else values[:0]


def _numbers(column: pa.Array) -> Floats:
    """Values as floats, absent and infinite ones as NaN; what is no number by its hash, shape (rows,)."""
    values = plain(column)
    kind = values.type
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
    if pa.types.is_integer(values.type) or pa.types.is_floating(kind):
        result = np.array(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        result[~np.isfinite(result)] = np.nan
        # Minus zero is zero: which of the two is the smallest must not depend on their order.
        return np.asarray(result + 0.0)
    texts = as_text(values)
    missing = np.asarray(pc.is_null(texts).to_numpy(zero_copy_only=False), dtype=np.bool_)
    hashes = np.asarray(text_hashes(texts.drop_null()), dtype=np.uint64)
    result = np.full(len(texts), np.nan)
    result[~missing] = (hashes & EXACT).astype(np.float64)
    return result
