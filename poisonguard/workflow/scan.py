"""Scan a dataset: discover, hash, fold, judge, score, decide.

Nothing is written but a private temporary folder that vanishes with the scan; what should last is written by
the caller from the finished ``Scan``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from poisonguard.attest.listing import Listing
from poisonguard.attest.predicates_v1 import version_name
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE, ChunkTree
from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.roles import infer_roles
from poisonguard.dataset.views import Views
from poisonguard.domain.dataset import Manifest
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.outcome import Outcome, Ran
from poisonguard.domain.result import ScanResult, assess
from poisonguard.domain.roles import Roles
from poisonguard.embedders.loading import load_embedder
from poisonguard.engine.examples import with_examples
from poisonguard.engine.executor import Executor, local
from poisonguard.engine.fold import Folded, fold
from poisonguard.engine.judge import judge
from poisonguard.engine.plan import Plan, plan
from poisonguard.engine.profile import dump_profile
from poisonguard.engine.progress import Progress, Silent
from poisonguard.engine.score import ScoreBook, Scoring
from poisonguard.engine.source import DatasetSource, DigestColumn, RowIndex
from poisonguard.engine.spool import Spool
from poisonguard.engine.summary import SAMPLE, summarise
from poisonguard.errors import ConfigurationError, NothingToScan, UsageError
from poisonguard.plugin.check import Check, Context, Evidence
from poisonguard.plugin.embedder import Embedder
from poisonguard.plugin.holdout import Holdout
from poisonguard.plugin.registry import checks_of, digest_of
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import DigestSet
from poisonguard.version import VERSION
from poisonguard.workflow.columns import check_kinds, nested_notes
from poisonguard.workflow.holdouts import read_holdout
from poisonguard.workflow.inspect import inventory_of
from poisonguard.workflow.references import (
    KeptReference,
    OpenReference,
    Reference,
    StoredReference,
    find_reference,
)
from poisonguard.workflow.settings import DatasetSettings, Settings, find_settings, load_settings, overrides

DIGESTS_AT_ONCE = 1 << 20
LEAKS = "evaluation-leak"
"""The detector that looks for evaluation items."""
MEANING = "meaning-contradiction"
"""The detector that asks an embedding model."""
ALWAYS: tuple[Sketch, ...] = (RowDigests(), SAMPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What to scan and how.

    Attributes:
        data: Path, glob, URL, or a table in memory.
        name: The dataset's name; the path's last part when not given.
        reference: Path or version to compare with, a table in memory, or what an earlier scan was compared with;
            nothing means the last approved version.
        compare: Whether to compare at all.
        packs: Packs of checks; nothing means the settings' or the policy's.
        columns: ``ROLE=NAME`` overrides.
        contract: Path of a Great Expectations suite.
        holdout: Evaluation sets whose items must not stand in the data: paths, or tables in memory; the settings' when
            empty.
        embeddings: Embedding model: folder, ONNX file or ``package:NAME``; the settings' when not given.
        policy: Path of a policy; nothing means the settings' or the built-in one.
        config: Path of a settings file; nothing means the nearest ``poisonguard.yaml``.
        keep_profile: Whether later versions will be compared with this one: folds what that takes.
        fail_on: Level at which to fail; may only be stricter than the policy's.
        workers: Threads; 0 means one per processor.
        fips: Whether the chunk trees are made with SHA-256, even if the policy does not ask for it.
    """

    data: str | pa.Table
    name: str | None = None
    reference: str | pa.Table | KeptReference | StoredReference | None = None
    compare: bool = True
    packs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    contract: str | None = None
    holdout: tuple[str | pa.Table, ...] = ()
    embeddings: str | None = None
    policy: str | None = None
    config: str | None = None
    keep_profile: bool = False
    fail_on: str | None = None
    workers: int = 0
    fips: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """A finished scan, while its temporary folder is still there."""

    result: ScanResult
    policy: Policy
    source: DatasetSource
    index: RowIndex
    book: ScoreBook
    files: Listing
    _evidence: Evidence
    _plan: Plan

    def profile(self) -> bytes:
        """The evidence in one file, for comparing the next version with this one."""
        return dump_profile(self._evidence, self._plan.lasting)


@contextmanager
def open_scan(request: ScanRequest, progress: Progress | None = None) -> Iterator[Scan]:
    """Scan the data; the scan's rows can be written until the context ends.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: The request, a policy, pack, contract or settings file is wrong.
    """
    settings = _settings(request)
    with ExitStack() as stack:
        spool = stack.enter_context(Spool())
        run = _Run(request, local(_workers(request)), spool, progress or Silent())
        dataset = stack.enter_context(_open(request, _tree(request, settings), run.progress))
        name = request.name or dataset.name
        reference = find_reference(
            request.reference,
            name,
            data=request.data if isinstance(request.data, str) else "",
            compare=request.compare,
            stack=stack,
            workers=_workers(request),
        )
        yield _scan(run, settings, dataset, name, reference)


