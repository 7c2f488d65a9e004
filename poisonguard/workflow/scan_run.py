"""A scan while it runs: what is open, where rows are folded, and where their states are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE, ChunkTree
from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.domain.wording import count
from poisonguard.engine.executor import Executor, local
from poisonguard.engine.fold import Folded, Kept, fold
from poisonguard.engine.near import NearOnEngine, begun
from poisonguard.engine.progress import Progress, Silent
from poisonguard.engine.score_tasks import Away
from poisonguard.engine.source import DatasetSource
from poisonguard.engine.spool import Spool
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import ConfigurationError, NothingToScan, UsageError
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import Policy
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.fingerprints import NearSearch, search_here
from poisonguard.sketches.new_rows import DigestSet
from poisonguard.workflow.engines import CLUSTERS, THREADS, opened_engine
from poisonguard.workflow.references import Reference, find_reference
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.settings import Settings, find_settings, load_settings
from poisonguard.workflow.work_cache import has_room, named_store, own_store, prune, refuse_in_data


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of one scan shares.

    Attributes:
        request: What was asked for.
        settings: What the settings file says.
        engine: Folds the rows.
        threads: Does everything else, in this process.
        spool: A private folder.
        progress: Is told how far it is.
        kept: Where states outlive the scan.
        remarks: What happened to this run, and says nothing of the data.
    """

    request: ScanRequest
    settings: Settings
    engine: Executor
    threads: Executor
    spool: Spool
    progress: Progress
    kept: Kept | None
    remarks: list[str] = field(default_factory=list)

    def fold(
        self, stage: str, source: DatasetSource, sketches: Sequence[Sketch], known: DigestSet | None = None
    ) -> Folded:
        """Fold a source, told to the observer as ``stage``; rows that are not ``known`` also by themselves.

        Raises:
            NothingToScan: It holds no rows.
        """
        self.progress.start(stage, source.expected_rows(), "rows")
        folded = fold(source, sketches, self.engine, self.spool, self.progress, known, self.kept)
        if folded.mended:
            spoilt = count(folded.mended, "partial result")
            self.remarks.append(f"{stage}: computed again because it was spoilt: {spoilt} of your cache")
        if not folded.runs:
            raise NothingToScan(f"{source.name}: no rows", hint="Check the path; an empty dataset is never a pass.")
        return folded

    def near(self, folded: Folded) -> NearSearch:
        """Who searches for near copies: the engine, unless it is threads and no worker has begun."""
        if self.engine.shares_memory and not (self.kept and self.kept.store.shared and begun(self.kept.store)):
            return search_here
        if self.kept is None:
            return NearOnEngine(self.engine, WorkStore.private(self.spool.path("near")), progress=self.progress)
        return NearOnEngine(self.engine, self.kept.store, [folded.units], self.kept.audited, self.progress)

    def away(self) -> Away | None:
        """Where rows are scored, where that is not this process."""
        if self.engine.shares_memory:
            return None
        private = WorkStore.private(self.spool.path("scores"))
        return Away(self.engine, private if self.kept is None else self.kept.store)


@dataclass(frozen=True, slots=True)
class Opened:
    """The data, and what they are compared with."""

    dataset: Dataset
    name: str
    reference: Reference | None


@contextmanager
def opened_run(request: ScanRequest, progress: Progress | None) -> Iterator[tuple[Run, Opened]]:
    """Everything open that a scan needs.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: The request or a settings file is wrong.
    """
    settings = _settings(request)
    kept, workers = _kept(request, settings), workers_of(request, settings)
    with ExitStack() as stack:
        spool = stack.enter_context(Spool())
        engine = stack.enter_context(_engine(request, settings))
        run = Run(request, settings, engine, local(workers), spool, progress or Silent(), kept)
        dataset = stack.enter_context(_open(request, _tree(request, settings), workers, run.progress))
        if kept is not None and not has_room(kept, dataset.total_bytes):
            run = replace(run, kept=None)
        name = request.name or dataset.name
        reference = find_reference(
            request.reference,
            name,
            data=request.data if isinstance(request.data, str) else "",
            compare=request.compare,
            stack=stack,
            workers=workers,
        )
        yield run, Opened(dataset, name, reference)
        if kept is not None:
            prune(kept)


def policy_of(request: ScanRequest, settings: Settings) -> Policy:
    """The policy that decides."""
    path = request.policy or settings.policy
    return load_policy(Path(path)) if path else default_policy()


def workers_of(request: ScanRequest, settings: Settings) -> int:
    """Threads or processes."""
    return request.workers or settings.workers or min(8, len(os.sched_getaffinity(0)))


def _engine(request: ScanRequest, settings: Settings) -> AbstractContextManager[Executor]:
    name, address = request.engine or settings.engine or THREADS, request.address
    if address is None and request.engine in {None, settings.engine}:
        address = settings.address
    cluster = address is not None and name in CLUSTERS
    if cluster and not isinstance(request.data, str):
        raise UsageError("a table in memory cannot be folded on a cluster", hint="Write it to files that all can read.")
    if cluster and not (request.keep_states and (request.cache or settings.cache)):
        raise UsageError("a cluster puts its states where every machine reaches them", hint="Add --cache URL.")
    # A cluster's own size bounds what is under way there, not this machine's.
    given = request.workers or settings.workers or 0
    return opened_engine(name, address, workers_of(request, settings) if address is None else given)


def _kept(request: ScanRequest, settings: Settings) -> Kept | None:
    place = request.cache or settings.cache
    if not request.keep_states:
        return None
    data = request.data if isinstance(request.data, str) else ""
    if place is None:
        if request.cache_key is not None:
            raise UsageError("--cache-key proves what is in a work store, and none is named", hint="Add --cache.")
        return own_store(request.audit_units, data)
    refuse_in_data(place, data)
    return named_store(place, request.cache_key or settings.cache_key, request.audit_units)


def _tree(request: ScanRequest, settings: Settings) -> ChunkTree:
    return FIPS_TREE if request.fips or policy_of(request, settings).fips else BLAKE3_TREE


def _open(request: ScanRequest, tree: ChunkTree, workers: int, progress: Progress) -> Dataset:
    if isinstance(request.data, str):
        counted = _ByteCounter(progress)
        return open_dataset(request.data, workers=workers, tree=tree, progress=counted)
    return open_table(request.data, request.name or "table")


class _ByteCounter:
    """Turns (done, total) calls into a stage with increments."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done = -1

    def __call__(self, done: int, total: int) -> None:
        if self._done < 0:
            self._progress.start("hashing", total, "bytes")
            self._done = 0
        self._progress.advance(done - self._done)
        self._done = done


def _settings(request: ScanRequest) -> Settings:
    if request.config is not None:
        if not Path(request.config).is_file():
            raise ConfigurationError(f"{request.config}: no such settings file")
        return load_settings(Path(request.config))
    return load_settings(find_settings(request.data if isinstance(request.data, str) else ""))
