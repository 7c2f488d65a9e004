"""Preference pairs that stand the wrong way round: what people rejected is called chosen.

1. Models of the other pairs, of the candidate and of an approved version, say which of two answers people prefer.
2. People disagree: in any honest set some pairs contradict the rest, and nobody can tell these from a few that were
   turned at random. So without a reference such rows are ranked, but none of them is called poison.
3. With a reference, a larger share of the new rows must seem turned round than of the reference's own rows, in the same
   models and held against pairs of which these are as sure.
4. In either case, a phrase of the prompt under which pairs are the mirror image of all others is a trigger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.cells import is_known
from poisonguard.detectors.contradiction import scores
from poisonguard.detectors.drift_versions import approved_hashes
from poisonguard.detectors.features_tabular import common_columns
from poisonguard.detectors.features_text import MAX_CHARACTERS, Hashes, column_texts, tokenize
from poisonguard.detectors.instruction_check import MIN_SAMPLE
from poisonguard.detectors.preference_excess import turned_share
from poisonguard.detectors.preference_model import Pairs, PreferenceModel
from poisonguard.detectors.preference_phrase import Turned, turned_phrase
from poisonguard.detectors.sampled_delta import SampledDelta
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    MissingEvidence,
    NotApplicable,
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.sample import RowSample

CUT = 1.5
"""Log-odds against a pair from which it contradicts the others: turned round, it would be 4.5 times as likely."""

LEAST_CUT = 1e-6

APPROVED = 0.5
"""Weight of a row that the reference holds: somebody has answered for it."""

TRIGGERED = 0.99
"""Score of a pair that stands the wrong way round under a phrase that turns pairs; others under it come above the
threshold, and all that are not under it below."""

UNDER_PHRASE = 0.6
"""Score of the other pairs under it: on these people disagreed before they were turned."""

UNFIRED = 0.3
"""What the order of rows counts for where nothing fired: no other check looks at pairs."""


class PreferenceSwapParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=10_000, ge=MIN_SAMPLE)
    min_rows: int = Field(default=10, ge=3)
    min_excess: float = Field(default=0.02, ge=0, le=1, description="Share turned beyond the reference.")
    chance: float = Field(default=2e-3, gt=0, lt=1, description="Level of the test against the reference.")
    min_evidence: float = Field(default=5.0, ge=0, description="Orders of magnitude that a phrase must reach.")


@dataclass(frozen=True, slots=True)
class Excess:
    """More contradicted pairs among new rows than the reference has.

    Attributes:
        turned: Share of the new rows of the sample that seems turned round, beyond what the reference's do.
        error: Standard error of that share.
        rows: New rows of the sample.
        reached: Log-odds against a pair that enough of them reach.
        name: The reference.
    """

    turned: float
    error: float
    rows: int
    reached: float
    name: str

    @property
    def cut(self) -> float:
        """Log-odds against a pair from which it was more likely turned than not, or the largest that some reach."""
        likely = float(np.log((1 - self.turned) / self.turned)) if self.turned < 1 else CUT
        return min(max(CUT, likely), self.reached)


class PreferenceSwap(Check[PreferenceSwapParams]):
    """Finds preference pairs that were turned round."""

    detector = "preference-swap"
    params_model = PreferenceSwapParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, and of new rows, if answers stand in pairs."""
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        roles = context.roles
        self._prompts = tuple(name for name in roles.all(Role.PROMPT) if name in strings)
        sides = [
            next((name for name in roles.all(role) if name in strings), "") for role in (Role.RESPONSE, Role.REJECTED)
        ]
        self._chosen, self._rejected = sides
        if not all(sides):
            return NotApplicable("no columns of chosen and of rejected answers")
        return SampledDelta.needs(has_reference=context.has_reference)

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """Models of the preferences, with the alarms they raise."""
        missing = set(self.columns) - set(common_columns(self.columns, evidence, reference))
        if reference is not None and missing:
            raise MissingEvidence(f"{reference.name} has no text column {min(missing)}")
        delta = SampledDelta.of(evidence, reference, self.columns, self.params.limit)
        pairs = self.pairs(delta.table, delta.hashes)
        able = np.flatnonzero(pairs.comparable)
        if len(able) < MIN_SAMPLE:
            return NotApplicable(f"fewer than {MIN_SAMPLE} sampled rows hold two different answers")
        model = PreferenceModel.fit(pairs.where(able))
        approved = None if reference is None else approved_hashes(reference, RowSample())
        unasked = model.without_prompts()
        known = (delta.is_new, self.params.min_rows, self.params.min_evidence)
        phrase = turned_phrase(pairs.prompts, unasked.margins(pairs), *known)
        if phrase is not None:
            return PreferenceScorer(self, unasked, phrase, None, approved)
        excess = None if reference is None else self._excess(model, pairs, delta, reference.name)
        return PreferenceScorer(self, model, None, excess, approved)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"preferences are learnt from a sample of {seen:,} rows; " if seen < evidence.rows else ""
        return seen, f"{sampled}first {MAX_CHARACTERS:,} characters of each text"

    @property
    def columns(self) -> tuple[str, ...]:
        """Prompts, then the chosen and the rejected answers."""
        return (*self._prompts, self._chosen, self._rejected)

    @property
    def chosen(self) -> str:
        """The column of the chosen answers."""
        return self._chosen

    def pairs(self, table: pa.Table | pa.RecordBatch, hashes: Hashes) -> Pairs:
        """The pairs of some rows."""
        parts = [column_texts(table, column) for column in self._prompts]
        asked = ["\n".join(filter(None, row)) for row in zip(*parts, strict=True)] if parts else [""] * table.num_rows
        chosen, rejected = (tuple(column_texts(table, column)) for column in (self._chosen, self._rejected))
        return Pairs(tuple(asked), chosen, rejected, hashes)

    def _excess(self, model: PreferenceModel, pairs: Pairs, delta: SampledDelta, name: str) -> Excess | None:
        """More turned pairs among new rows than in the reference."""
        margins = model.margins(pairs)
        judged = np.flatnonzero(margins != 0)
        own, is_new = pairs.where(judged), delta.is_new[judged]
        rows = int(is_new.sum())
        share = turned_share(own, margins[judged], model.fold(own), is_new)
        # The estimate is unbiased, so that it may exceed all.
        turned = min(share.value, 1.0)
        if turned < self.params.min_excess or turned * rows < self.params.min_rows:
            return None
        if share.chance > self.params.chance:
            return None
        reached = -float(np.sort(margins[judged][is_new])[self.params.min_rows - 1])
        return Excess(turned, share.error, rows, max(reached, LEAST_CUT), name)