def scan(request: ScanRequest, progress: Progress | None = None) -> ScanResult:
    """Scan the data and keep only the result."""
    with open_scan(request, progress) as finished:
        return finished.result


@dataclass(frozen=True, slots=True)
class _Run:
    """What every step of one scan shares."""

    request: ScanRequest
    executor: Executor
    spool: Spool
    progress: Progress

    def fold(
        self, stage: str, source: DatasetSource, sketches: Sequence[Sketch], known: DigestSet | None = None
    ) -> Folded:
        """Fold a source, told to the observer as ``stage``; rows that are not ``known`` also by themselves.

        Raises:
            NothingToScan: It holds no rows.
        """
        self.progress.start(stage, source.expected_rows(), "rows")
        folded = fold(source, sketches, self.executor, self.spool, self.progress, known)
        if not folded.runs:
            raise NothingToScan(f"{source.name}: no rows", hint="Check the path; an empty dataset is never a pass.")
        return folded


def _scan(run: _Run, settings: Settings, dataset: Dataset, name: str, reference: Reference | None) -> Scan:
    request, own = run.request, settings.of(name)
    policy = _policy(request, settings)
    strictness = _stricter(policy, request.fail_on)
    packs = request.packs or own.packs or policy.packs
    checks = checks_of(packs)
    contract = _contract(request, own)
    chosen = overrides(own.columns, request.columns)
    source = DatasetSource(dataset, name, Views.of(dataset.schema))
    roles = infer_roles(source.columns, source.peek(), chosen, source.views.roles)
    check_kinds(source.columns, chosen)
    always = ALWAYS
    if request.keep_profile:
        always += _later_needs(packs, Context(source.columns, roles, has_reference=True, contract=contract))
    compared = tuple(column.name for column in reference.columns) if reference else ()
    holdouts = _holdouts(request, own, chosen, dataset.tree, checks)
    embedder = _embedder(request, own, checks)
    context = Context(source.columns, roles, reference is not None, contract, compared, holdouts, embedder)
    planned = plan(checks, context, always)
    base = _reference_evidence(run, reference, planned)
    folded = run.fold("reading rows", source, planned.sketches, _known_rows(base))
    inventory = inventory_of(dataset, folded)
    manifest = inventory.manifest
    evidence = Evidence(name, source.columns, manifest.rows, _seed(manifest), folded.states, dataset.facts)
    index = RowIndex(folded.runs, [item.path for item in dataset.files])
    digests = DigestColumn(folded.states[RowDigests().key])
    scoring = Scoring(source, index, digests, run.executor, run.spool, run.progress)
    run.progress.start("judging", 0, "rows")
    judged, book = judge(planned.checks, evidence, base, scoring)
    outcomes = _explained((*planned.outcomes, *judged), source, index, roles)
    findings = ranked(outcomes)
    result = ScanResult(
        tool_version=VERSION,
        dataset=name,
        version=version_name(manifest),
        manifest=manifest,
        files=inventory.files,
        reference=reference.name if reference else None,
        pack="+".join(packs),
        pack_digest=digest_of(checks),
        policy_digest=policy_digest(policy),
        roles=roles,
        rules=tuple(check.card.rule for check in checks),
        outcomes=outcomes,
        findings=findings,
        waived=frozenset(),
        assessment=assess(findings),
        decision=decide_scan(strictness, outcomes, findings, frozenset()),
        columns=summarise(evidence, base, roles),
        notes=(*dataset.notes, *nested_notes(dataset.columns, source.views.read_inside)),
    )
    return Scan(result, policy, source, index, book, inventory.files, evidence, planned)


def _later_needs(packs: Sequence[str], context: Context) -> tuple[Sketch, ...]:
    """What a later scan will ask of this version as its reference, whether or not this scan has one itself."""
    return plan(checks_of(packs), context).lasting


def ranked(outcomes: Sequence[Outcome]) -> tuple[Finding, ...]:
    """Every finding, gravest first; the order depends on nothing but the findings."""
    findings = [finding for outcome in outcomes if isinstance(outcome, Ran) for finding in outcome.findings]
    return tuple(sorted(findings, key=_rank))


def _rank(finding: Finding) -> tuple[int, float, int, str, str]:
    return -finding.level.rank, -finding.confidence, -finding.row_count, finding.check, finding.subject


