"""One column that is faulty in a run of rows: stuck, missing, shifted or in another unit, and then as before.

1. Along the rows, small pieces are compared: how many values are absent, whether all are one, the smallest, the largest
   and their distance (``sketches.row_runs``). A fault moves one of them in consecutive pieces (``run_scan``).
2. The rows before and after the run must be ordinary: what begins and stays is a new order of things, not a burst.
   Rows that are sorted, by time or by class, are full of runs: their columns are left out.
3. Several columns may share a run, as a batch of foreign rows does; where most columns have runs, rows are in an order,
   and where neighbours resemble each other in many of the other columns, too.
4. What the reference holds was approved and is not named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.cells import Absent, Cell, CellScorer, InRange, NamedCell
from poisonguard.detectors.features_tabular import feature_columns
from poisonguard.detectors.run_scan import MARGIN, SHORTEST, Stretch, is_ordered, stretch_of
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params, RowScorer, Scored
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.row_runs import MOST, RowRuns, are_too_many
from poisonguard.sketches.sample import RowSample, sample_hashes

FILES = 8
"""A file of more than this part of all pieces is looked at by itself; the others together, in order."""

MOST_COLUMNS = 0.5
"""Share of the columns with runs from which the rows are taken to be in an order."""

ORDERED_COLUMNS = 0.25
"""Share of the other columns whose neighbours resemble each other, from which the rows are taken to be in an order."""

FEW_COLUMNS = 2
"""So many columns with runs are few in any table."""

SURE, LEAST_RANK = 3.0, 0.75
"""So many times the orders of magnitude that a run needs, its pieces may be of a lower mean rank."""

SCORE = 0.9
ONE_END = frozenset({"up", "down"})
"""Stories of one end of the numbers, which moves more easily than all of them: they are told where they are sure."""

EXACT_RUNS = {"absent": "have no value", "same": "hold one value"}
STORIES = EXACT_RUNS | {
    "higher": "lie higher than elsewhere",
    "lower": "lie lower than elsewhere",
    "wider": "are spread wider than elsewhere",
    "narrower": "are spread narrower than elsewhere",
    "up": "reach higher than elsewhere",
    "down": "reach lower than elsewhere",
}

Mask = npt.NDArray[np.bool_]


class ColumnBurstParams(Params):
    """Parameters of the check."""

    min_sigmas: float = Field(default=5.5, gt=0, description="Standardised sum of a run's ranks.")
    min_rank: float = Field(default=0.85, gt=0.5, le=1, description="Mean rank of a run's pieces among all.")
    min_orders: float = Field(default=4.0, ge=0, description="Orders of magnitude against chance, all runs tried.")
    columns: int = Field(default=200, ge=1, description="Columns that are followed, the first ones.")


@dataclass(frozen=True, slots=True)
class Burst:
    """A run of one column.

    Attributes:
        column: The column.
        story: Key of ``STORIES``.
        stretch: The run in its series.
        spans: (file, first row, row after the last) of its parts.
        margin: Rows of a piece: the run may begin or end so many rows outside.
        value: The one number of a run that holds one value; NaN for others.
    """

    column: str
    story: str
    stretch: Stretch
    spans: tuple[tuple[int, int, int], ...]
    margin: int
    value: float

    @property
    def rows(self) -> int:
        """Rows of the run, to the piece."""
        return sum(last - first for _, first, last in self.spans)


@dataclass(frozen=True, slots=True)
class InRun(Cell):
    """Rows of some stretches of files, if a further condition holds on them."""

    spans: tuple[tuple[int, int, int], ...]
    inner: Cell | None
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the condition; some column must be read for rows to be seen."""
        return (self.column,) if self.inner is None else self.inner.columns

    def holds(self, block: Block) -> Mask:
        """Rows inside, by their number in the file."""
        files, row = block.places()
        inside = np.zeros(len(row), dtype=np.bool_)
        for file, first, last in self.spans:
            inside |= (files == file) & (row >= first) & (row < last)
        return inside if self.inner is None or not inside.any() else inside & self.inner.holds(block)


