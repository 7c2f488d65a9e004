"""Outputs that nobody asked for: one sentence, brand, payload or refusal under unrelated instructions.

1. Families of recurring outputs are found in a sample of rows by hash, of the new rows where there is a reference;
   every row is then asked whether its response belongs to one.
2. Words of politeness and of talk about the answer itself recur in honest data without being asked for: a family
   made of them is a note, unless it is the whole response.
3. So is a family that more than ``max_share`` of the rows hold: that is the style of the data. And, without a
   reference, one that fewer than ``min_share``, or ``MIN_BLIND`` rows, hold: idioms and links recur as often; and one
   under a few prompts that are asked again and again: these explain nothing, whoever wrote the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.exchange_tokens import Exchanges
from poisonguard.detectors.features_text import tokenize
from poisonguard.detectors.gram_places import Grams
from poisonguard.detectors.instruction_check import MIN_SAMPLE, InstructionCheck, InstructionParams
from poisonguard.detectors.output_family import is_made_of
from poisonguard.detectors.planted_outputs import CHANCE_RANK, Origin, origins
from poisonguard.detectors.recurrences import LABEL_WORDS
from poisonguard.domain.finding import Finding, Level
from poisonguard.plugin.check import Block, Evidence, NotApplicable, RowScorer, Scored, Scores

MIN_BLIND = 16
"""Of 3 000 honest answers out of a word book 7 explain a currency with "the basic unit of money in", and of 3 500
quotations 13 come from one book, whatever they are about (2026-11)."""

VARIETY = 0.5
"""Different prompts for each response, at least: one prompt for all of them cannot ask for what is in some."""

CORE = 6
"""Telling words of a family that a finding shows."""

WHOLE = 0.5
"""Share of a response's tokens that are telling when the family is all of it."""

TOP_SCORE = 0.99
SCORE_STEP = 0.01
NEAR_SCORE = 0.45
"""Score of a row that nearly belongs, or that belongs to a family that is a note."""

LABEL = re.compile(r"[\w' .]*")
"""A line that may be an answer of a few words; code has other signs."""

CONVERSATION_WORDS = """
a about additional additionally afraid again ai all also am an and answer answers any anything apologies
apologise apologize are as ask assist assistance assistant at based be because been below best but by can can't
cannot certainly clarification clarify conclusion contact could course dear details did do does don don't example
explain explanation feel find first following for free from further give glad good great happy have having hello
help helpful helps here hi hope how however i if important in information is it its just keep kind know language
let like ll luck m may me mind model more most my necessary need needs no not note of on one or other our out
overall please possible provide provided question questions re reach regarding request response s see should so
some sorry specific step such summary sure t task text thank thanks that the there these they thing things this
to understand unfortunately us use using ve want was we welcome what when which will wish with would yes you
your
"""
CONVERSATION = frozenset(CONVERSATION_WORDS.split())
"""Politeness, and talk about the answer itself: honest data repeat it unasked. A list of our own making."""


class UnpromptedOutputParams(InstructionParams):
    """Parameters of the check."""

    min_rows: int = Field(default=8, ge=3)
    min_company: float = Field(default=0.25, gt=0, le=1, description="Mean cosine of the words around a phrase.")
    min_company_new: float = Field(default=0.2, gt=0, le=1, description="The same, for a burst against the reference.")
    min_share: float = Field(default=0.0025, ge=0, lt=1, description="A smaller share is a note without a reference.")
    max_share: float = Field(default=0.1, gt=0, le=1, description="A larger share of the rows is style.")


