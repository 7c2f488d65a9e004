"""Do a share of the search for near copies in a shared work store, stage by stage, for a scan that finds all done.

Rules:

1. The stage ``plan`` is one task: it asks the checks what they would compare, which takes the rows of all shards.
   What they asked is noted under the name of the scan: its data, reference, sketches and checks.
2. Every later stage reads the note. Its tasks read what the stage before has put: all shards of a stage run before the
   next stage begins; a task that misses something says which stage comes first.
3. Few texts are compared by the scan itself, sooner than many workers are told of them: then there are no tasks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from poisonguard.engine import near
from poisonguard.engine.codeversion import code_version
from poisonguard.engine.fold import job_of
from poisonguard.engine.near import NearOnEngine
from poisonguard.engine.near_plan import FOLDER, Work, plan_of
from poisonguard.engine.near_tasks import ORDER, run_task, stages_of
from poisonguard.engine.progress import Progress
from poisonguard.engine.source import pieces_of
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan
from poisonguard.kernels.neighbours import Clusters
from poisonguard.kernels.run import Run as Runner
from poisonguard.plugin.check import Check, Evidence, MissingEvidence
from poisonguard.plugin.registry import digest_of
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.fingerprints import NearCopies, ShingleSets
from poisonguard.workflow.inspect import inventory_of
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan_plan import Prepared, evidence_of, prepare
from poisonguard.workflow.scan_run import Opened, Run, opened_run
from poisonguard.workflow.worker import Shard, named

PLAN, JOIN = "plan", "join"
NEAR_STAGES = (PLAN, *ORDER, JOIN)
NOTE, WORKS = "asked", "works"


@dataclass(frozen=True, slots=True)
class StageWork:
    """What a worker did.

    Attributes:
        tasks: Tasks of its share.
        found: Those of them that had been done already.
        total: Tasks of the stage.
    """

    tasks: int
    found: int
    total: int


def near_shard(request: ScanRequest, stage: str, shard: Shard, progress: Progress | None = None) -> StageWork:
    """Do a share of one of ``NEAR_STAGES``.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        IncompleteScan: Another stage comes first.
        UsageError: The request is wrong, or names no work store.
    """
    with opened_run(replace(request, keep_profile=True, keep_states=True), progress) as (run, opened):
        store = named(run)
        ready = prepare(run, opened)
        note = f"{FOLDER}/{NOTE}/{_name(ready, store)}"
        if stage == PLAN:
            return _planned(run, opened, ready, store, note) if shard.index == 0 else StageWork(0, 0, 1)
        return _share(run, store, note, stage, shard)


def _planned(run: Run, opened: Opened, ready: Prepared, store: WorkStore, note: str) -> StageWork:
    """Ask the checks, and note what they would compare."""
    asking = [item for item in zip(ready.planned.checks, ready.planned.needs, strict=True) if _compares(item[1])]
    sketches = {RowDigests().key: RowDigests(), **{sketch.key: sketch for _, needs in asking for sketch in needs}}
    folded = run.fold("reading rows", ready.source, list(sketches.values()), ready.known)
    recorder = _Recorder(NearOnEngine(run.engine, store, [folded.units]))
    manifest = inventory_of(opened.dataset, folded).manifest
    evidence = replace(evidence_of(run, opened, ready.source, folded, manifest), near=recorder)
    for check, _ in asking:
        _ask(check, evidence, ready.base)
    there = store.names(note.rpartition("/")[0])
    store.put(note, {WORKS: pa.table({"folder": pa.array(recorder.folders, pa.string())})})
    return StageWork(1, int(note in there), 1)


def _share(run: Run, store: WorkStore, note: str, stage: str, shard: Shard) -> StageWork:
    unit = store.get(note)
    if unit is None:
        raise IncompleteScan(
            f"the stage {PLAN} comes first: nobody has planned this scan in the work store",
            hint=f"Run --stage {PLAN} --shard 0/1 with the same data and options.",
        )
    found = tasks = total = 0
    for folder in unit.table(WORKS)["folder"].to_pylist():
        work = Work(store, folder)
        level = next(item for item in stages_of(plan_of(work)) if item.name.partition("-")[0] == stage)
        mine = range(level.tasks)[shard.index :: shard.count]
        there = set(store.names(f"{folder}/{level.name}"))
        missing = [number for number in mine if work.unit(level.name, number) not in there]
        run.progress.start(f"{stage} {shard.index}/{shard.count}", len(missing), "tasks")
        for _ in run.engine.run(partial(run_task, work, level.name), missing):
            run.progress.advance(1)
        tasks, found, total = tasks + len(mine), found + len(mine) - len(missing), total + level.tasks
    return StageWork(tasks, found, total)


def _name(ready: Prepared, store: WorkStore) -> str:
    """What a scan is called by all that its questions follow from."""
    job = job_of(ready.planned.sketches, store, ready.known, keeps=True)
    base = "" if ready.base is None else f"{ready.base.seed:x}"
    lines = [code_version(), str(job.known), base, digest_of(ready.checks), *map(job.key, job.sketches)]
    pieces = [piece.name for piece in pieces_of(ready.source)]
    return hashlib.sha256("\n".join([*lines, *pieces]).encode()).hexdigest()[:32]


def _compares(needs: Sequence[Sketch]) -> bool:
    return any(isinstance(sketch, ShingleSets) for sketch in needs)


def _ask(check: Check[Any], evidence: Evidence, base: Evidence | None) -> None:
    """Let a check judge until it asks."""
    try:
        list(check.judge(evidence, base))
    except _Asked:
        return
    except MissingEvidence:
        if base is not None:
            _ask(check, evidence, None)


class _Asked(Exception):
    """A check has asked; the answer is left to others."""


class _Recorder:
    """Plans what is asked and answers nothing."""

    def __init__(self, search: NearOnEngine) -> None:
        self._search = search
        self.folders: list[str] = []

    def __call__(self, asked: NearCopies, run: Runner, /) -> Clusters:
        """Never answers."""
        del run
        if asked.eligible.size >= near.FEWEST:
            self.folders.append(self._search.planned(asked).folder)
        raise _Asked
