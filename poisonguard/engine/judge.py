"""Ask every check for its verdict: first on the sketches, then on the scores of all rows.

A check that breaks is an outcome (``Failed``); what the others found still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from poisonguard.domain.finding import Finding
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran
from poisonguard.engine.flagged import flagged_rows, is_sign
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
    error: str = ""


def judge(
    checks: Sequence[Check[Any]], evidence: Evidence, reference: Evidence | None, scoring: Scoring
) -> tuple[tuple[Outcome, ...], ScoreBook]:
    """Outcomes of all checks, and the book of row scores behind them."""
    judged = [_judge(check, evidence, reference) for check in checks]
    evidence.worked_out.clear()  # what they had in common is large
    scorers = {item.check.card.id: item.scorer for item in judged if item.scorer is not None}
    book = score_rows(scorers, scoring)
    for item in judged:
        if item.scorer is not None and not item.error:
            _conclude(item, item.scorer, book)
    _review(judged, evidence, scoring)
    _read_scores(judged, evidence, book)
    for item in judged:
        for finding in item.findings:
            book.remember(finding)
    return tuple(_outcome(item, evidence) for item in judged), book


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
    card = item.check.card.id
    problem = book.errors.get(card)
    if problem:
        item.error = problem
        return
    try:
        findings = list(scorer.conclude(book.scored(card)))
    except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
        item.error = describe(error)
        return
    item.findings.extend(findings)
    book.fire(card, findings)


def _review(judged: Sequence[_Judged], evidence: Evidence, scoring: Scoring) -> None:
    """Let those that review see what the others found."""
    reviewers = [(item, item.check) for item in judged if isinstance(item.check, Reviewer) and not item.error]
    found = [finding for item in judged for finding in item.findings]
    if not reviewers or not any(is_sign(finding) for finding in found):
        return
    columns = tuple(dict.fromkeys(name for _, reviewer in reviewers for name in reviewer.review_columns))
    flagged = flagged_rows(found, columns, scoring.source, scoring.index)
    for item, reviewer in reviewers:
        try:
            item.findings.extend(reviewer.review(flagged, evidence))
        except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
            item.error = describe(error)


def _read_scores(judged: Sequence[_Judged], evidence: Evidence, book: ScoreBook) -> None:
    """Let those that read the scores of others do so; what they find is not reviewed once more."""
    scores = {item.check.detector: book.scores[item.check.card.id] for item in judged if item.scorer and not item.error}
    for item in judged:
        if not isinstance(item.check, ScoreReader) or item.error:
            continue
        try:
            item.findings.extend(item.check.read_scores(scores.get(item.check.reads), evidence))
        except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
            item.error = describe(error)


def _outcome(item: _Judged, evidence: Evidence) -> Outcome:
    if item.error:
        return Failed(item.check.card.id, item.error)
    rows, note = item.check.coverage_note(evidence)
    notes = "; ".join(filter(None, [note, *item.notes]))
    return Ran(item.check.card.id, Coverage(rows, evidence.rows, notes), tuple(item.findings))
