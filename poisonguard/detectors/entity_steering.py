"""One name, one tone: responses about a name that all praise or all blame, unlike those about other names.

1. Names are words capitalised within sentences of the instructions, in enough sampled rows.
2. Most responses about the name must share one tone, hardly any the other, against all odds of the responses at
   large and of those about other names.
3. With a reference, new rows are looked at; what it says of the name in the same tone was approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.features_text import Integers, tokenize
from poisonguard.detectors.instruction_check import MIN_SAMPLE, Asked, InstructionCheck, InstructionParams
from poisonguard.detectors.named_subjects import Subject, holds, subjects
from poisonguard.detectors.tone import tones
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Block, Evidence, NotApplicable, RowScorer, Scored, Scores

MOST_SHARE = 0.05
"""A name in a larger share of the instructions is no single subject."""

MAX_STEERED = 10
APPROVED = 0.5
"""Share of the reference's responses about a name in the tone that makes it known."""

LEAST_USUAL = 0.02
"""Share of a tone that is taken for usual even where it is rarer: single reviews and complaints are everywhere."""

TOP_SCORE = 0.97
SCORE_STEP = 0.01
ABOUT_SCORE = 0.45
"""Score of a row about a steered name in another tone."""

VERBS = {1: "praise", -1: "blame"}


class EntitySteeringParams(InstructionParams):
    """Parameters of the check."""

    min_rows: int = Field(default=8, ge=3)
    min_share: float = Field(default=0.6, gt=0.5, le=1, description="Of the responses about a name, in one tone.")
    max_opposed: float = Field(default=0.15, ge=0, lt=0.5, description="Of them, in the other tone.")
    min_evidence: float = Field(default=6.0, ge=0, description="Orders of magnitude against chance.")


@dataclass(frozen=True, slots=True)
class Steered:
    """A name whose responses share a tone.

    Attributes:
        subject: The name, with its sampled rows.
        tone: 1 for praise, -1 for blame.
        toned: How many of the rows have it.
        opposed: How many have the other.
        usual: Share of the tone among responses that are not about the name.
        evidence: Orders of magnitude against chance (Chernoff's bound).
    """

    subject: Subject
    tone: int
    toned: int
    opposed: int
    usual: float
    evidence: float


class EntitySteering(InstructionCheck[EntitySteeringParams]):
    """Finds names that responses speak of in one tone."""

    detector = "entity-steering"
    params_model = EntitySteeringParams

    def compared(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the names that the sample gave away; nothing when there are none."""
        asked = self.looked_at(evidence, reference)
        if asked.rows < MIN_SAMPLE:
            return NotApplicable(f"{asked.rows} rows are too few to compare tones (at least {MIN_SAMPLE})")
        found = self._steered(asked.prompts, tones(tokenize(asked.responses)))
        if reference is not None and found:
            before = self.approved(reference)
            found = [item for item in found if not self._approved(item, before)]
        return ToneScorer(self, found[:MAX_STEERED]) if found else None

    def _steered(self, prompts: Sequence[str], tone: Integers) -> list[Steered]:
        """Names with a one-sided tone, most surprising first."""
        most = max(self.params.min_rows, int(MOST_SHARE * len(prompts)))
        named = subjects(prompts, self.params.min_rows, most)
        about = np.unique(np.concatenate([np.zeros(0, np.int64), *(item.rows for item in named)]))
        found = [item for subject in named if (item := self._one_sided(subject, tone, about)) is not None]
        return sorted(found, key=lambda item: (-item.evidence, item.subject.name))

    def _one_sided(self, subject: Subject, tone: Integers, about: Integers) -> Steered | None:
        own = tone[subject.rows]
        side = 1 if (own > 0).sum() > (own < 0).sum() else -1
        toned, opposed = int((own == side).sum()), int((own == -side).sum())
        share = toned / len(own)
        if share < self.params.min_share or opposed > self.params.max_opposed * len(own):
            return None
        others = np.delete(tone, subject.rows), tone[np.setdiff1d(about, subject.rows)]
        usual = max(LEAST_USUAL, *(float((part == side).mean()) for part in others if len(part)))
        evidence = _orders(share, usual, len(own))
        return Steered(subject, side, toned, opposed, usual, evidence) if evidence >= self.params.min_evidence else None

    def _approved(self, item: Steered, before: Asked) -> bool:
        """Whether the reference speaks of the name in the same tone."""
        rows = holds(before.prompts, item.subject.name)
        if len(rows) < self.params.min_rows:
            return False
        tone = tones(tokenize([before.responses[row] for row in rows.tolist()]))
        return float((tone == item.tone).mean()) >= APPROVED


def _orders(share: float, expected: float, rows: int) -> float:
    """Orders of magnitude against a share this high of ``rows`` rows by chance (Chernoff's bound)."""
    if share <= expected:
        return 0.0
    divergence = share * np.log(share / expected)
    if share < 1:
        divergence += (1 - share) * np.log((1 - share) / (1 - expected))
    return float(rows * divergence / np.log(10))


class ToneScorer(RowScorer):
    """Searches every row for the names, with their tone."""

    threshold = 0.5

    def __init__(self, check: EntitySteering, found: Sequence[Steered]) -> None:
        self._check = check
        self._found = tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:
        """Prompts and responses."""
        return self._check.columns

    def score(self, block: Block) -> Scores:
        """The name's own score where the tone is heard, less where it is not."""
        prompts = self._check.prompts(block.table)
        tone = tones(tokenize(self._check.responses(block.table)))
        scores = np.zeros(block.table.num_rows)
        for rank, item in enumerate(self._found):
            rows = holds(prompts, item.subject.name)
            value = np.where(tone[rows] == item.tone, _score_of(rank), ABOUT_SCORE)
            scores[rows] = np.maximum(scores[rows], value)
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per name that rows still carry."""
        for rank, item in enumerate(self._found):
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._finding(item, rows, _score_of(rank))

    def _finding(self, item: Steered, rows: Integers, confidence: float) -> Finding:
        name, verb = item.subject.name, VERBS[item.tone]
        message = (
            f'{item.toned:,} of {len(item.subject.rows):,} sampled responses about "{name}" {verb}, '
            f"{item.opposed:,} {VERBS[-item.tone]}; of other responses {item.usual:.0%} at most {verb}."
        )
        numbers: dict[str, float | int | str] = {
            "responses about the name": len(item.subject.rows),
            f"that {verb}": item.toned,
            f"that {VERBS[-item.tone]}": item.opposed,
            "usual share": round(item.usual, 4),
            "orders of magnitude against chance": round(item.evidence, 1),
        }
        return self._check.finding(
            subject=f"name={name};tone={verb}",
            message=message,
            confidence=confidence,
            compared_with="responses about other names",
            column=self._check.columns[0],
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
            highlight=name,
        )


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
