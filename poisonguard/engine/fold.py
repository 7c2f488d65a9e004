"""One pass over the rows: every sketch folds every block, partial states merge in manifest order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from poisonguard.engine.audit import Auditor
from poisonguard.engine.executor import Executor
from poisonguard.engine.merging import Folded, Merging
from poisonguard.engine.piecework import Job, fold_piece, load_known, put_known
from poisonguard.engine.progress import Progress
from poisonguard.engine.source import Source, pieces_of
from poisonguard.engine.spool import Spool
from poisonguard.engine.workstore import WorkStore
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import DigestSet, NewRows

__all__ = ["Folded", "Kept", "fold", "job_of"]


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
    merging = Merging(job, spool, own=executor.shares_memory)
    auditor = None if kept is None else Auditor(kept.audited, shared=kept.store.shared)
    told = progress.advance if executor.shares_memory else None
    try:
        pieces = pieces_of(source)
        for number, found in enumerate(executor.run(partial(fold_piece, job, told=told), pieces)):
            merging.add(found, partial(fold_piece, job, pieces[number]))
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
