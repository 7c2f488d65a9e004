"""Before a row of the data is folded: policy, checks, columns, what is compared with, and which sketches that takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poisonguard.attest.predicates_v1 import version_name
from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.roles import infer_roles
from poisonguard.dataset.views import Views
from poisonguard.detectors.contract_suite import parse_suite
from poisonguard.domain.dataset import Manifest
from poisonguard.domain.finding import Level
from poisonguard.domain.roles import Roles
from poisonguard.embedders.loading import load_embedder
from poisonguard.engine.fold import Folded
from poisonguard.engine.plan import Plan, plan
from poisonguard.engine.source import DatasetSource, DigestColumn
from poisonguard.engine.summary import SAMPLE
from poisonguard.errors import ConfigurationError, UsageError
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable
from poisonguard.plugin.embedder import Embedder
from poisonguard.plugin.holdout import Holdout
from poisonguard.plugin.registry import checks_of
from poisonguard.policy.model import Policy
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import DigestSet
from poisonguard.workflow.columns import check_kinds
from poisonguard.workflow.holdouts import read_holdout
from poisonguard.workflow.inspect import inventory_of
from poisonguard.workflow.references import OpenReference, Reference, StoredReference
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan_run import Opened, Run, policy_of, workers_of
from poisonguard.workflow.settings import DatasetSettings, overrides

DIGESTS_AT_ONCE = 1 << 20
LEAKS = "evaluation-leak"
"""The detector that looks for evaluation items."""
MEANING = "meaning-contradiction"
"""The detector that asks an embedding model."""
ALWAYS: tuple[Sketch, ...] = (RowDigests(), SAMPLE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is settled before the fold.

    Attributes:
        source: The rows.
        roles: What the columns mean.
        packs: The packs of checks.
        checks: The checks.
        policy: What the scan is recorded with.
        strictness: The policy as asked for this run.
        planned: Which sketches are folded for which checks.
        base: Evidence of the reference.
        known: The reference's rows.
        context: What checks were told before any row was read.
    """

    source: DatasetSource
    roles: Roles
    packs: tuple[str, ...]
    checks: Sequence[Check[Any]]
    policy: Policy
    strictness: Policy
    planned: Plan
    base: Evidence | None
    known: DigestSet | None
    context: Context


def prepare(run: Run, opened: Opened) -> Prepared:
    """Settle everything; the reference is folded, the data are not.

    Raises:
        UsageError: The request, a policy, pack, contract or settings file is wrong.
    """
    request, own = run.request, run.settings.of(opened.name)
    dataset, reference = opened.dataset, opened.reference
    policy = policy_of(request, run.settings)
    strictness = _stricter(policy, request.fail_on)
    packs = request.packs or own.packs or policy.packs
    checks = checks_of(packs)
    contract = _contract(request, own)
    chosen = overrides(own.columns, request.columns)
    source = DatasetSource(dataset, opened.name, Views.of(dataset.schema))
    roles = infer_roles(source.columns, source.peek(), chosen, source.views.roles)
    check_kinds(source.columns, chosen)
    always = ALWAYS
    if request.keep_profile:
        later = Context(source.columns, roles, has_reference=True, contract=contract, has_history=True)
        always += _later_needs(packs, later)
    compared = tuple(column.name for column in reference.columns) if reference else ()
    workers = workers_of(request, run.settings)
    holdouts = _holdouts(request, own, chosen, dataset.tree, checks, workers)
    embedder = _embedder(request, own, checks, workers)
    past = isinstance(reference, StoredReference) and len(reference.evidence.history) > 0
    context = Context(source.columns, roles, reference is not None, contract, compared, holdouts, embedder, past)
    _check_embedder(checks, context)
    planned = plan(checks, context, always)
    base = _reference_evidence(run, reference, planned)
    return Prepared(source, roles, packs, checks, policy, strictness, planned, base, _known_rows(base), context)


def evidence_of(run: Run, opened: Opened, source: DatasetSource, folded: Folded, manifest: Manifest) -> Evidence:
    """What was folded of the data, as checks see it."""
    return Evidence(
        opened.name,
        source.columns,
        manifest.rows,
        seed_of(manifest),
        folded.states,
        opened.dataset.facts,
        run.threads.run,
        run.near(folded),
        identity=version_name(manifest),
    )