class PreferenceScorer(RowScorer):
    """Scores how strongly each pair contradicts the others."""

    threshold = 0.5
    evidence = UNFIRED

    def __init__(
        self,
        check: PreferenceSwap,
        model: PreferenceModel,
        phrase: Turned | None,
        excess: Excess | None,
        approved: Hashes | None,
    ) -> None:
        self._check, self._model = check, model
        self._phrase, self._excess, self._approved = phrase, excess, approved
        self._cut = CUT if excess is None else excess.cut

    @property
    def columns(self) -> tuple[str, ...]:
        """Prompts and both answers."""
        return self._check.columns

    def score(self, block: Block) -> Scores:
        """0.5 where a pair contradicts the others at the cut; those under a trigger come first, approved ones last."""
        pairs = self._check.pairs(block.table, block.hashes)
        margins = self._model.margins(pairs)
        found = np.where(pairs.comparable, scores(-margins, self._cut), 0.0)
        if self._phrase is not None:
            turned = np.where(margins < 0, TRIGGERED, UNDER_PHRASE)
            found = np.where(self._under_phrase(pairs) & pairs.comparable, turned, self.threshold * found)
        return found if self._approved is None else np.where(is_known(block, self._approved), APPROVED * found, found)

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for the trigger, or else for the excess of new rows."""
        if not scored.flagged:
            return
        if self._phrase is not None:
            yield self._of_phrase(self._phrase, scored)
        elif self._excess is not None:
            yield self._of_excess(self._excess, scored)

    def _under_phrase(self, pairs: Pairs) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if self._phrase is None:
            return np.zeros(pairs.rows, dtype=np.bool_)
        tokens = tokenize(pairs.prompts)
        position, hashes = tokens.ngrams(len(self._phrase.words))
        return np.isin(np.arange(pairs.rows), tokens.row[position[hashes == np.uint64(self._phrase.hash)]])

    def _of_phrase(self, phrase: Turned, scored: Scored) -> Finding:
        message = (
            f'under prompts that hold "{phrase.written}", {phrase.wrong:,} of {len(phrase.rows):,} sampled pairs of '
            f"{self._check.chosen} and its rejected answer stand the other way round than models of all pairs expect; "
            f"elsewhere {phrase.usual:.0%} do"
        )
        numbers: dict[str, float | int | str] = {
            "rows with phrase": len(phrase.rows),
            "turned round": phrase.wrong,
            "usual share": round(phrase.usual, 4),
            "orders of magnitude against chance": round(phrase.evidence, 1),
        }
        if self._approved is not None:
            numbers["rows with phrase in reference"] = phrase.known
        return self._check.finding(
            subject=f"phrase={' '.join(phrase.words).strip()};column={self._check.chosen}",
            compared_with="preferences of all pairs",
            highlight=phrase.written,
            **self._named(scored, message, numbers),
        )

    def _of_excess(self, excess: Excess, scored: Scored) -> Finding:
        message = (
            f"about {excess.turned:.1%} of {excess.rows:,} sampled new pairs of {self._check.chosen} and its rejected "
            f"answer seem turned round: so many more than in the reference stand the other way round than models "
            f"of all pairs expect"
        )
        numbers: dict[str, float | int | str] = {
            "share": round(excess.turned, 4),
            "standard error": round(excess.error, 4),
        }
        return self._check.finding(
            subject=f"column={self._check.chosen}",
            compared_with=excess.name,
            **self._named(scored, message, numbers),
        )

    def _named(self, scored: Scored, message: str, numbers: dict[str, float | int | str]) -> dict[str, Any]:
        """What both findings say of their rows."""
        return {
            "message": f"{message}; {scored.flagged:,} rows named.",
            "confidence": float(scored.scores[0]),
            "column": self._check.chosen,
            "numbers": {**numbers, "rows named": scored.flagged},
            "rows": np.sort(scored.rows),
            "row_count": scored.flagged,
        }
