"""Search for near copies on an engine, by way of the work store.

Rules:

1. The answer is that of ``kernels.neighbours.cluster``, bit for bit; few documents are compared in this process, for
   that is sooner done than said to others.
2. Shingle sets are read where the fold has put them. Those that lie in no store that workers reach (a profile's, or
   of a fold that kept nothing) are put there first.
3. What a stage has left, by this run, by one that was stopped, or by workers of their own, is not made again. Of what
   is found in a store that others write to, some is made again and compared; joins are all made again, for the last
   one alone is the answer.
4. Nothing but the answer stays in a store of one's own. A shared one keeps all, for the answer alone cannot be
   audited.
5. In a store where nobody but the user writes, what is wrong or gone is the disk's doing, or another scan's that has
   ended and tidied: then this process answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
from blake3 import blake3

from poisonguard.engine.audit import MOST, ONE_IN
from poisonguard.engine.codeversion import code_version
from poisonguard.engine.executor import Executor
from poisonguard.engine.near_plan import (
    FOLDER,
    PART,
    SEGMENT,
    Facts,
    Plan,
    Work,
    cut,
    ensure,
    holds,
    plan_of,
    put_plan,
    segment_bits,
)
from poisonguard.engine.near_stages import buckets_of
from poisonguard.engine.near_tasks import Stage, made_by, run_task, stages_of
from poisonguard.engine.piecework import STATE
from poisonguard.engine.progress import Progress, Silent
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.kernels.neighbours import BUCKET_LIMIT, Clusters, bounded
from poisonguard.kernels.run import Run
from poisonguard.sketches.fingerprints import NearCopies, search_here

FEWEST = 1_000_000
"""Documents from which on others help: a quarter as many take this process 0.6 processor seconds (docs/adr/0024)."""
SETS = "sets"
"""Folder of sets that no fold has put."""

Units = Sequence[tuple[str, int]]
"""Names of units that hold a version's sets, one after the other, and their rows."""


def begun(store: WorkStore) -> bool:
    """Whether anybody has worked on any question there."""
    return bool(store.names(FOLDER))


