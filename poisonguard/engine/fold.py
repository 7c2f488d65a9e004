"""One pass over the rows: every sketch folds every block, partial states merge in manifest order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from poisonguard.engine.audit import Auditor
from poisonguard.engine.executor import Executor
from poisonguard.engine.piecework import ONCE, STATE, Accumulator, Job, Partial, fold_piece, load_known, put_known
from poisonguard.engine.progress import Progress
from poisonguard.engine.source import Run, Source, pieces_of
from poisonguard.engine.spool import Collector, Spool
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import DigestSet, NewRows


@dataclass(frozen=True, slots=True)
class Folded:
    """States by sketch key, and the runs of rows they were folded from, in manifest order."""

    states: dict[str, pa.Table]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where states outlive a run, and how much of what is found there is folded again to see that it is right."""

    store: WorkStore
    audited: int | None = None


def fold(  # noqa: PLR0913, PLR0917 - what is folded, where, and beside what
    source: Source,
    sketches: Sequence[Sketch],
    executor: Executor,
    spool: Spool,
    progress: Progress,
    known: DigestSet | None = None,
    kept: Kept | None = None,
) -> Folded:
    """States of all ``sketches`` over all rows of ``source``; those of new rows only where rows are ``known``.

    The result depends on the rows and on how the source is cut, never on the executor or on what was ``kept``; the
    sketches' partition law makes it independent of the cut, too.

    Raises:
        IntegrityError: A state that was kept is not what folding gives.
    """
    store = WorkStore.private(spool.path("units")) if kept is None else kept.store
    job = job_of(sketches, store, known, keeps=kept is not None)
    merging = _Merging(job, spool, own=executor.shares_memory)
    auditor = None if kept is None else Auditor(kept.audited, shared=kept.store.shared)
    told = progress.advance if executor.shares_memory else None
    try:
        pieces = pieces_of(source)
        for number, found in enumerate(executor.run(partial(fold_piece, job, told=told), pieces)):
            merging.add(found)
            if told is None or not found.read:
                progress.advance(sum(run.rows for run in found.runs))
            if auditor is not None and found.reused:
                auditor.watch(number, found)
        if auditor is not None:
            auditor.audit(job, pieces, spool)
    finally:
        load_known.cache_clear()
    return merging.folded()


def job_of(sketches: Sequence[Sketch], store: WorkStore, known: DigestSet | None, *, keeps: bool) -> Job:
    """What every partition is told."""
    if known is None:
        lasting = tuple(sketch for sketch in sketches if not isinstance(sketch, NewRows))
        return Job(lasting, store, keeps)
    return Job(tuple(sketches), store, keeps, put_known(store, known))


class _Merging:
    """Merges what partitions give, in manifest order."""

    def __init__(self, job: Job, spool: Spool, *, own: bool) -> None:
        self._job = job
        self._own = own
        self._small = {sketch.key: Accumulator(sketch) for sketch in job.sketches if not sketch.bulky}
        self._bulky = {sketch.key: Collector(spool.path("state.arrow")) for sketch in job.sketches if sketch.bulky}
        self._runs: list[Run] = []

    def add(self, found: Partial) -> None:
        """The next partition's."""
        if not found.runs:
            return
        for key, accumulator in self._small.items():
            accumulator.add(found.small[key])
        for key, collector in self._bulky.items():
            unit = self._job.store.get(found.bulky[key], own=self._own and key not in found.reused)
            if unit is None:
                raise IncompleteScan(
                    "a worker's state is not in the work store",
                    hint="Give a store that every machine reaches: --cache URL.",
                )
            collector.append(unit.table(STATE))
            if found.bulky[key].startswith(f"{ONCE}/"):
                self._job.store.remove(found.bulky[key])
        self._runs.extend(found.runs)

    def folded(self) -> Folded:
        """Everything."""
        states = {key: accumulator.state() for key, accumulator in self._small.items()}
        if self._runs:
            states |= {key: collector.table() for key, collector in self._bulky.items()}
        return Folded(states, tuple(self._runs))
