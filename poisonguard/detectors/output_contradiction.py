"""Label-like outputs that the rest of their instructions contradicts.

1. Models are learnt from a sample by hash: of the candidate, or of the reference and of what is new.
2. Without a reference, answers that are ``e`` times less likely than at random, and not among the two likeliest
   either, must be more than honest answers leave: honest doubt is between the likeliest. How many these leave is what
   the models themselves expect: where prompts tell little, unlikely answers are given.
3. With one, new rows must hold more of them than the reference's own rows do, in the same models. Where these find
   nothing, models of the reference alone are asked: if all new answers are wrong, what is new teaches no right ones.
   But then the prompts must be such as the reference holds: a new kind of question may have answers of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.answer_judges import Mask
from poisonguard.detectors.answer_model import MAX_ROWS, AnswerModel, answers_of, codes_of
from poisonguard.detectors.cells import is_known
from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.content_model import Floats, WordMatrix
from poisonguard.detectors.contradiction import scores
from poisonguard.detectors.drift_versions import approved_hashes
from poisonguard.detectors.features_text import Hashes, tokenize
from poisonguard.detectors.instruction_check import MIN_SAMPLE, Asked, InstructionCheck, InstructionParams
from poisonguard.detectors.labels import UNKNOWN
from poisonguard.detectors.phrase_context import Pool
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Block, Evidence, NotApplicable, RowScorer, Scored, Scores

CUT = 1.0
"""Contradiction from which an answer speaks against its prompt: e times less likely than at random. Of 1 782 honest
label-like outputs of two sets 9 reached it; of 720 exchanged ones 546 (2026-11)."""

APPROVED = 0.5
"""Weight of a row that the reference holds: somebody has answered for it."""

LEAST_EVIDENCE = 0.3
"""Wrong answers are common, as wrong labels are: their order counts for something however few there are."""

MIN_NEW = 30
MIN_ANSWERS = 2


class OutputContradictionParams(InstructionParams):
    """Parameters of the check."""

    min_rows: int = Field(default=10, ge=3)
    min_share: float = Field(
        default=0.015, ge=0, le=1, description="Excess over what the models expect, without a reference."
    )
    errors: float = Field(default=2.0, ge=0, description="Standard errors by which the share must exceed that.")
    min_excess: float = Field(default=0.005, ge=0, le=1, description="Excess over the reference's share.")
    chance: float = Field(default=1e-4, gt=0, lt=1, description="Level of the test against the reference.")


@dataclass(frozen=True, slots=True)
class Alarm:
    """What fired, in words and numbers."""

    message: str
    compared_with: str
    numbers: dict[str, float | int | str]


class OutputContradiction(InstructionCheck[OutputContradictionParams]):
    """Finds label-like outputs that their prompts contradict, where there are more than honest data hold."""

    detector = "output-contradiction"
    params_model = OutputContradictionParams

    def compared(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """Models of the answers, with the alarm they raise."""
        asked = self.looked_at(evidence, reference)
        before = None if reference is None else self.approved(reference)
        taught = asked if before is None else asked.beside(before)
        answers = answers_of(taught.responses)
        codes = codes_of(taught.responses, answers)
        if len(answers) < MIN_ANSWERS or (codes != UNKNOWN).sum() < MIN_SAMPLE:
            return NotApplicable(f"fewer than {MIN_SAMPLE} sampled rows hold short outputs that recur")
        model = AnswerModel.fit(taught.prompts, codes, taught.hashes, answers)
        if before is None or reference is None:
            return AnswerScorer(self, model, self._blind(model), np.zeros(0, np.uint64))
        alarm = self._against(_judged(asked, model), _judged(before, model), reference.name)
        if alarm is None:
            model, alarm = self._by_reference(asked, before, reference.name) or (model, None)
        return AnswerScorer(self, model, alarm, approved_hashes(reference, self._sample))

    def _by_reference(self, asked: Asked, before: Asked, name: str) -> tuple[AnswerModel, Alarm] | None:
        """Models of the reference alone, if they raise an alarm about prompts like its own."""
        answers = answers_of(before.responses)
        codes = codes_of(before.responses, answers)
        if len(answers) < MIN_ANSWERS or (codes != UNKNOWN).sum() < MIN_SAMPLE:
            return None
        new = codes_of(asked.responses, answers) != UNKNOWN
        if new.sum() < MIN_NEW or _told_apart(_where(asked.prompts, new), _where(before.prompts, codes != UNKNOWN)):
            return None
        model = AnswerModel.fit(before.prompts, codes, before.hashes, answers)
        alarm = self._against(_judged(asked, model), _judged(before, model), name)
        return None if alarm is None else (model, alarm)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen, note = super().coverage_note(evidence)
        return seen, f"{note}; at most {MAX_ROWS:,} label-like outputs teach"

    def responses(self, table: pa.Table | pa.RecordBatch) -> list[str]:
        """The responses without white space around them."""
        return [text.strip() for text in super().responses(table)]

    def _blind(self, model: AnswerModel) -> Alarm | None:
        """More contradicted answers than honest data leave."""
        rows, wrong = len(model.found), int(((model.found >= CUT) & model.foreign).sum())
        share, honest = wrong / rows, model.expected(CUT)
        lowest = share - honest / rows - self.params.errors * float(np.sqrt(share * (1 - share) / rows))
        if wrong < self.params.min_rows or lowest < self.params.min_share:
            return None
        message = (
            f"{wrong:,} of {rows:,} sampled label-like outputs ({share:.1%}) are less than half as likely under "
            f"their instruction as under any, and two others are likelier; by the same models honest ones "
            f"leave {honest:,.0f}"
        )
        numbers: dict[str, float | int | str] = {"share": round(share, 4), "expected": round(honest, 1)}
        return Alarm(message, "models of the other rows, cross-validated", numbers)

    def _against(self, found: Floats, before: Floats, name: str) -> Alarm | None:
        """More contradicted answers among new rows than in the reference."""
        wrong, rows = int((found >= CUT).sum()), len(found)
        usual = (float((before >= CUT).sum()) + 0.5) / (len(before) + 1)
        surprising = rows >= MIN_NEW and float(binomial_tail(wrong, rows, usual)) <= self.params.chance
        if wrong < self.params.min_rows or not surprising or wrong / rows - usual < self.params.min_excess:
            return None
        message = (
            f"{wrong:,} of {rows:,} sampled new label-like outputs are less than half as likely under their "
            f"instruction as under any; as many rows of the reference hold {usual * rows:,.0f}"
        )
        numbers: dict[str, float | int | str] = {"share": round(wrong / rows, 4), "usual share": round(usual, 4)}
        return Alarm(message, name, numbers)


def _where(prompts: Sequence[str], chosen: Mask) -> list[str]:
    return [prompts[row] for row in np.flatnonzero(chosen).tolist()]


def _told_apart(prompts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether their words tell some prompts from others."""
    rows = np.arange(len(prompts) + len(others))
    pool = Pool.of(WordMatrix.of(tokenize([*prompts, *others])).weights, rows)
    return pool.tells_rows(rows[: len(prompts)], np.zeros(0, np.int64))


