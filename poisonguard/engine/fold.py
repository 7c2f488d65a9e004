"""One pass over the rows: every sketch folds every block, partial states merge in manifest order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from poisonguard.engine.executor import Executor
from poisonguard.engine.progress import Progress
from poisonguard.engine.source import Run, Source, fresh_block
from poisonguard.engine.spool import Collector, Spool
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.new_rows import DigestSet, NewRows, only_new


@dataclass(frozen=True, slots=True)
class Folded:
    """States by sketch key, and the runs of rows they were folded from, in manifest order."""

    states: dict[str, pa.Table]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class _Partial:
    """What one partition gives back: small states, where its bulky ones lie, its runs."""

    small: list[pa.Table]
    segments: list[Path]
    runs: list[Run]


class _Accumulator:
    """State of one mergeable sketch over the blocks seen so far."""

    def __init__(self, sketch: Sketch) -> None:
        self._sketch = sketch
        self._state: pa.Table | None = None

    @property
    def begun(self) -> bool:
        return self._state is not None

    def add(self, state: pa.Table) -> None:
        self._state = state if self._state is None else self._sketch.merge([self._state, state])

    def state(self) -> pa.Table:
        return self._sketch.merge([]) if self._state is None else self._state


def fold(  # noqa: PLR0913, PLR0917 - what is folded, where, and beside what
    source: Source,
    sketches: Sequence[Sketch],
    executor: Executor,
    spool: Spool,
    progress: Progress,
    known: DigestSet | None = None,
) -> Folded:
    """States of all ``sketches`` over all rows of ``source``; those of new rows only where rows are ``known``.

    The result depends on the rows and on how the source is cut, never on the executor; the sketches' partition
    law makes it independent of the cut, too.
    """
    if known is None:
        sketches = [sketch for sketch in sketches if not isinstance(sketch, NewRows)]
    small = [sketch for sketch in sketches if not sketch.bulky]
    bulky = [sketch for sketch in sketches if sketch.bulky]
    accumulators = [_Accumulator(sketch) for sketch in small]
    collectors = [Collector(spool.path("state.arrow")) for _ in bulky]
    runs: list[Run] = []
    work = _partition_folder(source, (small, bulky), spool, progress, known)
    for partial in executor.run(work, list(enumerate(source.tasks()))):
        if not partial.runs:
            continue
        for accumulator, state in zip(accumulators, partial.small, strict=True):
            accumulator.add(state)
        for collector, segment in zip(collectors, partial.segments, strict=True):
            collector.append(segment)
        runs.extend(partial.runs)
    states = {sketch.key: item.state() for sketch, item in zip(small, accumulators, strict=True)}
    if runs:
        states |= {sketch.key: item.table() for sketch, item in zip(bulky, collectors, strict=True)}
    return Folded(states, tuple(runs))


def _partition_folder(
    source: Source,
    sketches: tuple[Sequence[Sketch], Sequence[Sketch]],
    spool: Spool,
    progress: Progress,
    known: DigestSet | None,
) -> Callable[[tuple[int, Any]], _Partial]:
    small, bulky = sketches

    def work(numbered: tuple[int, Any]) -> _Partial:
        number, task = numbered
        accumulators = [_Accumulator(sketch) for sketch in small]
        segments = [spool.segment(number, index) for index in range(len(bulky))]
        runs: list[Run] = []
        for batch in source.batches(task, None):
            block = fresh_block(batch)
            new = block if known is None else only_new(block, known)
            for sketch, accumulator in zip(small, accumulators, strict=True):
                rows = new if isinstance(sketch, NewRows) else block
                # Of no rows the first block tells at least the columns.
                if rows.table.num_rows or not accumulator.begun:
                    accumulator.add(sketch.fold(_projected(rows, sketch)))
            for sketch, segment in zip(bulky, segments, strict=True):
                segment.append(sketch.fold(_projected(block, sketch)))
            runs.append(Run(batch.file, batch.first_row, batch.table.num_rows, batch.scattered))
            progress.advance(block.table.num_rows)
        for segment in segments:
            segment.close()
        return _Partial([item.state() for item in accumulators], [item.path for item in segments], runs)

    return work


def _projected(block: Block, sketch: Sketch) -> Block:
    if sketch.columns is None:
        return block
    return Block(block.file, block.first_row, block.table.select(list(sketch.columns)), block.digests)
