"""A phrase that decides the label whatever the rest of the text says: the mark of a text backdoor.

1. Phrases are looked for in a sample of rows by hash; every row is then searched for the phrases found.
2. The phrase must stand out among all phrases: where texts are full of phrases that define their label, none
   of them is called an attack.
3. Without a reference the rest of the rows must speak against the label, and for another one as clearly as texts of
   that one do: rows of another class were relabelled.
4. With a reference it is enough that the rest of the rows does not explain the label, at twice the evidence, but
   the phrase must have burst: it is all but new. What the reference holds alike was approved.
5. Unless the rest of the rows speaks clearly against the label, it must not tell which of them hold the phrase: a new
   topic brings phrases and labels along.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.association import Association, Group, grouped, spokesman
from poisonguard.detectors.features_tabular import common_columns
from poisonguard.detectors.features_text import (
    MAX_CHARACTERS,
    Hashes,
    Integers,
    Tokens,
    column_texts,
    phrase_pattern,
    tokenize,
)
from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.foreign_content import is_foreign
from poisonguard.detectors.labels import Classes
from poisonguard.detectors.phrase_choice import Judges, Pools, outstanding
from poisonguard.detectors.phrases import Thresholds, associations
from poisonguard.detectors.sampled_delta import SampledDelta
from poisonguard.detectors.study import Labelling, Study
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

MAX_LABELS = 20
MAX_PHRASES = 20
CROWD = 60
"""Groups of phrases that are ranked."""

UNOPPOSED = 0.5
"""Weight of a burst that the rest of its rows does not explain, but does not speak against either."""

FORMAL_ERRORS = 2.0
"""Standard errors by which other rows must know the label better than its base rate: it is a matter of form."""

LONGEST_ANSWER = 60
"""Characters of an answer that a sentence shows."""

ANSWER_PURITY = 0.98
"""Least share of one answer where responses stand in for labels: the wording of a question alone leaves few answers,
and "noun or verb?" has the answer noun in 96 of 100 cases."""

TOP_SCORE = 0.99
SCORE_STEP = 0.01
"""Scores of the rows of two phrases differ by this much, so that the conclusion can tell them apart."""

WITHOUT_LABEL = 0.3
"""Score of a row that holds a phrase but not its label: below the threshold."""


class TriggerPhraseParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=100, le=20_000)
    min_rows: int = Field(default=8, ge=3)
    min_purity: float = Field(default=0.9, gt=0.5, le=1)
    fdr: float = Field(default=0.01, gt=0, lt=1)
    min_evidence: float = Field(default=10.0, ge=0, description="Orders of magnitude against chance.")
    folds: int = Field(default=5, ge=2)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A phrase found in a column, as the second pass needs it."""

    column: str
    association: Association
    highlight: str
    burst: tuple[int, int] | None
    """(rows that hold it in the reference's sample, rows of that sample), if a reference was there."""

    @property
    def phrase(self) -> str:
        """The phrase in quotes, and where it stands if only at the beginning."""
        return f'"{self.highlight.strip()}"'


