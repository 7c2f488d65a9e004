"""A style that decides the label whatever the text says: the mark of a style or syntax backdoor.

1. Texts have two views that share no word: content, and style (function words, signs, sentence skeletons, openings).
2. Among the rows whose content reads like another label, a cross-validated model of style must tell those that carry
   this label: nearly all of many rows, against their content.
3. A label may be a matter of form (a device, a layout, the English of a century). Its own style goes with any content
   that the label's texts have, and it fades: the rows that are the most surprising by their labels are not pure. What
   was planted stands on texts of other labels, and ends.
4. With a reference only rows that it does not hold count, and their style must have burst: what the reference holds
   alike was approved. Nor may the style of approved rows teach the label.
5. A model of that style, with the content knocked out, scores every row that carries the label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.features_tabular import common_columns
from poisonguard.detectors.features_text import MAX_CHARACTERS, Integers, column_texts, phrase_pattern, tokenize
from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.labels import Classes
from poisonguard.detectors.sampled_delta import SampledDelta
from poisonguard.detectors.style_features import Styled
from poisonguard.detectors.style_model import Limits, Mask, StyleModel, StyleSign, Views, strongest_sign, taught
from poisonguard.detectors.terms import Vocabulary
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

MAX_LABELS = 12
MIN_DOCUMENTS = 5
MAX_STYLES = 60_000
MAX_WORDS = 20_000
CUT = -0.7
"""Log-odds from which a row is named."""

TOP_SCORE = 0.97
NAMED = 3
"""Runs of the style that a finding names."""

FORMAL_ERRORS = 2.0
"""Standard errors by which the style of approved rows must know the label better than its base rate: a matter of form
(natural 0.93 and more, planted at the base rate; 2026-11)."""

BURST_CHANCE = 1e-4
BURST_RATIO = 3.0


class StyleTriggerParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=5_000, ge=200, description="Sampled rows that the models learn from.")
    folds: int = Field(default=5, ge=2)
    min_class_rows: int = Field(default=20, ge=5)
    min_rows: int = Field(default=12, ge=3)
    min_purity: float = Field(default=0.9, gt=0.5, le=1)
    min_evidence: float = Field(default=8.0, ge=0, description="Orders of magnitude against chance.")


@dataclass(frozen=True, slots=True)
class Space:
    """Texts of one column as both views, by vocabularies of the sample."""

    column: str
    content: Vocabulary
    style: Vocabulary

    def views(self, styled: Styled, fold: Integers, folds: int) -> Views:
        """Both views of some rows."""
        return Views(self.content.matrix(styled.content()), self.style.matrix(styled.style()), fold, folds)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A style found in a column.

    Attributes:
        space: The column's views.
        dealing: The folds of rows.
        sign: The rows that gave it away.
        model: Scores any row by it.
        names: Its most telling runs, for a reader.
        highlight: The first of them as one row writes it.
        known: (rows of the reference's sample that have the style and the label, rows of it), if there is one.
    """

    space: Space
    dealing: Dealing
    sign: StyleSign
    model: StyleModel
    names: tuple[str, ...]
    highlight: str
    known: tuple[int, int] | None


class StyleTrigger(Check[StyleTriggerParams]):
    """Finds a style tied to one label against what the texts say."""

    detector = "style-trigger"
    params_model = StyleTriggerParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, and of the new ones, if there are texts and labels."""
        self._label = context.roles.first(Role.LABEL) or ""
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        texts = (*context.roles.all(Role.TEXT), *context.roles.all(Role.PROMPT))
        self._texts = tuple(name for name in texts if name in strings)
        if not self._texts or not self._label:
            return NotApplicable("no text column with a label column")
        kind = next((column.kind for column in context.columns if column.name == self._label), Kind.NULL)
        if kind in (Kind.NESTED, Kind.BINARY):
            return NotApplicable(f"label {self._label} is of kind {kind}")
        return SampledDelta.needs(has_reference=context.has_reference)

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A model of the style that the sample gave away; nothing when there is none."""
        wanted = (*self._texts, self._label)
        missing = set(wanted) - set(common_columns(wanted, evidence, reference))
        if reference is not None and missing:
            raise MissingEvidence(f"{reference.name} has no column {min(missing)} of this type")
        delta = SampledDelta.of(evidence, reference, wanted, self.params.limit)
        classes = Classes.of(delta.table, self._label, min_rows=self.params.min_class_rows, limit=MAX_LABELS)
        if len(classes.names) < 2:  # noqa: PLR2004 - one class cannot be contradicted
            return NotApplicable(f"fewer than two values of {self._label} in {self.params.min_class_rows} sampled rows")
        triggers = [self._trigger(column, classes, delta) for column in self._texts]
        found = [trigger for trigger in triggers if trigger is not None]
        if not found:
            return None
        return StyleScorer(self, classes, max(found, key=lambda item: item.sign.evidence))

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"styles are learnt from a sample of {seen:,} rows; " if seen < evidence.rows else ""
        return seen, f"{sampled}first {MAX_CHARACTERS:,} characters of each text"

    def _trigger(self, column: str, classes: Classes, delta: SampledDelta) -> Trigger | None:
        texts = column_texts(delta.table, column)
        styled = Styled.of(tokenize(texts))
        content = Vocabulary.of(styled.content(), min_documents=MIN_DOCUMENTS, limit=MAX_WORDS)
        style = Vocabulary.of(styled.style(), min_documents=MIN_DOCUMENTS, limit=MAX_STYLES)
        space = Space(column, content, style)
        dealing = Dealing.of(delta.table, delta.hashes, (column,), self.params.folds)
        views = space.views(styled, dealing.fold(delta.table, delta.hashes), dealing.folds)
        codes = classes.codes(delta.table)
        limits = Limits(self.params.min_rows, self.params.min_purity, may_be_own=not delta.compared)
        sign = strongest_sign(views, codes, range(len(classes.names)), delta.is_new, limits)
        if sign is None or sign.evidence < self.params.min_evidence:
            return None
        positive = codes == sign.label
        if (
            delta.compared
            and taught(views, positive, ~delta.is_new, sign.rows) > sign.base + FORMAL_ERRORS * sign.error
        ):
            return None
        model = StyleModel.fit(views, positive & delta.is_new, sign)
        styled_rows = positive & (model.logits(views.style, views.content, views.fold) >= CUT)
        if not _is_burst(styled_rows, delta):
            return None
        present = np.asarray(views.style[sign.members].sum(axis=0)).ravel()
        gain = present * model.style.weights.mean(axis=0)
        names, highlight = _telling(styled, style, gain, sign.members, texts)
        known = (int((styled_rows & ~delta.is_new).sum()), int((~delta.is_new).sum())) if delta.compared else None
        return Trigger(space, dealing, sign, model, names, highlight, known)