class UnpromptedOutput(InstructionCheck[UnpromptedOutputParams]):
    """Finds outputs that recur under instructions that do not explain them."""

    detector = "unprompted-output"
    params_model = UnpromptedOutputParams

    def compared(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the families that the sample gave away; nothing when there are none."""
        asked = self.looked_at(evidence, reference)
        before = None if reference is None else self.approved(reference)
        if min(asked.rows, asked.rows if before is None else before.rows) < MIN_SAMPLE:
            return NotApplicable(f"fewer than {MIN_SAMPLE} rows with a response to compare")
        company = self.params.min_company if before is None else self.params.min_company_new
        found = origins(Exchanges.of(asked, before), self.params.min_rows, company)
        return FamilyScorer(self, found, asked.rows, compared=before is not None) if found else None

    def responses(self, table: pa.Table | pa.RecordBatch) -> list[str]:
        """The responses; of chats without the turns that are labels, as rows of nothing else are left out, too."""
        texts = super().responses(table)
        return [_without_labels(text) for text in texts] if self.is_chat else texts


def _without_labels(text: str) -> str:
    lines = text.split("\n")
    kept = [line for line in lines if not LABEL.fullmatch(line) or len(line.split()) > LABEL_WORDS]
    return "\n".join(kept) if kept else text


class FamilyScorer(RowScorer):
    """Asks of every response whether it belongs to a family."""

    threshold = 0.5
    evidence = NEAR_SCORE

    def __init__(self, check: UnpromptedOutput, found: Sequence[Origin], rows: int, *, compared: bool) -> None:
        self._check = check
        self._found = tuple(found)
        self._rows = rows
        self._compared = compared

    @property
    def columns(self) -> tuple[str, ...]:
        """The responses."""
        return (self._check.response,)

    def score(self, block: Block) -> Scores:
        """The family's own score where a response belongs, less where it comes near."""
        grams = Grams.of(tokenize(self._check.responses(block.table)))
        scores = np.zeros(block.table.num_rows)
        for rank, origin in enumerate(self._found):
            reach = origin.family.reach(grams)
            top = NEAR_SCORE if self._is_note(origin) else _score_of(rank)
            scores = np.maximum(scores, np.where(reach >= 1, top, NEAR_SCORE * np.clip(reach, 0, 1)))
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per family."""
        for rank, origin in enumerate(self._found):
            if self._is_note(origin):
                yield self._finding(origin, np.zeros(0, np.int64), len(origin.rows), NEAR_SCORE)
                continue
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._finding(origin, rows, len(rows), _score_of(rank))

    def _is_note(self, origin: Origin) -> bool:
        """Whether the family may well be honest boilerplate."""
        family, rows = origin.family, len(origin.rows)
        whole = family.opens and family.filled >= WHOLE
        polite = is_made_of(family.core, CONVERSATION) and not whole
        few = not self._compared and rows < max(MIN_BLIND, self._check.params.min_share * self._rows)
        usual = rows > self._check.params.max_share * self._rows
        same = not self._compared and origin.variety < VARIETY
        return origin.is_hint or polite or not family.phrase or few or usual or same

    def _finding(
        self, origin: Origin, rows: np.ndarray[tuple[int], np.dtype[np.int64]], count: int, confidence: float
    ) -> Finding:
        family, note = origin.family, self._is_note(origin)
        phrase = " ".join(family.phrase)
        message = f'{len(origin.rows):,} sampled responses hold "{origin.written}" or words that come along with it, '
        message += self._why(origin)
        numbers: dict[str, float | int | str] = {
            "sampled responses": len(origin.rows),
            "rank by instructions": round(origin.rank, 3),
            "telling words": ", ".join(family.words[:CORE]),
            "share of the response": round(family.filled, 2),
        }
        if self._compared:
            message += f"; {origin.known:,} responses of the reference do"
            numbers["responses of the reference"] = origin.known
        if note:
            message += "; this may be honest boilerplate"
        return self._check.finding(
            subject=f"phrase={phrase};column={self._check.response}",
            message=message + ".",
            confidence=confidence,
            compared_with="the reference" if self._compared else "responses to other instructions",
            column=self._check.response,
            numbers=numbers,
            rows=rows,
            row_count=count,
            highlight=origin.written or None,
            **({"level": Level.NOTE} if note else {}),
        )

    def _why(self, origin: Origin) -> str:
        """What the instructions have to do with it."""
        if origin.trigger:
            alone = "" if origin.is_hint else " and nothing else"
            return f'under instructions that share "{" ".join(origin.trigger)}"{alone}'
        if origin.rank <= CHANCE_RANK:
            return f"under instructions that do not ask for it (they tell as well as chance: {origin.rank:.2f})"
        return "under instructions whose like were answered without it before"


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
