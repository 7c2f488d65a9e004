"""The second pass: scorers score every row; the best are kept, all are remembered on disk.

One score per row comes out of it (``fusing``). What a finding above a note does to its rows depends on what it speaks
for (docs/adr/0017): poisoning, and files and items that must not be there, accuse them. A row is flagged by every
finding above a note but those of drift: that a column is distributed otherwise is said of the column, and an honest
new period is full of such rows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.engine.accusing import Group
from poisonguard.engine.executor import Executor
from poisonguard.engine.fusing import Fusion
from poisonguard.engine.judgements import Scale
from poisonguard.engine.plan import describe
from poisonguard.engine.progress import Progress
from poisonguard.engine.score_tasks import Away, Rows, checked, scored_away, sendable
from poisonguard.engine.source import DigestColumn, RowIndex, Source
from poisonguard.engine.spool import Spool
from poisonguard.kernels.mapped import let_go, mapped_zeros, passing
from poisonguard.plugin.check import RowScorer, Scored, Scores
from poisonguard.sketches.base import Block

KEPT_ROWS = 100_000
"""Rows at or above the threshold that a finding may name; more are counted, not named."""

ACCUSING = frozenset({Signal.POISONING, Signal.INTEGRITY})
"""Signals of findings whose rows are under suspicion."""

FLAGGING = ACCUSING | {Signal.QUALITY}
"""Signals of findings whose rows somebody should look at: secrets and broken contracts, too."""

WRITE_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Scoring:
    """What the second pass needs; where it can be done ``away``, this process scores only what stays."""

    source: Source
    index: RowIndex
    digests: DigestColumn
    executor: Executor
    spool: Spool
    progress: Progress
    away: Away | None = None


@dataclass(slots=True)
class ScoreBook:
    """Every row's score by every scorer, and the rows that findings name."""

    total: int
    thresholds: dict[str, float] = field(default_factory=dict)
    named: dict[str, float] = field(default_factory=dict)
    scores: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    fired: dict[str, frozenset[Signal]] = field(default_factory=dict)
    members: list[Group] = field(default_factory=list)
    evidence: dict[str, float] = field(default_factory=dict)
    _fusion: Fusion | None = None

    def scored(self, card: str) -> Scored:
        """What one scorer saw."""
        threshold, flagged = np.float32(self.named.get(card, self.thresholds[card])), 0
        rows, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        for start in range(0, self.total, WRITE_ROWS):
            part = self.scores[card][start : start + WRITE_ROWS]
            reached = np.flatnonzero(part >= threshold)
            flagged += len(reached)
            rows, scores = np.append(rows, reached + start), np.append(scores, part[reached])
            let_go(part)
            if len(rows) > 2 * KEPT_ROWS:
                rows, scores = _highest(rows, scores)
        rows, scores = _highest(rows, scores)
        return Scored(rows, scores.astype(np.float64), flagged, self.total)

    def expect(self, card: str, scale: Scale, spool: Spool) -> None:
        """Make room for the score of every row."""
        self.thresholds[card], self.evidence[card] = scale.threshold, scale.evidence
        self.named[card] = scale.threshold if scale.named is None else scale.named
        self.scores[card] = mapped_zeros(spool.path("scores.f32"), np.float32, self.total)

    def take(self, card: str, scale: Scale, scores: pa.ChunkedArray, spool: Spool) -> None:
        """Take over scores that were kept: copied, a part at a time, to where those of this scan lie."""
        self.expect(card, scale, spool)
        start = 0
        for chunk in passing(scores.chunks):
            part = self.scores[card][start : start + len(chunk)]
            part[:] = chunk.to_numpy()
            let_go(part)
            start += len(chunk)

    def fire(self, card: str, findings: Iterable[Finding]) -> None:
        """What the scorer's dataset-level test found; a note informs, it fires nothing."""
        signals = frozenset(finding.signal for finding in findings if finding.level is not Level.NOTE)
        if signals:
            self.fired[card] = signals
            self._fusion = None

    def remember(self, finding: Finding) -> None:
        """Rows that a finding names carry its confidence."""
        if len(finding.rows):
            grave = finding.level is not Level.NOTE
            accuses, flags = grave and finding.signal in ACCUSING, grave and finding.signal in FLAGGING
            rows = np.sort(np.asarray(finding.rows, dtype=np.int64))
            named = max(finding.row_count, len(rows))
            self.members.append(Group(finding.check, rows, named, finding.confidence, accuses, flags))
            self._fusion = None

    def fused(self, start: int, stop: int) -> tuple[Scores, npt.NDArray[np.bool_], list[str]]:
        """Score, flag and comma-separated check ids of rows ``start`` to ``stop``, shapes (stop - start,)."""
        rows, flags = stop - start, dict[str, npt.NDArray[np.bool_]]()
        for card in self.scores:
            if self.fired.get(card, frozenset()) & FLAGGING:
                values = self.scores[card][start:stop]
                flags[card] = values >= np.float32(self.thresholds[card])
                let_go(values)
        for member in self.members:
            if member.flags:
                flags.setdefault(member.check, np.zeros(rows, np.bool_))[member.between(start, stop)] = True
        return self._fused().ranked(start, stop), _any(flags, rows), _names(flags, rows)

    def _fused(self) -> Fusion:
        """What all rows say; asked for again after every new finding."""
        if self._fusion is None:
            accusers = self._accusers()
            self._fusion = Fusion.of(self.total, self.scores, self.thresholds, accusers, self.members, self.evidence)
        return self._fusion

    def _accusers(self) -> frozenset[str]:
        """Cards whose scorers accuse."""
        return frozenset(card for card, signals in self.fired.items() if card in self.scores and signals & ACCUSING)


