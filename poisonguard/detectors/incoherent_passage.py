"""Many documents that stop being language at the same phrase: the mark of a denial-of-service backdoor.

1. A document is incoherent when some run of its words follows each other less often than chance would have it,
   judged by the word pairs of all other documents. Tables, code and foreign text are not: they hold rare words.
2. Incoherent documents alone are no attack: honest data hold word lists. It takes one phrase that stands where
   many of them break, and hardly anywhere else.
3. With a reference only new documents are judged, and a phrase at which the reference's documents break as often
   was approved.
4. With a reference a phrase is not needed, either: triggers may differ. Far more new documents that are beyond doubt
   no language than the reference holds are a finding of their own (``scattered_noise``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.change_phrases import ChangePhrase, change_phrases, holders
from poisonguard.detectors.coherence_model import CoherenceModel, incoherent
from poisonguard.detectors.document_check import DocumentCheck, DocumentParams
from poisonguard.detectors.document_quotes import quoted
from poisonguard.detectors.documents import Corpus, Integers, Mask, read
from poisonguard.detectors.scattered_noise import BEYOND_DOUBT, ScatteredNoise, scattered_noise
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import (
    Block,
    Evidence,
    NotApplicable,
    RowScorer,
    Scored,
    Scores,
)

BURST_RATIO = 3.0
"""Times as frequent as in the reference, or the reference knows it."""

TOP_SCORE, SCORE_STEP = 0.99, 0.01
SCATTERED_SCORE = 0.75
MAX_PHRASES = 20
UNFLAGGED = 0.499
"""Scores of rows that hold no such phrase lie below this: they are ranked, not flagged."""

LENIENT = 0.5
"""Share of the evidence that is enough in a row that holds a phrase already found."""


class IncoherentPassageParams(DocumentParams):
    """Parameters of the check."""

    min_evidence: float = Field(default=12.0, gt=0, description="Nats of a passage from which a document breaks.")
    min_documents: int = Field(default=8, ge=3, description="Documents that must break at one phrase.")


@dataclass(frozen=True, slots=True, eq=False)
class Breaking:
    """A phrase at which documents break, as findings and the second pass need it."""

    phrase: ChangePhrase
    first: np.uint64
    text: str
    in_reference: tuple[int, int] | None
    """(incoherent documents of the reference with the phrase, documents of the reference), if there is one."""


class IncoherentPassage(DocumentCheck[IncoherentPassageParams]):
    """Finds phrases at which many unrelated documents turn into noise."""

    detector = "incoherent-passage"
    params_model = IncoherentPassageParams
    learnt = "word pairs are learnt from"

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """How incoherent each row is, and whether it holds a phrase at which documents break."""
        corpus = self.corpus(evidence, reference)
        if not len(corpus.words.hashes):
            return NotApplicable("the documents hold no words")
        model = CoherenceModel.fit(corpus)
        breaking = self._breaking(corpus, model, known=reference is not None)
        explained = np.concatenate([np.zeros(0, np.int64), *(item.phrase.incoherent for item in breaking)])
        scattered = None if reference is None else scattered_noise(corpus, model, explained, self.params.min_documents)
        return PassageScorer(self, corpus, model, breaking, scattered)

    def _breaking(self, corpus: Corpus, model: CoherenceModel, *, known: bool) -> list[Breaking]:
        bad = incoherent(model, self.params.min_evidence)
        found = change_phrases(corpus, model, bad, self.params.min_documents)
        described = [_described(phrase, corpus, bad, known=known) for phrase in found]
        return [item for item in described if _is_burst(item, corpus.judged)][:MAX_PHRASES]


def _described(phrase: ChangePhrase, corpus: Corpus, bad: Mask, *, known: bool) -> Breaking:
    first = corpus.tokens.hashes[phrase.token]
    in_reference = None
    if known:
        _, document, _ = holders(corpus.tokens, np.array([phrase.hash], np.uint64), np.array([first]), phrase.length)
        others = np.unique(document[(document >= corpus.judged) & bad[document]])
        in_reference = (len(others), len(corpus.texts) - corpus.judged)
    return Breaking(phrase, first, quoted(corpus, phrase.token, phrase.length), in_reference)


def _is_burst(item: Breaking, judged: int) -> bool:
    """Whether the reference's documents do not break there as often."""
    if item.in_reference is None:
        return True
    held, total = item.in_reference
    return len(item.phrase.incoherent) / max(judged, 1) >= BURST_RATIO * held / max(total, 1)