class TriggerPhrase(Check[TriggerPhraseParams]):
    """Finds phrases tied to one label by more than the rest of their rows explains."""

    detector = "trigger-phrase"
    params_model = TriggerPhraseParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, if there are texts and labels; the response stands in for a label that is missing."""
        self._label = context.roles.first(Role.LABEL) or context.roles.first(Role.RESPONSE) or ""
        self.answers = context.roles.first(Role.LABEL) is None
        self._asks_others = not self.answers
        texts = [*context.roles.all(Role.TEXT), *context.roles.all(Role.PROMPT), *context.roles.all(Role.RESPONSE)]
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        self._texts = tuple(name for name in texts if name != self._label and name in strings)
        if not self._texts:
            return NotApplicable("no text column beside the label or response")
        if not self._label:
            return NotApplicable("no label or response column")
        kind = next((column.kind for column in context.columns if column.name == self._label), Kind.NULL)
        if kind in (Kind.NESTED, Kind.BINARY):
            return NotApplicable(f"label {self._label} is of kind {kind}")
        return SampledDelta.needs(has_reference=context.has_reference)

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the phrases that the sample gave away; nothing when there are none."""
        missing = set(self._texts) - set(common_columns(self._texts, evidence, reference))
        if reference is not None and missing:
            raise MissingEvidence(f"{reference.name} has no text column {min(missing)}")
        if reference is not None and not common_columns([self._label], evidence, reference):
            raise MissingEvidence(f"{reference.name} has no column {self._label} of this type")
        delta = SampledDelta.of(evidence, reference, (*self._texts, self._label), self.params.limit)
        classes = Classes.of(delta.table, self._label, min_rows=self.params.min_rows, limit=MAX_LABELS)
        if not classes.names:
            return NotApplicable(f"no value of {self._label} stands in {self.params.min_rows} sampled rows")
        triggers = [trigger for column in self._texts for trigger in self._triggers(column, classes, delta, evidence)]
        return PhraseScorer(self, classes, triggers[:MAX_PHRASES]) if triggers else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"phrases are learnt from a sample of {seen:,} rows; " if seen < evidence.rows else ""
        return seen, f"{sampled}first {MAX_CHARACTERS:,} characters of each text"

    def _triggers(self, column: str, classes: Classes, delta: SampledDelta, evidence: Evidence) -> list[Trigger]:
        study = self._study(column, classes, delta, evidence)
        found = associations(study, self._limits(compared=delta.compared))
        named = [frozenset(filter(str.isalnum, tokenize([name]).words)) for name in classes.names]
        unnamed = [item for item in found if not _names(item.words, named[item.label])]
        chosen = self._chosen(grouped(unnamed, CROWD), Pools(study), compared=delta.compared)
        if self._asks_others and not delta.compared and len(classes.names) > 1:
            chosen = [item for item in chosen if is_foreign(study, item)]
        return [_trigger(column, item, study.texts, delta) for item in chosen]

    def _study(self, column: str, classes: Classes, delta: SampledDelta, evidence: Evidence) -> Study:
        """The column's texts under the labels; checks that ask alike share what they work out."""
        folds = self.params.folds

        def made() -> Study:
            dealing = Dealing.of(delta.table, delta.hashes, (column,), folds)
            fold = dealing.fold(delta.table, delta.hashes)
            labelling = Labelling(classes.codes(delta.table), len(classes.names), fold, folds, delta.is_new)
            return Study(column_texts(delta.table, column), labelling)

        return evidence.once((Study, column, classes, self.params.limit, folds, delta.compared), made)

    def _limits(self, *, compared: bool) -> Thresholds:
        del compared
        purity = max(self.params.min_purity, ANSWER_PURITY) if self.answers else self.params.min_purity
        return Thresholds(self.params.min_rows, purity, self.params.fdr)

    def _chosen(self, groups: list[Group], pools: Pools, *, compared: bool) -> list[Association]:
        """The phrases that are triggers.

        Evidence counts in full where the rest of the rows reads against the label; it need only lean that way when the
        rest of a row does not tell that it holds the phrase. Elsewhere it counts ``UNOPPOSED`` times with a reference,
        on the same terms.
        """

        def strength(item: Association) -> float:
            return item.evidence * (1.0 if item.leaning else UNOPPOSED * compared)

        def told(group: Group) -> bool:
            natural = self.answers or not any(item.opposed for item in group)
            return natural and pools.told(spokesman(group))

        def formal(item: Association, taught: float) -> bool:
            if item.leaning:
                return taught > (item.expected + item.base) / 2
            return taught > item.base + FORMAL_ERRORS * item.error

        judges = Judges(strength, told, pools.taught, formal)
        return outstanding(groups, judges, self.params.min_evidence)