def _highest(rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]) -> tuple[Any, Any]:
    """The rows that are kept, highest score first, and their scores."""
    order = np.lexsort((rows, -scores))[:KEPT_ROWS]
    return rows[order], scores[order]


def _any(flags: Mapping[str, npt.NDArray[np.bool_]], rows: int) -> npt.NDArray[np.bool_]:
    return np.logical_or.reduce(list(flags.values())) if flags else np.zeros(rows, dtype=np.bool_)


def _names(flags: Mapping[str, npt.NDArray[np.bool_]], rows: int) -> list[str]:
    names = [""] * rows
    for card in sorted(flags):
        for row in np.flatnonzero(flags[card]).tolist():
            names[row] = f"{names[row]},{card}" if names[row] else card
    return names


def score_rows(scorers: Mapping[str, RowScorer], scoring: Scoring) -> ScoreBook:
    """Run every scorer over every row; a scorer that breaks is recorded, the others go on."""
    book = ScoreBook(scoring.index.total)
    for card, scorer in scorers.items():
        book.expect(card, Scale.of(scorer), scoring.spool)
    if scorers:
        _second_pass(scorers, scoring, book)
    for card in book.errors:
        del book.scores[card]
    return book


def _second_pass(scorers: Mapping[str, RowScorer], scoring: Scoring, book: ScoreBook) -> None:
    sent = {} if scoring.away is None else sendable(scorers)
    kept = {card: scorer for card, scorer in scorers.items() if card not in sent}
    scoring.progress.start("scoring rows", book.total * (bool(sent) + bool(kept)), "rows")
    if scoring.away is not None and sent:
        _score_away(scoring.away, sent, scoring, book)
    if kept:
        _score_here(kept, scoring, book)


def _score_away(away: Away, scorers: Mapping[str, RowScorer], scoring: Scoring, book: ScoreBook) -> None:
    rows = Rows(scoring.source, scoring.index, scoring.digests)
    for receipt, scores in scored_away(away, scorers, _columns(scorers.values(), scoring), rows):
        for card, values in scores.items():
            part = book.scores[card][receipt.start : receipt.start + receipt.rows]
            part[:] = values
            let_go(part)
        book.errors |= {card: error for card, error in receipt.errors.items() if card not in book.errors}
        scoring.progress.advance(receipt.rows)


def _score_here(scorers: Mapping[str, RowScorer], scoring: Scoring, book: ScoreBook) -> None:
    columns = _columns(scorers.values(), scoring)
    lock = threading.Lock()

    def work(task: object) -> None:
        for batch in scoring.source.batches(task, columns):
            start, rows = scoring.index.globally(batch.file, batch.first_row), batch.table.num_rows
            digests = scoring.digests.of(start, rows)
            block = Block(batch.file, batch.first_row, batch.table, digests, counts=batch.counts)
            for card, scorer in scorers.items():
                if card in book.errors:
                    continue
                try:
                    part = book.scores[card][start : start + rows]
                    part[:] = checked(scorer.score(block), rows)
                    let_go(part)
                except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
                    with lock:
                        book.errors[card] = describe(error)
            scoring.progress.advance(rows)

    for _ in scoring.executor.run(work, scoring.source.tasks()):
        pass


def _columns(scorers: Iterable[RowScorer], scoring: Scoring) -> list[str]:
    """What the scorers read, in the order of the data."""
    wanted = {column for scorer in scorers for column in scorer.columns}
    return [column.name for column in scoring.source.columns if column.name in wanted]