def _later_needs(packs: Sequence[str], context: Context) -> tuple[Sketch, ...]:
    """What a later scan will ask of this version as its reference, whether or not this scan has one itself."""
    return plan(checks_of(packs), context).lasting


def _reference_evidence(run: Run, reference: Reference | None, planned: Plan) -> Evidence | None:
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


def _folded_reference(run: Run, reference: OpenReference, sketches: Sequence[Sketch]) -> Evidence:
    dataset = reference.dataset
    source = DatasetSource(dataset, reference.name, Views.of(dataset.schema))
    folded = run.fold("reading the reference", source, sketches)
    manifest = inventory_of(dataset, folded).manifest
    identity = version_name(manifest)
    return Evidence(reference.name, source.columns, manifest.rows, seed_of(manifest), folded.states, identity=identity)


def _known_rows(base: Evidence | None) -> DigestSet | None:
    """The rows of the reference, unless its profile was too large to keep them."""
    if base is None or RowDigests() not in base:
        return None
    column = DigestColumn(base[RowDigests()])
    parts = range(0, base.rows, DIGESTS_AT_ONCE)
    return DigestSet([column.of(start, min(DIGESTS_AT_ONCE, base.rows - start)) for start in parts])


def seed_of(manifest: Manifest) -> int:
    """Randomness derived from what the data are: reproducible, and unknown to who wrote only a part of them."""
    return int.from_bytes(hashlib.sha256(f"seed:{manifest.rows_digest}".encode()).digest()[:8])


def _stricter(policy: Policy, fail_on: str | None) -> Policy:
    """The policy as asked for this run; its digest stays that of the policy itself."""
    if fail_on is None:
        return policy
    try:
        level = Level(fail_on)
    except ValueError:
        raise UsageError(f"fail_on is {fail_on!r}: no level", hint=f"Levels: {', '.join(Level)}.") from None
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
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the contract cannot be read: {error}") from error
    try:
        parse_suite(text)
    except ConfigurationError as error:
        hint = (
            error.hint
            or "A contract is an expectation suite of Great Expectations: docs/how-to/write-a-data-contract.md."
        )
        raise ConfigurationError(f"{Path(path).name}: {error.message}", hint=hint) from error
    return text


def _holdouts(  # noqa: PLR0913, PLR0917 - each is one thing said elsewhere
    request: ScanRequest,
    own: DatasetSettings,
    chosen: Mapping[str, str],
    tree: ChunkTree,
    checks: Sequence[Check[Any]],
    workers: int,
) -> tuple[Holdout, ...]:
    wanted = request.holdout or own.holdouts
    if wanted and not any(check.detector == LEAKS for check in checks):
        raise UsageError(
            "--holdout is given, and no check that is run looks for evaluation items",
            hint="Choose a pack that holds PG-LEAK-001, such as baseline.",
        )
    return tuple(read_holdout(item, chosen=chosen, tree=tree, workers=workers) for item in wanted)


def _embedder(
    request: ScanRequest, own: DatasetSettings, checks: Sequence[Check[Any]], workers: int
) -> Embedder | None:
    wanted = request.embeddings or own.embeddings
    if wanted is None:
        return None
    if not any(check.detector == MEANING for check in checks):
        raise UsageError(
            "--embeddings is given, and no check that is run looks at meaning",
            hint="Choose a pack that holds PG-LABEL-003, such as baseline.",
        )
    return load_embedder(wanted, workers)


def _check_embedder(checks: Sequence[Check[Any]], context: Context) -> None:
    """A model that has nothing to read here was not meant to be passed over in silence."""
    if context.embedder is None:
        return
    for check in checks:
        needs = check.needs(context) if check.detector == MEANING else ()
        if isinstance(needs, NotApplicable):
            raise UsageError(
                f"--embeddings is given, and the model has nothing to judge here: {needs.reason}",
                hint="Say which columns it is about, such as --column label=NAME --column text=NAME, or leave it out.",
            )