class BurstScorer(CellScorer):
    """Names the rows of runs; a run of approved rows is no finding."""

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per run with rows."""
        return [finding for finding in super().conclude(scored) if len(finding.rows)]


class ColumnBurst(Check[ColumnBurstParams]):
    """Finds runs of rows in which one column is faulty."""

    detector = "column-burst"
    params_model = ColumnBurstParams

    _in_order: int

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Extremes of the features along the rows."""
        numeric, categorical = feature_columns(context.columns, context.roles)
        if not numeric and not categorical:
            return NotApplicable("no numeric or categorical feature column")
        self._numbers = frozenset(numeric)
        names = [column.name for column in context.columns if column.name in {*numeric, *categorical}]
        self._runs = RowRuns(tuple(names[: self.params.columns]))
        return [self._runs, RowSample()]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """The rows of the runs found; nothing when there are none."""
        if are_too_many(evidence[self._runs]):
            return NotApplicable(f"the rows lie in more than {MOST:,} files, so that each is a short run by itself")
        bursts = self._bursts(evidence[self._runs])
        if self._in_order and not bursts:
            return NotApplicable(
                f"neighbours resemble each other in {self._in_order} columns: the rows are in an order"
            )
        columns = {burst.column for burst in bursts}
        if len(columns) > max(FEW_COLUMNS, MOST_COLUMNS * len(self._runs.names)):
            return NotApplicable(f"{len(columns)} columns have runs: the rows are in an order")
        known = None if reference is None else sample_hashes(reference[RowSample()])
        cells = [NamedCell(_cell(burst), SCORE, self._finding(burst)) for burst in bursts]
        return BurstScorer(cells, known) if cells else None

    def _bursts(self, state: pa.Table) -> list[Burst]:
        """One run per column and part of the data, the plainest story."""
        file, size = state["file"].to_numpy(), state["size"].to_numpy()
        self._in_order = 0
        if not len(file):
            return []
        whole = np.asarray(state["rows"].to_numpy() == size)
        pieces = np.bincount(file)
        large = np.flatnonzero(pieces * FILES > len(file))
        parts = [whole & (file == item) for item in large]
        parts.append(whole & ~np.isin(file, large))
        found = [burst for part in parts for burst in self._bursts_of(state, part)]
        if len(pieces) == 1:
            return found
        # A run that takes much of its file is short beside the others, and ordinary rows of its own file frame it.
        told = {burst.column for burst in found}
        others = self._bursts_of(state, whole)
        return found + [burst for burst in others if burst.column not in told and _is_framed(burst, file[whole])]

    def _bursts_of(self, state: pa.Table, part: Mask) -> list[Burst]:
        """The runs of one part of the data; none where its rows are in an order."""
        found = [burst for name in self._runs.names if (burst := self._burst(state, name, part))]
        others = set(self._runs.names) - {burst.column for burst in found}
        if not found or not others:
            return found
        ordered = sum(_is_sorted(state, name, part) for name in others)
        if ordered < ORDERED_COLUMNS * len(others):
            return found
        self._in_order = max(self._in_order, ordered)
        return []

    def _burst(self, state: pa.Table, name: str, part: Mask) -> Burst | None:
        found: list[tuple[bool, float, str, Stretch]] = []
        for story, series in _series(state, name, part, is_number=name in self._numbers):
            stretch = stretch_of(series, self.params.min_sigmas)
            if stretch is not None and self._is_told(stretch, story):
                found.append((story in EXACT_RUNS, stretch.sigmas, story, stretch))
        if not found:
            return None
        # The clearest series says which rows, one that all numbers make says what they do.
        stretch = max(found, key=lambda item: item[:3])[3]
        story = max(found, key=lambda item: (item[2] not in ONE_END, *item[:3]))[2]
        pieces = np.flatnonzero(part)[stretch.start : stretch.stop]
        low = state[f"low:{name}"].to_numpy()[pieces]
        value = float(np.median(low)) if story == "same" and name in self._numbers else np.nan
        return Burst(name, story, stretch, _spans(state, pieces), int(state["size"][0].as_py()), value)

    def _is_told(self, stretch: Stretch, story: str) -> bool:
        """Beyond chance, and high; far beyond it, less high: many pieces may be alike, or partly spared."""
        sure = SURE * self.params.min_orders
        high = stretch.rank >= (self.params.min_rank if stretch.orders < sure else LEAST_RANK)
        return high and stretch.orders >= (sure if story in ONE_END else self.params.min_orders)

    def _finding(self, burst: Burst) -> Finding:
        file, first, last = burst.spans[0]
        what = f"hold one value, {burst.value:g}" if burst.value == burst.value else STORIES[burst.story]
        message = (
            f"Column {burst.column!r}: about {burst.rows:,} consecutive rows (from row {first:,} of file {file + 1}) "
            f"{what}, before and after it is as everywhere ({burst.stretch.sigmas:.1f} sigmas)."
        )
        numbers: dict[str, float | int | str] = {
            "rows of the run": burst.rows,
            "first row": first,
            "last row": last - 1,
            "sigmas": round(burst.stretch.sigmas, 1),
            "mean rank": round(burst.stretch.rank, 3),
        }
        return self.finding(
            subject=f"column={burst.column};run={burst.story}",
            message=message,
            confidence=SCORE,
            column=burst.column,
            numbers=numbers,
        )


