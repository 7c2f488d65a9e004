"""One claim in many documents that have nothing else in common: flooding, campaigns, search-engine spam.

1. Rare words that keep company everywhere they stand are a claim (``claims``); related documents share their words
   for an honest reason, so the documents must be as unrelated as any once the claim is taken out.
2. What stands word for word in most of them, or at the same edge of most of them, is boilerplate, and words that
   always stand at the same distance from each other are a heading or a formula: no verdict.
3. Nearly all uses of the rarest word must belong to the claim.
4. With a reference only new documents are judged, and a claim that the reference holds as often was approved.
5. Some data repeat names side by side by nature, such as help in eight languages: a claim stands in more documents than
   the smaller companies of the same kind let expect (``habits``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.claims import MAX_LIKENESS, Claim, claims, holding
from poisonguard.detectors.document_check import DocumentCheck, DocumentParams
from poisonguard.detectors.document_quotes import quoted
from poisonguard.detectors.documents import Corpus, read
from poisonguard.detectors.habits import SMALLEST, UNUSUAL, expected
from poisonguard.domain.finding import Finding
from poisonguard.kernels.tokens import words_of
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

WEAKEST = 0.5
"""Share of the rarity from which the rows of a company are ranked, though not flagged."""

TOP_SCORE, SCORE_STEP = 0.98, 0.01
UNFLAGGED = 0.499
MAX_CLAIMS = 20
QUOTE = 6
"""Words on either side of the rarest one that are quoted."""


class FloodedClaimParams(DocumentParams):
    """Parameters of the check."""

    min_documents: int = Field(default=8, ge=3)
    min_rarity: float = Field(default=10.0, gt=0, description="Sum over partners of share times log rarity.")
    max_likeness: float = Field(default=1.15, gt=0, le=MAX_LIKENESS)
    max_verbatim: float = Field(default=0.6, gt=0, le=1, description="Largest share of documents in the same words.")
    max_at_edge: float = Field(default=0.9, gt=0, le=1, description="Largest share of documents at the same edge.")
    max_rigid: float = Field(default=0.9, gt=0, le=1, description="Largest share with all words at usual distances.")


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """A claim, as findings and the second pass need it."""

    claim: Claim
    words: tuple[str, ...]
    quote: str
    score: float
    in_reference: tuple[int, int] | None
    """(documents of the reference with the claim, documents of the reference), if there is one."""


class FloodedClaim(DocumentCheck[FloodedClaimParams]):
    """Finds claims that unrelated documents repeat in different words."""

    detector = "flooded-claim"
    params_model = FloodedClaimParams
    learnt = "claims are learnt from"
    _sizes: Sequence[int] = ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the claims that the sample gave away; nothing when there are none."""
        corpus = self.corpus(evidence, reference)
        found = claims(corpus, min(SMALLEST, self.params.min_documents), WEAKEST * self.params.min_rarity)
        self._sizes = [len(claim.documents) for claim in found if self._resembles(claim)]
        ranked = sorted(found, key=self._strength, reverse=True)[:MAX_CLAIMS]
        floods = [self._flood(claim, rank, corpus, known=reference is not None) for rank, claim in enumerate(ranked)]
        return ClaimScorer(self, corpus, floods) if floods else None

    def _strength(self, claim: Claim) -> tuple[bool, float]:
        unrelated = np.clip((MAX_LIKENESS - claim.likeness) / (MAX_LIKENESS - 1), 0, 1)
        return self._convicts(claim), float(unrelated * claim.rarity * np.sqrt(len(claim.documents)))

    def _convicts(self, claim: Claim) -> bool:
        return self._resembles(claim) and self._is_large(claim)

    def _is_large(self, claim: Claim) -> bool:
        """Whether it stands in more documents than the data let expect."""
        size, fewest = len(claim.documents), self.params.min_documents
        return size >= fewest and expected(self._sizes, size, fewest) < UNUSUAL

    def _resembles(self, claim: Claim) -> bool:
        """Whether it is a claim, of whatever size."""
        return (
            claim.rarity >= self.params.min_rarity
            and claim.likeness <= self.params.max_likeness
            and claim.verbatim <= self.params.max_verbatim
            and claim.at_edge <= self.params.max_at_edge
            and claim.rigid <= self.params.max_rigid
            and claim.elsewhere <= len(claim.documents)
        )

    def _flood(self, claim: Claim, rank: int, corpus: Corpus, *, known: bool) -> Flood:
        in_reference = None
        if known:
            document, _ = holding(corpus.words, claim)
            in_reference = (len(np.unique(document[document >= corpus.judged])), len(corpus.texts) - corpus.judged)
        convicts = self._convicts(claim) and _is_burst(claim, corpus.judged, in_reference)
        score = TOP_SCORE - SCORE_STEP * rank if convicts else UNFLAGGED * self._closeness(claim)
        return Flood(claim, _words(corpus, claim), _quote(corpus, claim), score, in_reference)

    def _closeness(self, claim: Claim) -> float:
        return min(1.0, claim.rarity / self.params.min_rarity) * min(1.0, 1 / max(claim.likeness, 1.0)) ** 4


