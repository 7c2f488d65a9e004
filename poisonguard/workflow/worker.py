"""Fold a share of a dataset's partitions into a shared work store, for a scan that then only judges.

Any number of workers may run at once, on any machines, in any order, twice or not at all: what is there is not folded
again, and what no worker folded, the scan folds itself. So they need no coordinator: Airflow's mapped tasks, indexed
jobs of Kubernetes and arrays of Slurm start them with a number each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial

from poisonguard.engine.codeversion import is_covered
from poisonguard.engine.fold import job_of
from poisonguard.engine.piecework import fold_piece, load_known
from poisonguard.engine.progress import Progress
from poisonguard.engine.source import pieces_of
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import UsageError
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan_plan import prepare
from poisonguard.workflow.scan_run import Run, opened_run


@dataclass(frozen=True, slots=True)
class Shard:
    """Every ``count``-th partition, from number ``index``."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``i/N``, with ``i`` from 0 to N - 1.

        Raises:
            UsageError: It is not.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        shard = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if not 0 <= shard.index < shard.count:
            raise UsageError(f"--shard {text}: not i/N", hint="Shards of four: 0/4, 1/4, 2/4, 3/4.")
        return shard


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What a worker did.

    Attributes:
        partitions: Partitions of its share.
        found: Those of them that had been folded already, wholly or in part.
        rows: Rows of its share.
        total: Partitions of the dataset.
    """

    partitions: int
    found: int
    rows: int
    total: int


def named(run: Run) -> WorkStore:
    """The work store that workers and scan share.

    Raises:
        UsageError: None was named.
    """
    if run.kept is None or not run.kept.store.shared:
        raise UsageError("a worker needs a work store that the scan will read", hint="Add --cache DIR or URL.")
    return run.kept.store


def fold_shard(request: ScanRequest, shard: Shard, progress: Progress | None = None) -> ShardWork:
    """Fold what the shard holds, and all that a signed scan of the same options will ask for.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: The request is wrong, or names no work store.
    """
    with opened_run(replace(request, keep_profile=True, keep_states=True), progress) as (run, opened):
        store, ready = named(run), prepare(run, opened)
        pieces = pieces_of(ready.source)
        mine = pieces[shard.index :: shard.count]
        # States of others' sketches are of no use to anybody but who folds them.
        sketches = [sketch for sketch in ready.planned.sketches if is_covered(sketch)]
        job = job_of(sketches, store, ready.known, keeps=True)
        run.progress.start(f"folding shard {shard.index}/{shard.count}", 0, "rows")
        found = rows = 0
        try:
            for done in run.engine.run(partial(fold_piece, job), mine):
                count = sum(item.rows for item in done.runs)
                found, rows = found + bool(done.reused), rows + count
                run.progress.advance(count)
        finally:
            load_known.cache_clear()
        return ShardWork(len(mine), found, rows, len(pieces))
