"""Scan a dataset: discover, hash, fold, judge, score, decide.

Nothing is written but a private temporary folder that vanishes with the scan, and, where that is asked for, states of
sketches in a work store; what else should last is written by the caller from the finished ``Scan``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from poisonguard.attest.listing import Listing
from poisonguard.attest.predicates_v1 import version_name
from poisonguard.domain.finding import Finding
from poisonguard.domain.outcome import Outcome, Ran
from poisonguard.domain.result import ScanResult, assess
from poisonguard.domain.roles import Roles
from poisonguard.engine.examples import with_examples
from poisonguard.engine.judge import judge
from poisonguard.engine.plan import Plan
from poisonguard.engine.profile import dump_profile
from poisonguard.engine.progress import Progress
from poisonguard.engine.score import ScoreBook, Scoring
from poisonguard.engine.source import DatasetSource, DigestColumn, RowIndex
from poisonguard.engine.summary import SAMPLE, summarise
from poisonguard.plugin.check import Evidence
from poisonguard.plugin.registry import digest_of
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.sketches.digests import RowDigests
from poisonguard.version import VERSION
from poisonguard.workflow.columns import empty_notes, nested_notes
from poisonguard.workflow.inspect import inventory_of
from poisonguard.workflow.kept_judgements import kept_judgements, remarks_on
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan_plan import evidence_of, prepare
from poisonguard.workflow.scan_run import Opened, Run, opened_run

__all__ = ["Scan", "ScanRequest", "open_scan", "ranked", "scan"]


@dataclass(frozen=True, slots=True)
class Scan:
    """A finished scan, while its temporary folder is still there; ``remarks`` say nothing of the data."""

    result: ScanResult
    policy: Policy
    source: DatasetSource
    index: RowIndex
    book: ScoreBook
    files: Listing
    _evidence: Evidence
    _plan: Plan
    remarks: tuple[str, ...] = ()

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
    with opened_run(request, progress) as (run, opened):
        yield _scan(run, opened)


def scan(request: ScanRequest, progress: Progress | None = None) -> ScanResult:
    """Scan the data and keep only the result."""
    with open_scan(request, progress) as finished:
        return finished.result


def _scan(run: Run, opened: Opened) -> Scan:
    ready = prepare(run, opened)
    dataset, reference, source = opened.dataset, opened.reference, ready.source
    folded = run.fold("reading rows", source, ready.planned.sketches, ready.known)
    inventory = inventory_of(dataset, folded)
    manifest = inventory.manifest
    evidence = evidence_of(run, opened, source, folded, manifest)
    index = RowIndex(folded.runs, [item.path for item in dataset.files])
    digests = DigestColumn(folded.states[RowDigests().key])
    scoring = Scoring(source, index, digests, run.threads, run.spool, run.progress, run.away())
    run.progress.start("judging", 0, "rows")
    kept = kept_judgements(run, ready, evidence)
    judged, book = judge(ready.planned.checks, evidence, ready.base, scoring, kept)
    run.remarks.extend(remarks_on(kept))
    outcomes = _explained((*ready.planned.outcomes, *judged), source, index, ready.roles)
    findings = ranked(outcomes)
    result = ScanResult(
        tool_version=VERSION,
        dataset=opened.name,
        version=version_name(manifest),
        manifest=manifest,
        files=inventory.files,
        reference=reference.name if reference else None,
        pack="+".join(ready.packs),
        pack_digest=digest_of(ready.checks),
        policy_digest=policy_digest(ready.policy),
        roles=ready.roles,
        rules=tuple(check.card.rule for check in ready.checks),
        outcomes=outcomes,
        findings=findings,
        waived=frozenset(),
        assessment=assess(findings),
        decision=decide_scan(ready.strictness, outcomes, findings, frozenset()),
        columns=summarise(evidence, ready.base, ready.roles),
        notes=(
            *dataset.notes,
            *nested_notes(dataset.columns, source.views.read_inside),
            *empty_notes(evidence[SAMPLE], dataset.columns),
        ),
    )
    return Scan(result, ready.policy, source, index, book, inventory.files, evidence, ready.planned, tuple(run.remarks))


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