@dataclass(slots=True)
class NearOnEngine:
    """Answers ``NearCopies`` with tasks.

    Attributes:
        executor: Runs them.
        store: Where they read and write.
        units: Of each version, the candidate first: by sketch key, where the sets lie.
        audited: How many tasks that others did are done again; nothing means one in 50 of a shared store.
        progress: Is told how far it is.
        fewest: Documents from which on it is used; nothing means ``FEWEST``.
        moved: Bytes that each stage has put, of this run.
    """

    executor: Executor
    store: WorkStore
    units: Sequence[Mapping[str, Units]] = ()
    audited: int | None = None
    progress: Progress = field(default_factory=Silent)
    fewest: int | None = None
    moved: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: NearCopies, run: Run, /) -> Clusters:
        """Clusters of the documents of all versions.

        Raises:
            IncompleteScan: A worker was lost, or what it put, in a store that others write to.
            IntegrityError: What was found in such a store is not what a task makes.
        """
        if asked.eligible.size < (FEWEST if self.fewest is None else self.fewest):
            return search_here(asked, run)
        work = self.planned(asked)
        try:
            self._run(work)
            return _answer(work, asked.eligible.size)
        except (IntegrityError, IncompleteScan) as error:
            if not self.store.mends:
                raise
            if isinstance(error, IntegrityError):
                _forget(work)
            return search_here(asked, run)

    def planned(self, asked: NearCopies) -> Work:
        """The plan, put."""
        count = asked.eligible.size
        facts = Facts(asked.threshold, asked.seed, BUCKET_LIMIT, segment_bits(count, SEGMENT), count)
        units = [unit for number, state in enumerate(asked.states) for unit in self._units_of(asked, number, state)]
        return put_plan(self.store, facts, cut(units, PART), asked.eligible)

    def _units_of(self, asked: NearCopies, version: int, state: pa.Table) -> Units:
        known = self.units[version].get(asked.sketch.key) if version < len(self.units) else None
        return list(self._put_sets(state)) if known is None else known

    def _put_sets(self, state: pa.Table) -> Iterator[tuple[str, int]]:
        for start in range(0, state.num_rows, PART):
            part = state.slice(start, PART).combine_chunks()
            name = f"{code_version()}/{SETS}/{_digest(part)}"
            ensure(self.store, name, {STATE: part}, "the sets that are to be compared")
            yield name, part.num_rows

    def _run(self, work: Work) -> None:
        plan = plan_of(work)
        stages = stages_of(plan)
        there = {stage.name: set() if self.store.shared and stage.joins else _done(work, stage) for stage in stages}
        alone = not self.store.shared and not self.audited
        if alone and there[stages[-1].name]:
            return
        self._audit(work, [(stage, number) for stage, numbers in there.items() for number in numbers])
        self.progress.start("comparing texts", sum(stage.tasks - len(there[stage.name]) for stage in stages), "tasks")
        for stage in stages:
            missing = [number for number in range(stage.tasks) if number not in there[stage.name]]
            for receipt in self.executor.run(partial(run_task, work, stage.name), missing):
                self.moved[stage.name] = self.moved.get(stage.name, 0) + receipt.size
                self.progress.advance(1)
        if alone:
            _tidy(work, plan, stages)

    def _audit(self, work: Work, found: Sequence[tuple[str, int]]) -> None:
        """Make some of what was found once more."""
        most = (MOST if self.store.shared else 0) if self.audited is None else self.audited
        wanted = min(most, -(-len(found) // ONE_IN)) if self.audited is None else most
        for stage, number in secrets.SystemRandom().sample(list(found), min(wanted, len(found))):
            unit = self.store.get(work.unit(stage, number))
            again = made_by(work, stage, number)
            if unit is None or not holds(unit, again):
                raise IntegrityError(
                    f"work store: task {number} of the stage {stage} is not what doing it gives",
                    hint="A worker erred or lied: empty the store, find out which, and scan again.",
                )


def _answer(work: Work, count: int) -> Clusters:
    """Labels of all documents from the last join."""
    last = stages_of(plan_of(work))[-1]
    unit = work.store.get(work.unit(last.name, 0))
    if unit is None:
        raise IncompleteScan("the clusters are not in the work store", hint="Run the scan again.")
    pairs, labels = unit.table("pairs"), np.arange(count, dtype=np.int64)
    labels[np.asarray(pairs["node"])] = np.asarray(pairs["root"])
    return Clusters(labels, bounded([buckets_of(unit.table("large"))], labels))


def _done(work: Work, stage: Stage) -> set[int]:
    names = set(work.store.names(f"{work.folder}/{stage.name}"))
    return {number for number in range(stage.tasks) if work.unit(stage.name, number) in names}


def _tidy(work: Work, plan: Plan, stages: Sequence[Stage]) -> None:
    """Forget all but the answer."""
    for stage in stages[:-1]:
        for name in work.store.names(f"{work.folder}/{stage.name}"):
            work.store.remove(name)
    for unit in plan.units:
        if f"/{SETS}/" in unit:
            work.store.remove(unit)


def _forget(work: Work) -> None:
    """Forget everything, the plan first: it may be what is spoilt, so that it cannot say which stages there are."""
    work.store.remove(work.plan)
    plan_of.cache_clear()
    for stage in work.store.names(work.folder):
        for name in work.store.names(stage):
            work.store.remove(name)


class _Hashed:
    """What Arrow writes a state into to name it by its content."""

    closed = False

    def __init__(self) -> None:
        self._hash = blake3()

    def write(self, data: pa.Buffer | bytes) -> int:
        """Hash it."""
        self._hash.update(data)
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Nothing waits here."""

    def name(self) -> str:
        """Digest of all of it."""
        return self._hash.hexdigest()[:32]


def _digest(state: pa.Table) -> str:
    hashed = _Hashed()
    with pa.ipc.new_stream(hashed, state.schema) as writer:
        writer.write_table(state)
    return hashed.name()