def _series(state: pa.Table, name: str, part: Mask, *, is_number: bool) -> Iterator[tuple[str, Floats]]:
    """What may move in a run, NaN where nothing is known."""
    low, high, absent = (state[f"{kind}:{name}"].to_numpy()[part] for kind in ("low", "high", "absent"))
    empty = np.isinf(low)
    yield "absent", absent.astype(np.float64)
    yield "same", np.where(empty, np.nan, ((low == high) & (absent == 0)).astype(np.float64))
    if is_number:
        low, high = np.where(empty, np.nan, low), np.where(empty, np.nan, high)
        with np.errstate(over="ignore"):
            spread = np.minimum(high - low, np.finfo(np.float64).max)
        yield from (("higher", low), ("lower", -high), ("wider", spread), ("narrower", -spread))
        # Where most rows hold 0, or few numbers occur, a fault moves one end and leaves the other where it was.
        yield from (("up", high), ("down", -low))


def _is_framed(burst: Burst, file: npt.NDArray[Any]) -> bool:
    """Whether a run lies in one file, with ordinary pieces of that file on either side."""
    start, stop = burst.stretch.start, burst.stretch.stop
    margin = max(SHORTEST, int(MARGIN * (stop - start)))
    return bool(start >= margin and file[start - margin] == file[min(stop + margin, len(file)) - 1])


def _is_sorted(state: pa.Table, name: str, part: Mask) -> bool:
    """Whether neighbouring pieces resemble each other in a column."""
    low, high, absent = (state[f"{kind}:{name}"].to_numpy()[part] for kind in ("low", "high", "absent"))
    empty = np.isinf(low)
    series = (np.where(empty, np.nan, low), np.where(empty, np.nan, high), absent.astype(np.float64))
    return any(is_ordered(item) for item in series)


def _spans(state: pa.Table, pieces: npt.NDArray[np.intp]) -> tuple[tuple[int, int, int], ...]:
    """Parts of files that consecutive pieces cover."""
    file, start, size = (state[name].to_numpy()[pieces] for name in ("file", "start", "size"))
    return tuple(
        (int(item), int(start[file == item].min()), int((start + size)[file == item].max())) for item in np.unique(file)
    )


def _cell(burst: Burst) -> InRun:
    """The run's rows: exactly those without a value, or with the one value, up to a piece further."""
    wider = tuple((file, max(0, first - burst.margin), last + burst.margin) for file, first, last in burst.spans)
    if burst.story == "absent":
        return InRun(wider, Absent(burst.column), burst.column)
    if burst.story == "same" and not np.isnan(burst.value):
        return InRun(wider, InRange(burst.column, burst.value, burst.value), burst.column)
    return InRun(burst.spans, None, burst.column)