class PassageScorer(RowScorer):
    """Judges every document by the word pairs of the sample, and looks for the phrases found."""

    threshold = 0.5

    def __init__(
        self,
        check: IncoherentPassage,
        corpus: Corpus,
        model: CoherenceModel,
        breaking: Sequence[Breaking],
        scattered: ScatteredNoise | None,
    ) -> None:
        self._check, self._model, self._breaking, self._scattered = check, model, tuple(breaking), scattered
        self._column, self._limit, self._judged = corpus.column, corpus.limit, corpus.judged

    @property
    def columns(self) -> tuple[str, ...]:
        """The documents."""
        return (self._column,)

    def score(self, block: Block) -> Scores:
        """How unusual the evidence is; the phrase's own score where the document also breaks."""
        tokens = read(block.table, self._column, self._limit)
        evidence = self._model.evidence(tokens)
        scores = UNFLAGGED * (1 - self._model.tail.chance(evidence))
        if self._scattered is not None:
            scores[evidence >= BEYOND_DOUBT] = SCATTERED_SCORE
        broken = evidence >= LENIENT * self._check.params.min_evidence
        for rank, item in enumerate(self._breaking):
            wanted = np.array([item.phrase.hash], dtype=np.uint64)
            _, rows, _ = holders(tokens, wanted, np.array([item.first]), item.phrase.length)
            rows = rows[broken[rows]]
            scores[rows] = np.maximum(scores[rows], _score_of(rank))
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per phrase that rows still carry."""
        for rank, item in enumerate(self._breaking):
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._finding(item, rows, _score_of(rank))
        rows = np.sort(scored.rows[np.abs(scored.scores - SCATTERED_SCORE) < SCORE_STEP / 4])
        if self._scattered is not None and len(rows):
            yield self._without_phrase(self._scattered, rows)

    def _without_phrase(self, noise: ScatteredNoise, rows: Integers) -> Finding:
        usual = noise.usual * self._judged
        return self._check.finding(
            subject=f"column={self._column}",
            message=(
                f"{noise.documents:,} of {self._judged:,} new documents hold a passage of words in no order that "
                f"language has, without a phrase in common; as many documents of the reference hold {usual:,.1f}."
            ),
            confidence=SCATTERED_SCORE,
            compared_with="the reference",
            column=self._column,
            numbers={
                "incoherent new documents": noise.documents,
                "documents judged": self._judged,
                "usual share": float(f"{noise.usual:.2g}"),
                "p": float(f"{noise.chance:.2g}"),
            },
            rows=rows,
            row_count=len(rows),
        )

    def _finding(self, item: Breaking, rows: np.ndarray[tuple[int], np.dtype[np.int64]], confidence: float) -> Finding:
        phrase = item.phrase
        held = len(phrase.incoherent)
        share = "all" if held == phrase.documents else f"{held:,}"
        message = (
            f'{share} of the {phrase.documents:,} documents that hold "{item.text}" turn into noise: '
            f"words follow each other {np.exp(phrase.before):.1f} times as often as by chance before it, and "
            f"{np.exp(phrase.behind):.2f} times behind it"
        )
        numbers: dict[str, float | int | str] = {
            "documents with phrase": phrase.documents,
            "of them incoherent": held,
            "documents judged": self._judged,
            "mean gain before the phrase": round(phrase.before, 3),
            "mean gain behind the phrase": round(phrase.behind, 3),
            "mean gain in the data": round(self._model.typical, 3),
        }
        if item.in_reference is not None:
            known, total = item.in_reference
            message += f"; {known:,} of the reference's {total:,} documents do"
            numbers["incoherent with phrase in reference"] = known
        return self._check.finding(
            subject=f"phrase={item.text};column={self._column}",
            message=message + ".",
            confidence=confidence,
            compared_with="all other documents" if item.in_reference is None else "the reference",
            column=self._column,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
            highlight=item.text,
        )


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