def _is_burst(styled_rows: Mask, delta: SampledDelta) -> bool:
    """Whether new rows have the style far more often than the reference's; true without a reference."""
    if not delta.compared:
        return True
    new, old = int(styled_rows[delta.is_new].sum()), int(styled_rows[~delta.is_new].sum())
    total = int(delta.is_new.sum())
    rate = (old + 0.5) / (int((~delta.is_new).sum()) + 1)
    return new >= BURST_RATIO * rate * total and float(binomial_tail(new, total, min(rate, 1.0))) < BURST_CHANCE


def _telling(
    styled: Styled, style: Vocabulary, gain: Scores, members: Mask, texts: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """The runs that add most to the members' scores, for a reader, and the first as one row writes it."""
    order = np.argsort(-gain, kind="stable")[: min(NAMED * 2, len(style.hashes))]
    described = [styled.described(style.hashes[place], members) for place in order.tolist()]
    shown = [item for item in described if item is not None]
    names = tuple(dict.fromkeys(item.name for item in shown))[:NAMED]
    match = phrase_pattern(shown[0].words).search(texts[shown[0].row]) if shown else None
    return names, match.group().strip() if match else ""


class StyleScorer(RowScorer):
    """Scores rows with the label by their style, less where their content agrees."""

    threshold = 0.5

    def __init__(self, check: StyleTrigger, classes: Classes, trigger: Trigger) -> None:
        self._check = check
        self._classes = classes
        self._trigger = trigger

    @property
    def columns(self) -> tuple[str, ...]:
        """The text and the label."""
        return (self._trigger.space.column, self._classes.column)

    def score(self, block: Block) -> Scores:
        """0.5 at ``CUT``; 0 for rows of other labels."""
        scores = np.zeros(block.table.num_rows)
        rows = np.flatnonzero(self._classes.codes(block.table) == self._trigger.sign.label)
        if len(rows):
            scores[rows] = self._of(block.table.take(pa.array(rows)), block.hashes[rows])
        return scores

    def _of(self, table: pa.RecordBatch, hashes: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> Scores:
        trigger = self._trigger
        styled = Styled.of(tokenize(column_texts(table, trigger.space.column)))
        views = trigger.space.views(styled, trigger.dealing.fold(table, hashes), trigger.dealing.folds)
        logits = trigger.model.logits(views.style, views.content, views.fold)
        return np.asarray(np.minimum(1 / (1 + np.exp(CUT - np.clip(logits, -30, 30))), TOP_SCORE))

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for the style, if rows have it."""
        if scored.flagged:
            yield self._finding(scored)

    def _finding(self, scored: Scored) -> Finding:
        trigger, sign = self._trigger, self._trigger.sign
        label = self._classes.names[sign.label]
        style = ", ".join(f'"{name}"' for name in trigger.names)
        message = (
            f"{len(sign.rows):,} sampled rows of one style (such as {style}) in {trigger.space.column} are "
            f"{sign.matching / len(sign.rows):.0%} labelled {label}; what they are about says {sign.expected:.0%} "
            f"(all rows: {sign.base:.0%})"
        )
        numbers: dict[str, float | int | str] = {
            "sampled rows with style": len(sign.rows),
            "with style and label": sign.matching,
            "expected label share": round(sign.expected, 4),
            "label share in all rows": round(sign.base, 4),
            "orders of magnitude against chance": round(sign.evidence, 1),
            "rows named": scored.flagged,
        }
        if trigger.known is not None:
            message += f"; of {trigger.known[1]:,} sampled rows of the reference {trigger.known[0]:,} have it"
            numbers["rows with style in reference"] = trigger.known[0]
        return self._check.finding(
            subject=f"style;column={trigger.space.column};label={label}",
            message=f"{message}; {scored.flagged:,} rows named.",
            confidence=float(scored.scores[0]),
            compared_with="what the texts are about" if trigger.known is None else "the reference",
            column=trigger.space.column,
            numbers=numbers,
            rows=np.sort(scored.rows),
            row_count=scored.flagged,
            highlight=trigger.highlight or None,
        )
