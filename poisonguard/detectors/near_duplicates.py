"""Texts that are nearly the same: one text planted in many variants, or a version that varies itself.

1. Two texts are near copies when their sets of five-word shingles have a Jaccard similarity of at least the
   threshold, computed exactly; near copies of near copies belong together (``kernels.neighbours``).
2. Rows that are exact copies of one another count once: they are the exact duplicates' finding.
3. Candidate and reference are clustered together: a burst is what a cluster gained, no less than the largest cluster
   that the reference holds, for that one was approved: templates come in such numbers.
4. Without a reference near copies are a note: honest pages, quotations and forms vary one text, too, and whatever else
   they carry (other labels, a claim, a trigger) has a check of its own. With one, near copies without a burst are a
   note, unless they are more than is usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.content_columns import content_columns, text_columns
from poisonguard.detectors.copies import Groups, Mask, Repetition, content_groups, groups_of, held, usual_rate
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.wording import count
from poisonguard.kernels.neighbours import BUCKET_LIMIT, Clusters
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, at_rows, key_chunks
from poisonguard.sketches.fingerprints import NearCopies, ShingleSets, enough_words


class NearDuplicatesParams(Params):
    """What a near copy is, and when there are too many.

    Attributes:
        threshold: Jaccard similarity of shingle sets.
        min_words: Texts with fewer words are not compared.
        burst: New variants of one text from which they are a burst.
        burst_share: The same as a share of the rows; the larger of the two counts.
        usual: Share of near copies that is usual when there is no reference.
        margin: Share of near copies above twice the reference's that is not unusual.
    """

    threshold: float = Field(default=0.8, gt=0, le=1)
    min_words: int = Field(default=8, ge=1)
    burst: int = Field(default=20, ge=2)
    burst_share: float = Field(default=0.001, ge=0, le=1)
    usual: float = Field(default=0.1, ge=0, le=1)
    margin: float = Field(default=0.01, ge=0, le=1)


class NearDuplicates(Check[NearDuplicatesParams]):
    """Flags texts that stand in the data in many variants."""

    detector = "near-duplicates"
    params_model = NearDuplicatesParams

    _texts: ShingleSets
    _contents: ContentHashes
    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Shingle sets of the texts, and content hashes to leave exact copies out."""
        texts = text_columns(context)
        if not texts:
            return NotApplicable("no text column")
        self._texts, self._contents = ShingleSets(texts), ContentHashes(content_columns(context))
        return [self._texts, self._contents]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding for bursts, one for all other near copies."""
        versions = [evidence, *([reference] if reference else [])]
        texts = [version[self._texts] for version in versions]
        contents = [version[self._contents] for version in versions]
        clusters = self._cluster(texts, np.concatenate([_distinct(state) for state in contents]), evidence)
        groups = groups_of(clusters.labels, evidence.rows)
        known = _known(groups, *contents) if reference else None
        habit = int(groups.before.max(initial=0))
        burst = groups.growth() >= max(self.params.burst, self.params.burst_share * groups.rows, habit)
        against = reference.name if reference else "the rest of the dataset"
        if burst.any():
            yield self._burst(groups, burst, known, against)
        if not burst.all():
            yield from self._scattered(groups, ~burst, known, against)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows; says so where large buckets were compared with representatives only."""
        return evidence.rows, self._note

    def _cluster(self, texts: Sequence[pa.Table], distinct: Mask, evidence: Evidence) -> Clusters:
        enough = np.concatenate([enough_words(state, self.params.min_words) for state in texts])
        asked = NearCopies(self._texts, tuple(texts), distinct & enough, self.params.threshold, evidence.seed)
        clusters = evidence.near_copies(asked)
        if clusters.bounded:
            # Remembered for the coverage; it follows from the evidence alone, as the findings do.
            self._note = f"{clusters.bounded} similar texts were compared with at most {BUCKET_LIMIT} others each"
        return clusters

    def _burst(self, groups: Groups, burst: Mask, known: Mask | None, against: str) -> Finding:
        rows = groups.copies(burst, known)
        largest, texts = int(groups.sizes[burst].max()), int(burst.sum())
        return self.finding(
            subject="burst",
            message=(
                f"{rows.size} rows vary {count(texts, 'text')}, each at least "
                f"{self.params.threshold:.0%} like another; one text stands in the data in {largest} variants"
            ),
            # Without a reference a template looks the same.
            level=self.card.level if groups.reference_rows else Level.NOTE,
            signal=self.card.signal if groups.reference_rows else Signal.QUALITY,
            confidence=0.85 if groups.reference_rows else 0.5,
            compared_with=against,
            column=self._texts.texts[0],
            numbers={"clusters": texts, "largest": largest, "threshold": self.params.threshold, "rows": groups.rows},
            rows=rows,
            row_count=int(rows.size),
        )

    def _scattered(self, groups: Groups, chosen: Mask, known: Mask | None, against: str) -> Iterator[Finding]:
        usual = usual_rate(groups, without_reference=self.params.usual, margin=self.params.margin)
        repetition = Repetition(int((groups.sizes[chosen] - 1).sum()), groups.rows, usual)
        if repetition.negligible:
            return
        rows = groups.copies(chosen, known)
        changed = repetition.unusual and groups.reference_rows > 0
        yield self.finding(
            subject="near copies",
            message=(
                f"{repetition.excess} of {groups.rows} rows ({repetition.rate:.2%}) vary another row's text, in "
                f"{count(int(chosen.sum()), 'cluster')} of up to {int(groups.sizes[chosen].max())}; "
                f"up to {usual:.2%} is usual"
            ),
            level=Level.WARNING if changed else Level.NOTE,
            signal=Signal.DRIFT if changed else Signal.QUALITY,
            confidence=0.4 if repetition.unusual else 0.2,
            compared_with=against,
            column=self._texts.texts[0],
            numbers={
                "clusters": int(chosen.sum()),
                "largest": int(groups.sizes[chosen].max()),
                "rate": repetition.rate,
                "threshold": self.params.threshold,
            },
            rows=rows,
            row_count=int(rows.size),
        )


def _distinct(contents: pa.Table) -> Mask:
    """Rows that are no exact copy of an earlier one, shape (rows,)."""
    distinct = np.ones(contents.num_rows, dtype=np.bool_)
    distinct[content_groups(contents, None).later] = False
    return distinct


def _known(groups: Groups, contents: pa.Table, reference: pa.Table) -> Mask:
    """Members of the groups that the reference holds as they are, shape (members,)."""
    return held(at_rows(key_chunks(contents), groups.members), key_chunks(reference))