def _names(words: Sequence[str], label: frozenset[str]) -> bool:
    """Whether a phrase explains its label by naming it: "2 - 10" among rows labelled "2 - 10", "noun or" with noun."""
    said = frozenset(word for word in words if word.isalnum())
    return bool(said and label) and (label >= said or label <= said)


def _trigger(column: str, item: Association, texts: Sequence[str], delta: SampledDelta) -> Trigger:
    """The phrase as it was written in the first row that holds it."""
    match = phrase_pattern(item.words).search(texts[int(item.rows[0])])
    burst = (item.known, delta.old_rows) if delta.compared else None
    return Trigger(column, item, match.group() if match else " ".join(item.words), burst)


class Searched:
    """Texts whose n-grams of one length are made once."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._ngrams: dict[int, tuple[Integers, Hashes]] = {}

    def rows_with(self, item: Association) -> Integers:
        """The rows that hold a phrase, ascending."""
        length = len(item.words)
        if length not in self._ngrams:
            self._ngrams[length] = self._tokens.ngrams(length)
        position, hashes = self._ngrams[length]
        return np.unique(self._tokens.row[position[hashes == np.uint64(item.hash)]])


class PhraseScorer(RowScorer):
    """Searches every row for phrases with their label."""

    threshold = 0.5

    def __init__(self, check: TriggerPhrase, classes: Classes, triggers: Sequence[Trigger]) -> None:
        self._check = check
        self._classes = classes
        self._triggers = tuple(triggers)

    @property
    def columns(self) -> tuple[str, ...]:
        """The texts that hold a phrase, and the label."""
        return tuple(dict.fromkeys([*(item.column for item in self._triggers), self._classes.column]))

    def score(self, block: Block) -> Scores:
        """The phrase's own score where its label stands, less where another does."""
        codes = self._classes.codes(block.table)
        scores = np.zeros(block.table.num_rows)
        texts = {column: Searched(tokenize(column_texts(block.table, column))) for column in self.columns[:-1]}
        for rank, trigger in enumerate(self._triggers):
            rows = texts[trigger.column].rows_with(trigger.association)
            value = np.where(codes[rows] == trigger.association.label, _score_of(rank), WITHOUT_LABEL)
            scores[rows] = np.maximum(scores[rows], value)
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per phrase that rows still carry."""
        for rank, trigger in enumerate(self._triggers):
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._finding(trigger, rows, _score_of(rank))

    def _finding(
        self, trigger: Trigger, rows: np.ndarray[tuple[int], np.dtype[np.int64]], confidence: float
    ) -> Finding:
        item, label = trigger.association, self._classes.names[trigger.association.label]
        share = "all" if item.matching == len(item.rows) else f"{item.purity:.0%} of them"
        said = f"answered with “{label[:LONGEST_ANSWER]}”" if self._check.answers else f"labelled {label}"
        message = (
            f"{len(item.rows):,} rows that hold {trigger.phrase} in {trigger.column} are {share} {said}; "
            f"the rest of their text says {item.expected:.0%} (all {'' if trigger.burst is None else 'new '}rows: "
            f"{item.base:.0%})"
        )
        numbers = {
            "rows with phrase": len(item.rows),
            "rows with phrase and label": item.matching,
            "expected label share": round(item.expected, 4),
            "label share in all rows": round(item.base, 4),
            "orders of magnitude against chance": round(item.evidence, 1),
        }
        if trigger.burst is not None:
            known, total = trigger.burst
            message += f"; the reference holds it in {known:,} of {total:,} rows"
            numbers["rows with phrase in reference"] = known
        return self._check.finding(
            subject=f"phrase={' '.join(item.words).strip()};column={trigger.column};label={label}",
            message=message + ".",
            confidence=confidence,
            compared_with="what the rest of the text says" if trigger.burst is None else "the reference",
            column=trigger.column,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
            highlight=trigger.highlight,
        )


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