def _explained(
    outcomes: Sequence[Outcome], source: DatasetSource, index: RowIndex, roles: Roles
) -> tuple[Outcome, ...]:
    """The outcomes in card order, evidence rows filled in."""
    findings = [finding for outcome in outcomes if isinstance(outcome, Ran) for finding in outcome.findings]
    shown = iter(with_examples(findings, source, index, roles))
    filled = [
        Ran(item.check, item.coverage, tuple(next(shown) for _ in item.findings)) if isinstance(item, Ran) else item
        for item in outcomes
    ]
    return tuple(sorted(filled, key=lambda item: item.check))


def _reference_evidence(run: _Run, reference: Reference | None, planned: Plan) -> Evidence | None:
    if reference is None:
        return None
    if isinstance(reference, StoredReference):
        return reference.evidence
    held = planned.sketches_of([column.name for column in reference.columns])
    if isinstance(reference, OpenReference):
        return _folded_reference(run, reference, held)
    missing, known = reference.missing(held), reference.evidence
    if missing or known is None:
        known = reference.keep(_folded_reference(run, reference.opened, list(dict.fromkeys([*ALWAYS, *missing]))))
    return replace(known, states={sketch.key: known[sketch] for sketch in held})


def _folded_reference(run: _Run, reference: OpenReference, sketches: Sequence[Sketch]) -> Evidence:
    dataset = reference.dataset
    source = DatasetSource(dataset, reference.name, Views.of(dataset.schema))
    folded = run.fold("reading the reference", source, sketches)
    manifest = inventory_of(dataset, folded).manifest
    return Evidence(reference.name, source.columns, manifest.rows, _seed(manifest), folded.states)


def _known_rows(base: Evidence | None) -> DigestSet | None:
    """The rows of the reference, unless its profile was too large to keep them."""
    if base is None or RowDigests() not in base:
        return None
    column = DigestColumn(base[RowDigests()])
    parts = range(0, base.rows, DIGESTS_AT_ONCE)
    return DigestSet([column.of(start, min(DIGESTS_AT_ONCE, base.rows - start)) for start in parts])


def _seed(manifest: Manifest) -> int:
    """Randomness derived from what the data are: reproducible, and unknown to who wrote only a part of them."""
    return int.from_bytes(hashlib.sha256(f"seed:{manifest.rows_digest}".encode()).digest()[:8])


def _tree(request: ScanRequest, settings: Settings) -> ChunkTree:
    return FIPS_TREE if request.fips or _policy(request, settings).fips else BLAKE3_TREE


def _open(request: ScanRequest, tree: ChunkTree, progress: Progress) -> Dataset:
    if isinstance(request.data, str):
        counted = _ByteCounter(progress)
        return open_dataset(request.data, workers=_workers(request), tree=tree, progress=counted)
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


def _policy(request: ScanRequest, settings: Settings) -> Policy:
    path = request.policy or settings.policy
    return load_policy(Path(path)) if path else default_policy()


def _stricter(policy: Policy, fail_on: str | None) -> Policy:
    """The policy as asked for this run; its digest stays that of the policy itself."""
    if fail_on is None:
        return policy
    level = Level(fail_on)
    if level.rank > policy.fail_on.rank:
        raise UsageError(
            f"--fail-on {level} is weaker than the policy, which fails on {policy.fail_on}",
            hint="Change the policy, where approvers see it.",
        )
    return replace(policy, fail_on=level)


def _contract(request: ScanRequest, own: DatasetSettings) -> str | None:
    path = request.contract or own.contract
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the contract cannot be read: {error}") from error


def _holdouts(
    request: ScanRequest,
    own: DatasetSettings,
    chosen: Mapping[str, str],
    tree: ChunkTree,
    checks: Sequence[Check[Any]],
) -> tuple[Holdout, ...]:
    wanted = request.holdout or own.holdouts
    if wanted and not any(check.detector == LEAKS for check in checks):
        raise UsageError(
            "--holdout is given, and no check that is run looks for evaluation items",
            hint="Choose a pack that holds PG-LEAK-001, such as baseline.",
        )
    return tuple(read_holdout(item, chosen=chosen, tree=tree, workers=_workers(request)) for item in wanted)


def _embedder(request: ScanRequest, own: DatasetSettings, checks: Sequence[Check[Any]]) -> Embedder | None:
    wanted = request.embeddings or own.embeddings
    if wanted is None:
        return None
    if not any(check.detector == MEANING for check in checks):
        raise UsageError(
            "--embeddings is given, and no check that is run looks at meaning",
            hint="Choose a pack that holds PG-LABEL-003, such as baseline.",
        )
    return load_embedder(wanted, _workers(request))


def _workers(request: ScanRequest) -> int:
    return request.workers or min(8, len(os.sched_getaffinity(0)))