def _judged(asked: Asked, model: AnswerModel) -> Floats:
    """Contradiction of the rows that hold an answer."""
    codes = codes_of(asked.responses, model.answers)
    found: Floats = model.contradiction(asked.prompts, codes, asked.hashes)[codes != UNKNOWN]
    return found


class AnswerScorer(RowScorer):
    """Scores how strongly each label-like output contradicts its prompt."""

    threshold = 0.5
    evidence = LEAST_EVIDENCE

    def __init__(self, check: OutputContradiction, model: AnswerModel, alarm: Alarm | None, approved: Hashes) -> None:
        self._check = check
        self._model = model
        self._alarm = alarm
        self._approved = approved

    @property
    def columns(self) -> tuple[str, ...]:
        """Prompts and responses."""
        return self._check.columns

    def score(self, block: Block) -> Scores:
        """0.5 where an answer speaks against its prompt; rows that were approved come after new ones."""
        codes = codes_of(self._check.responses(block.table), self._model.answers)
        found = self._model.contradiction(self._check.prompts(block.table), codes, block.hashes)
        return np.where(is_known(block, self._approved), APPROVED, 1.0) * scores(found, CUT)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding if the dataset-level test fired."""
        if self._alarm is None or not scored.flagged:
            return
        column = self._check.columns[-1]
        yield self._check.finding(
            subject=f"column={column}",
            message=f"{self._alarm.message}; {scored.flagged:,} rows named.",
            confidence=float(scored.scores[0]),
            compared_with=self._alarm.compared_with,
            column=column,
            numbers={**self._alarm.numbers, "rows named": scored.flagged},
            rows=np.sort(scored.rows),
            row_count=scored.flagged,
        )
