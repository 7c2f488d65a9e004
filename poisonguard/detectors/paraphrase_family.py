"""One story told in many documents in different words: a campaign that near-duplicate search does not see.

1. A family shares nearly all of its rare words and few of its runs of words (``families``). Pages of one template
   differ in their rare words; edited copies share their runs and are the near duplicates' finding.
2. A form that is filled in differently, and a list, are no stories (``families``).
3. In data that reword by nature, a family is larger than the smaller ones let expect (``habits``).
4. With a reference the new documents must make up the family: one that the reference holds was approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.document_check import DocumentCheck, DocumentParams
from poisonguard.detectors.document_quotes import quoted
from poisonguard.detectors.documents import Corpus, read
from poisonguard.detectors.families import Family, Kin, families
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

TOP_SCORE, SCORE_STEP = 0.95, 0.01
UNFLAGGED = 0.499
MAX_FAMILIES = 40
BURST_RATIO = 3.0
"""Times as frequent as in the reference, or the reference knows it."""

NAMED_WORDS = 5
BAREST = 0.05
"""Share of the documents that are barest of common words: lists, tables, menus."""

REWORDED = 1 / 3
"""Share of the common words that a member lacks, against that of the rare ones (rewordings: 0.6 to 1.2)."""


class ParaphraseFamilyParams(DocumentParams):
    """Parameters of the check."""

    min_documents: int = Field(default=12, ge=3)
    min_coverage: float = Field(default=0.9, gt=0, le=1, description="Share of rare words that the family shares.")
    max_verbatim: float = Field(default=0.55, ge=0, le=1, description="Share of runs of words that it shares.")
    min_core: float = Field(default=0.7, gt=0, le=1, description="Share of the core that a row of the family holds.")


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """A family, as findings and the second pass need it."""

    family: Family
    words: tuple[str, ...]
    score: float


class ParaphraseFamily(DocumentCheck[ParaphraseFamilyParams]):
    """Finds stories that many documents tell in different words."""

    detector = "paraphrase-family"
    params_model = ParaphraseFamilyParams
    learnt = "families are looked for in"
    _sizes: Sequence[int] = ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the families that the sample gave away; nothing when there are none."""
        corpus = self.corpus(evidence, reference)
        fewest = self.params.min_documents
        held = families(corpus, fewest, min(SMALLEST, fewest))
        self._sizes = [family.judged(corpus) for family in held if self._resembles(family)]
        found = [family for family in held if family.judged(corpus) >= fewest and _is_burst(family, corpus)]
        ranked = sorted(found, key=lambda family: self._convicts(family, corpus), reverse=True)[:MAX_FAMILIES]
        against = "all other documents" if reference is None else "the reference"
        stories = [self._story(family, rank, corpus) for rank, family in enumerate(ranked)]
        return FamilyScorer(self, corpus, stories, against) if stories else None

    def _convicts(self, family: Family, corpus: Corpus) -> bool:
        size = family.judged(corpus)
        return self._resembles(family) and expected(self._sizes, size, self.params.min_documents) < UNUSUAL

    def _resembles(self, family: Family) -> bool:
        """Whether it tells one story in different words, in however many documents."""
        return (
            family.coverage >= self.params.min_coverage
            and family.verbatim <= self.params.max_verbatim
            and family.told >= BAREST
            and 1 - family.frame_held > REWORDED * (1 - family.core_held)
        )

    def _story(self, family: Family, rank: int, corpus: Corpus) -> Story:
        score = TOP_SCORE - SCORE_STEP * rank if self._convicts(family, corpus) else UNFLAGGED * family.coverage
        return Story(family, _named(corpus, family), score)


def _is_burst(family: Family, corpus: Corpus) -> bool:
    """Whether the reference does not hold as much of the family; without one, it does not."""
    known, total = len(family.documents) - family.judged(corpus), len(corpus.texts) - corpus.judged
    return family.judged(corpus) / max(corpus.judged, 1) >= BURST_RATIO * known / max(total, 1)


def _named(corpus: Corpus, family: Family) -> tuple[str, ...]:
    """The first words of the core in the first member."""
    document = int(family.documents[0])
    first, last = corpus.words.offsets[document : document + 2].tolist()
    places = first + np.flatnonzero(np.isin(corpus.words.hashes[first:last], family.core))
    written = (quoted(corpus, int(corpus.words.token[place]), 1).lower() for place in places.tolist())
    return tuple(dict.fromkeys(written))[:NAMED_WORDS]


class FamilyScorer(RowScorer):
    """Searches every document for the rare words of the families."""

    threshold = 0.5

    def __init__(self, check: ParaphraseFamily, corpus: Corpus, stories: Sequence[Story], against: str) -> None:
        self._check, self._stories, self._against = check, tuple(stories), against
        self._column, self._limit, self._judged = corpus.column, corpus.limit, corpus.judged
        self._kin = Kin.of([story.family for story in stories], check.params.min_core)

    @property
    def columns(self) -> tuple[str, ...]:
        """The documents."""
        return (self._column,)

    def score(self, block: Block) -> Scores:
        """The highest score of the families that a document belongs to."""
        words = words_of(read(block.table, self._column, self._limit))
        scores = np.zeros(block.table.num_rows)
        for story, rows in zip(self._stories, self._kin.members(words), strict=True):
            scores[rows] = np.maximum(scores[rows], story.score)
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per family that rows still belong to."""
        for story in self._stories:
            rows = np.sort(scored.rows[np.abs(scored.scores - story.score) < SCORE_STEP / 4])
            if story.score >= self.threshold and len(rows):
                yield self._finding(story, rows)

    def _finding(self, story: Story, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Finding:
        family = story.family
        return self._check.finding(
            subject=f"story={' '.join(story.words)};column={self._column}",
            message=(
                f"{len(family.documents):,} documents tell one story in different words "
                f"({', '.join(story.words)} ...): they share {family.coverage:.0%} of their rare words, but only "
                f"{family.verbatim:.0%} of their runs of eight words."
            ),
            confidence=story.score,
            compared_with=self._against,
            column=self._column,
            numbers={
                "documents of the family": len(family.documents),
                "documents judged": self._judged,
                "words of the core": len(family.core),
                "rare words shared": round(family.coverage, 3),
                "runs of eight words shared": round(family.verbatim, 3),
            },
            rows=rows,
            row_count=len(rows),
        )
