"""Copies of whole rows: one row planted many times, or a version that repeats itself more than it used to.

1. Rows are copies when everything but their id and their timestamp is equal.
2. What chance explains is no finding: coarse tables and short texts repeat themselves (``copies``).
3. One row in very many copies is a **burst**; against a reference only what is new counts.
4. Copies without a burst are a note, unless they are more than is usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from poisonguard.detectors.content_columns import content_columns, text_columns
from poisonguard.detectors.copies import Groups, Mask, Repetition, content_groups, unexplained, usual_rate
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, at_rows
from poisonguard.sketches.fingerprints import ShingleSets, word_counts


class ExactDuplicatesParams(Params):
    """When copies are a burst, and when there are more than is usual.

    Attributes:
        burst: New copies of one row from which they are a burst.
        burst_share: The same as a share of the rows; the larger of the two counts.
        short_words: Texts with fewer words repeat themselves; only ``short_share`` of all rows is a burst of them.
        short_share: See ``short_words``.
        usual: Share of copies that is usual when there is no reference.
        margin: Share of copies above twice the reference's that is not unusual.
    """

    burst: int = Field(default=20, ge=2)
    burst_share: float = Field(default=0.001, ge=0, le=1)
    short_words: int = Field(default=8, ge=0)
    short_share: float = Field(default=0.01, ge=0, le=1)
    usual: float = Field(default=0.1, ge=0, le=1)
    margin: float = Field(default=0.01, ge=0, le=1)


class ExactDuplicates(Check[ExactDuplicatesParams]):
    """Flags rows that stand in the data more often than chance and the reference explain."""

    detector = "exact-duplicates"
    params_model = ExactDuplicatesParams

    _contents: ContentHashes
    _texts: ShingleSets | None
    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Content hashes, and the texts' lengths where there are texts."""
        contents, texts = content_columns(context), text_columns(context)
        if not contents:
            return NotApplicable("no column but ids and timestamps")
        self._contents = ContentHashes(contents)
        self._texts = ShingleSets(texts) if texts else None
        return [self._contents, *([self._texts] if self._texts else [])]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding for bursts, one for all other copies."""
        state = evidence[self._contents]
        groups = content_groups(state, reference[self._contents] if reference else None)
        copied = unexplained(state, groups)
        short = self._short(evidence, groups)
        burst = copied & (groups.growth() >= self._burst_sizes(groups, short))
        against = reference.name if reference else "chance"
        by_chance = int((groups.sizes[~copied] - 1).sum())
        # Remembered for the coverage; it follows from the evidence alone, as the findings do.
        self._note = f"{by_chance} repeated rows are what chance explains" if by_chance else ""
        if burst.any():
            yield self._burst(groups, burst, against)
        scattered = copied & ~burst & ~short
        if scattered.any():
            yield from self._scattered(groups, scattered, against)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows; says how many copies are no finding because chance explains them."""
        return evidence.rows, self._note

    def _short(self, evidence: Evidence, groups: Groups) -> Mask:
        """Groups of short texts, shape (groups,)."""
        if self._texts is None:
            return np.zeros(groups.sizes.size, dtype=np.bool_)
        short: Mask = at_rows(word_counts(evidence[self._texts]), groups.firsts) < self.params.short_words
        return short

    def _burst_sizes(self, groups: Groups, short: Mask) -> npt.NDArray[np.float64]:
        """New copies from which each group is a burst, shape (groups,)."""
        shares = np.where(short, self.params.short_share, self.params.burst_share)
        sizes: npt.NDArray[np.float64] = np.maximum(self.params.burst, shares * groups.rows)
        return sizes

    def _burst(self, groups: Groups, burst: Mask, against: str) -> Finding:
        rows = groups.copies(burst)
        largest = int(groups.sizes[burst].max())
        others = int(burst.sum())
        return self.finding(
            subject="burst",
            message=(
                f"{rows.size} rows copy {count(others, 'other row')}; the most repeated one "
                f"stands in the data {largest} times, far more often than {against} leads to expect"
            ),
            # Without a reference a template or a default record looks the same: worth a look, no verdict.
            signal=self.card.signal if groups.reference_rows else Signal.QUALITY,
            confidence=0.9 if groups.reference_rows else 0.6,
            compared_with=against,
            numbers={"groups": others, "largest": largest, **_common(groups)},
            rows=rows,
            row_count=int(rows.size),
        )

    def _scattered(self, groups: Groups, copied: Mask, against: str) -> Iterator[Finding]:
        usual = usual_rate(groups, without_reference=self.params.usual, margin=self.params.margin)
        repetition = Repetition(int((groups.sizes[copied] - 1).sum()), groups.rows, usual)
        if repetition.negligible:
            return
        rows = groups.copies(copied)
        largest = int(groups.sizes[copied].max())
        yield self.finding(
            subject="copies",
            message=(
                f"{rows.size} of {groups.rows} rows ({repetition.rate:.2%}) repeat an earlier row, in "
                f"{count(int(copied.sum()), 'group')} of up to {largest}; up to {usual:.2%} is usual"
            ),
            **_standing(repetition, reference=bool(groups.reference_rows)),
            compared_with=against,
            numbers={"groups": int(copied.sum()), "largest": largest, "rate": repetition.rate, **_common(groups)},
            rows=rows,
            row_count=int(rows.size),
        )


def _standing(repetition: Repetition, *, reference: bool) -> dict[str, Any]:
    """Level, signal and confidence of copies that are no burst."""
    if not repetition.unusual:
        return {"level": Level.NOTE, "signal": Signal.QUALITY, "confidence": 0.2}
    signal = Signal.DRIFT if reference else Signal.QUALITY
    return {"level": Level.WARNING, "signal": signal, "confidence": 0.4}


def _common(groups: Groups) -> dict[str, float | int]:
    """Numbers of both findings: all copies, explained or not, and the reference's."""
    numbers: dict[str, float | int] = {"rows": groups.rows, "copies of any kind": groups.excess}
    if groups.reference_rows:
        numbers["reference rate"] = groups.reference_excess / groups.reference_rows
    return numbers