def _is_burst(claim: Claim, judged: int, in_reference: tuple[int, int] | None) -> bool:
    """Whether the reference does not hold the claim as often."""
    if in_reference is None:
        return True
    held, total = in_reference
    return len(claim.documents) / max(judged, 1) >= BURST_RATIO * held / max(total, 1)


def _words(corpus: Corpus, claim: Claim) -> tuple[str, ...]:
    """The words of the claim as written, sorted."""
    parts = np.append(claim.partners, claim.anchor)
    places = [int(np.argmax(corpus.words.hashes == value)) for value in parts]
    return tuple(sorted(quoted(corpus, int(corpus.words.token[place]), 1).lower() for place in places))


def _quote(corpus: Corpus, claim: Claim) -> str:
    """The claim in the first document that holds it."""
    document = int(claim.documents[0])
    first = max(claim.place - QUOTE, int(corpus.words.offsets[document]))
    last = min(claim.place + QUOTE, int(corpus.words.offsets[document + 1]) - 1)
    start, stop = int(corpus.words.token[first]), int(corpus.words.token[last]) + 1
    return quoted(corpus, start, stop - start)


class ClaimScorer(RowScorer):
    """Searches every document for the words of the claims in company."""

    threshold = 0.5

    def __init__(self, check: FloodedClaim, corpus: Corpus, floods: Sequence[Flood]) -> None:
        self._check, self._floods = check, tuple(floods)
        self._column, self._limit, self._judged = corpus.column, corpus.limit, corpus.judged

    @property
    def columns(self) -> tuple[str, ...]:
        """The documents."""
        return (self._column,)

    def score(self, block: Block) -> Scores:
        """The highest score of the claims that a document holds."""
        words = words_of(read(block.table, self._column, self._limit))
        scores = np.zeros(block.table.num_rows)
        for flood in self._floods:
            rows, _ = holding(words, flood.claim)
            scores[rows] = np.maximum(scores[rows], flood.score)
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per claim that rows still carry."""
        for flood in self._floods:
            rows = np.sort(scored.rows[np.abs(scored.scores - flood.score) < SCORE_STEP / 4])
            if flood.score >= self.threshold and len(rows):
                yield self._finding(flood, rows)

    def _finding(self, flood: Flood, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Finding:
        claim = flood.claim
        message = (
            f"{len(claim.documents):,} documents that are otherwise as unrelated as any (likeness "
            f"{claim.likeness:.2f} times the usual) repeat {', '.join(flood.words)} side by side, in different "
            f'wording: "{flood.quote}"'
        )
        numbers: dict[str, float | int | str] = {
            "documents with claim": len(claim.documents),
            "other documents with its rarest word": claim.elsewhere,
            "documents judged": self._judged,
            "rarity of the company": round(claim.rarity, 2),
            "likeness of the documents": round(claim.likeness, 3),
            "share in the same words": round(claim.verbatim, 3),
            "share with its words at the same distances": round(claim.rigid, 3),
        }
        if flood.in_reference is not None:
            known, total = flood.in_reference
            message += f"; the reference holds it in {known:,} of {total:,} documents"
            numbers["documents of the reference with claim"] = known
        return self._check.finding(
            subject=f"claim={' '.join(flood.words)};column={self._column}",
            message=message + ".",
            confidence=flood.score,
            compared_with="all other documents" if flood.in_reference is None else "the reference",
            column=self._column,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
            highlight=flood.quote,
        )
