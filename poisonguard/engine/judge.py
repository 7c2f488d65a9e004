"""Ask every check for its verdict: first on the sketches, then on the scores of all rows.

A check that breaks is an outcome (``Failed``); what the others found still stands. A check whose judgement was kept
is not asked again (``judgements``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from poisonguard.domain.finding import Finding
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran
from poisonguard.engine.flagged import flagged_rows, is_sign
from poisonguard.engine.judgements import Judgement, Judgements, Scale, is_onlooker
from poisonguard.engine.plan import describe
from poisonguard.engine.score import ScoreBook, Scoring, score_rows
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.plugin.check import Check, Evidence, MissingEvidence, NotApplicable, Reviewer, RowScorer, ScoreReader

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Judged:
    """One check on its way to an outcome."""

    check: Check[Any]
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scorer: RowScorer | None = None
    concluded: list[Finding] = field(default_factory=list)
    later: list[Finding] = field(default_factory=list)
    found: Judgement | None = None
    error: str = ""

    @property
    def card(self) -> str:
        """Name of its card."""
        return self.check.card.id

    @property
    def asked(self) -> bool:
        """Whether it answers itself, and has not failed."""
        return self.found is None and not self.error

    @property
    def own(self) -> list[Finding]:
        """What it found itself, before it looked at what others found."""
        return [*self.findings, *self.concluded]

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Everything."""
        return (*self.own, *self.later)


def judge(
    checks: Sequence[Check[Any]],
    evidence: Evidence,
    reference: Evidence | None,
    scoring: Scoring,
    kept: Judgements | None = None,
) -> tuple[tuple[Outcome, ...], ScoreBook]:
    """Outcomes of all checks, and the book of row scores behind them; the same, whatever was ``kept``."""
    judged = [_found(check, evidence, kept) or _judge(check, evidence, reference) for check in checks]
    evidence.worked_out.clear()  # what they had in common is large
    scorers = {item.card: item.scorer for item in judged if item.scorer is not None}
    book = score_rows(scorers, scoring)
    for item in judged:
        if item.found is not None:
            _take(item, item.found, book, scoring)
        elif item.scorer is not None and not item.error:
            _conclude(item, item.scorer, book)
    book.scores = {item.card: book.scores[item.card] for item in judged if item.card in book.scores}
    _review(judged, evidence, scoring)
    _read_scores(judged, evidence, book)
    for item in judged:
        for finding in item.all_findings:
            book.remember(finding)
    if kept is not None:
        _keep(judged, evidence, book, kept)
    return tuple(_outcome(item, evidence) for item in judged), book


def _found(check: Check[Any], evidence: Evidence, kept: Judgements | None) -> _Judged | None:
    """What was kept of a check."""
    found = None if kept is None else kept.find(check, evidence.rows)
    if found is None:
        return None
    concluded, later = list(found.concluded), list(found.later)
    return _Judged(check, list(found.findings), list(found.notes), None, concluded, later, found)


def _take(item: _Judged, found: Judgement, book: ScoreBook, scoring: Scoring) -> None:
    if found.scale is not None and found.scores is not None:
        book.take(item.card, found.scale, found.scores, scoring.spool)
        book.fire(item.card, found.concluded)


def _keep(judged: Sequence[_Judged], evidence: Evidence, book: ScoreBook, kept: Judgements) -> None:
    """Keep what was judged now; of checks that look at others only where all of these were sound."""
    sound = not any(item.error for item in judged)
    for item in judged:
        if item.asked and (sound or not is_onlooker(item.check)):
            kept.keep(item.check, _judgement(item, evidence), book.scores.get(item.card))


def _judgement(item: _Judged, evidence: Evidence) -> Judgement:
    rows, note = item.check.coverage_note(evidence)
    scale = None if item.scorer is None else Scale.of(item.scorer)
    groups = (tuple(item.findings), tuple(item.concluded), tuple(item.later))
    return Judgement(*groups, tuple(item.notes), rows, note, scale)


def _judge(check: Check[Any], evidence: Evidence, reference: Evidence | None) -> _Judged:
    item = _Judged(check)
    try:
        item.findings.extend(_with_reference(item, lambda base: list(check.judge(evidence, base)), reference))
        scorer = _with_reference(item, lambda base: check.scorer(evidence, base), reference)
    except (IncompleteScan, IntegrityError):  # of the engine and the work store: no fault of the check
        raise
    except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
        item.error = describe(error)
        return item
    if isinstance(scorer, NotApplicable):
        item.notes.append(f"rows not scored: {scorer.reason}")
    else:
        item.scorer = scorer
    return item


def _with_reference(item: _Judged, ask: Callable[[Evidence | None], ResultT], reference: Evidence | None) -> ResultT:
    """Ask with the reference; where it lacks the evidence, ask without it and say so."""
    if reference is None:
        return ask(None)
    try:
        return ask(reference)
    except MissingEvidence as error:
        note = f"judged without the reference: {error.args[0]}"
        if note not in item.notes:
            item.notes.append(note)
        return ask(None)


def _conclude(item: _Judged, scorer: RowScorer, book: ScoreBook) -> None:
    problem = book.errors.get(item.card)
    if problem:
        item.error = problem
        return
    try:
        findings = list(scorer.conclude(book.scored(item.card)))
    except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
        item.error = describe(error)
        return
    item.concluded.extend(findings)
    book.fire(item.card, findings)


def _review(judged: Sequence[_Judged], evidence: Evidence, scoring: Scoring) -> None:
    """Let those that review see what the others found."""
    reviewers = [(item, item.check) for item in judged if isinstance(item.check, Reviewer) and item.asked]
    found = [finding for item in judged for finding in item.own]
    if not reviewers or not any(is_sign(finding) for finding in found):
        return
    columns = tuple(dict.fromkeys(name for _, reviewer in reviewers for name in reviewer.review_columns))
    flagged = flagged_rows(found, columns, scoring.source, scoring.index)
    for item, reviewer in reviewers:
        try:
            item.later.extend(reviewer.review(flagged, evidence))
        except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
            item.error = describe(error)


def _read_scores(judged: Sequence[_Judged], evidence: Evidence, book: ScoreBook) -> None:
    """Let those that read the scores of others do so; what they find is not reviewed once more."""
    scores = {
        item.check.detector: book.scores[item.card] for item in judged if item.card in book.scores and not item.error
    }
    for item in judged:
        if not isinstance(item.check, ScoreReader) or not item.asked:
            continue
        try:
            item.later.extend(item.check.read_scores(scores.get(item.check.reads), evidence))
        except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
            item.error = describe(error)


def _outcome(item: _Judged, evidence: Evidence) -> Outcome:
    if item.error:
        return Failed(item.card, item.error)
    found = item.found
    rows, note = item.check.coverage_note(evidence) if found is None else (found.rows_seen, found.note)
    notes = "; ".join(filter(None, [note, *item.notes]))
    return Ran(item.card, Coverage(rows, evidence.rows, notes), item.all_findings)
