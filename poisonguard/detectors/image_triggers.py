"""What both checks of pictures share: the sample, the marks that stand, and the second pass that names the rows.

1. Marks are looked for in a sample of pictures by row hash, joined with the sample of new rows where there is a
   reference; every row is then searched for the marks found.
2. A mark stands when it is far off from all other pictures and its label far from chance; less distance needs more
   evidence (``Limits.stands``).
3. Near copies count once: the frames of a film share nearly everything, and nobody planted it.
4. With a reference, a mark must have burst: what the reference holds as often was approved.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field
from threadpoolctl import threadpool_limits

from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.image_scorer import Found, MarkScorer, Reader
from poisonguard.detectors.labels import Classes
from poisonguard.detectors.picture_check import MIN_PICTURES, PictureCheck, PictureParams
from poisonguard.detectors.picture_copies import Gallery
from poisonguard.detectors.picture_rows import new_among, sampled_pictures
from poisonguard.detectors.picture_seeds import Seed
from poisonguard.detectors.picture_space import FOLDS, Integers, PictureSet, PictureSpace
from poisonguard.detectors.picture_views import Grids, Looks, Scale, brightness
from poisonguard.detectors.planted import Mark, grown
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.plugin.check import (
    Evidence,
    NotApplicable,
    RowScorer,
)
from poisonguard.sketches.pictures import LABEL, PIXELS
from poisonguard.sketches.sample import sample_hashes

MAX_LABELS = 50
MAX_MARKS = 5
OVERLAP = 0.5
NEAR, NEAR_EVIDENCE = 0.7, 2.0
"""Seven tenths of the gap will do where there is twice the evidence, and the rest of the pictures speaks against it; of
a patch, where that is left beyond what the rest of the pictures says."""
VERY_FAR = 2.5
GRAIN_COHESION = 0.75
"""Blending takes a fifth of every picture's contrast, and a small class has few kinds of pictures."""
MOSTLY = 0.5
"""A label that most pictures like the marked ones carry anyway, no mark decides."""
BURST = 3.0
"""Times as frequent as in the reference."""


class ImageTriggerParams(PictureParams):
    """Parameters of both checks."""

    min_rows: int = Field(default=8, ge=4)
    min_purity: float = Field(default=0.95, gt=0.5, le=1, description="Share of the marked pictures of one label.")
    min_gap: float = Field(default=10.0, ge=1, description="Distance from other pictures, in spreads.")
    min_evidence: float = Field(default=10.0, ge=0, description="Orders of magnitude against chance.")
    max_shared: float = Field(default=0.125, gt=0, le=1, description="Share of a picture that a mark may cover.")
    min_cohesion: float = Field(default=0.8, ge=0, description="How far apart the pictures are without the mark.")
    min_grain_gap: float = Field(default=4.5, ge=1, description="The same as min_gap, for a mark in the grain.")
    min_fill: float = Field(default=0.47, gt=0, le=1, description="Share of the picture that such a mark stands in.")

    def stands(self, mark: Mark, distinct: float = 1.0) -> bool:
        """Whether a mark is one that somebody planted; a share of its pictures are ``distinct``, the rest copies."""
        evidence = distinct * mark.evidence
        if mark.fill:
            return self._pervades(mark, distinct)
        far = mark.gap >= self.min_gap and evidence >= self.min_evidence
        # What is the same in one small place and goes with one label needs not contradict the rest of the pictures.
        told = evidence if mark.opposed else distinct * mark.surprise if mark.patch is not None else 0.0
        near = mark.gap >= NEAR * self.min_gap and told >= NEAR_EVIDENCE * self.min_evidence
        # On a flat ground a faint pattern is the same nearly everywhere; no family of pictures lies that far off.
        flat_ground = mark.gap >= VERY_FAR * self.min_gap
        alone = mark.busy_share <= self.max_shared or flat_ground
        unlike = mark.cohesion >= self.min_cohesion and mark.purity >= self.min_purity
        return (far or near) and alone and unlike

    def _pervades(self, mark: Mark, distinct: float) -> bool:
        """Whether a mark in the grain stands everywhere, on pictures that resemble neither each other nor the label."""
        everywhere = mark.gap >= self.min_grain_gap and mark.fill >= self.min_fill
        unlike = mark.cohesion >= GRAIN_COHESION * self.min_cohesion and mark.purity >= (1 + self.min_purity) / 2
        free = max(mark.expected, mark.base) <= MOSTLY
        return everywhere and unlike and free and distinct * mark.surprise >= self.min_evidence


class ImageTrigger(PictureCheck[ImageTriggerParams]):
    """Finds marks in pictures that go with one label; subclasses say where to look and what counts as theirs."""

    params_model = ImageTriggerParams

    @abstractmethod
    def grown(self, pictures: PictureSet) -> Iterator[Mark]:
        """What stands out, most promising first; not all of it was planted."""

    @abstractmethod
    def is_mine(self, mark: Mark) -> bool:
        """Whether this check reports the mark."""

    @abstractmethod
    def describe(self, mark: Mark) -> tuple[str, str]:
        """(stable name of the mark, the mark in a sentence)."""

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the marks that the sample gave away; nothing when there are none."""
        state = sampled_pictures(evidence, self._sample)
        colours, places = self._pictures.colours(state[PIXELS])
        if len(places) < MIN_PICTURES:
            return NotApplicable(f"{len(places)} readable pictures are too few (at least {MIN_PICTURES})")
        sampled = state.take(pa.array(places))
        classes = Classes.of(sampled, LABEL, min_rows=self.params.min_rows, limit=MAX_LABELS)
        if len(classes.names) < 2:  # noqa: PLR2004 - a mark goes with one label and not with another
            return NotApplicable(f"fewer than two values of {self._label} stand in {self.params.min_rows} pictures")
        grids = brightness(colours)
        looks = Looks(colours, Scale.of(grids))
        hashes = sample_hashes(sampled)
        fold = Dealing.of(sampled, hashes, (PIXELS,), FOLDS).fold(sampled, hashes)
        new = new_among(sampled, evidence, self._sample)
        pictures = PictureSet(looks, classes.codes(sampled), fold, new)
        with threadpool_limits(1):
            marks = [mark for mark in self._marks(pictures) if self._is_on_many(mark, grids, pictures)]
        found = [item for item in (self._against(mark, pictures, reference) for mark in marks) if item]
        reader = Reader(self._pictures, Classes(self._label, classes.names), looks.scale, looks.side)
        return MarkScorer(reader, found, self.report) if found else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and pictures that cannot be read."""
        state = sampled_pictures(evidence, self._sample)
        broken = state[PIXELS].null_count
        seen = min(evidence.rows, self.params.limit)
        sampled = f"marks are learnt from a sample of {seen:,} pictures" if seen < evidence.rows else ""
        unreadable = f"{broken:,} of {state.num_rows:,} sampled pictures cannot be read" if broken else ""
        return seen, "; ".join(filter(None, [sampled, unreadable]))

    def unreadable(self, evidence: Evidence) -> Iterable[Finding]:
        """A note on pictures that cannot be read."""
        state = sampled_pictures(evidence, self._sample)
        broken = state[PIXELS].null_count
        if broken:
            yield self.finding(
                subject=f"pictures=unreadable;column={self._pictures.subject}",
                message=f"{broken:,} of {state.num_rows:,} sampled pictures cannot be read; they were not checked.",
                confidence=0.0,
                level=Level.NOTE,
                signal=Signal.QUALITY,
                numbers={"unreadable": broken, "sampled": state.num_rows},
                row_count=broken,
            )

    def report(self, found: Found, name: str, rows: Integers, confidence: float) -> Finding:
        """The finding about one mark that ``rows`` carry."""
        mark = found.mark
        subject, what = self.describe(mark)
        message = (
            f"{len(rows):,} pictures labelled {name} carry {what}, {mark.gap:.0f} spreads away from all others; "
            f"without it {mark.expected:.0%} of their nearest pictures have that label (all pictures: {mark.base:.0%})"
        )
        numbers = {
            "sampled pictures with the mark": len(mark.rows),
            "share of the label among them": round(mark.purity, 4),
            "gap in spreads": round(mark.gap, 1),
            "share of the label without the mark": round(mark.expected, 4),
            "share of the label in other pictures": round(mark.base, 4),
            "orders of magnitude against chance": round(mark.evidence, 1),
        }
        if found.known is not None:
            known, total = found.known
            message += f"; {known:,} of {total:,} sampled pictures of the reference carry it"
            numbers["pictures with the mark in the reference"] = known
        return self.finding(
            subject=f"{subject};label={name};column={self._pictures.subject}",
            message=message + ".",
            confidence=confidence,
            compared_with="all other pictures" if found.known is None else "the reference",
            column=self.column,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
        )

    def _marks(self, pictures: PictureSet) -> list[Mark]:
        """The marks that stand, each row once."""
        kept: list[Mark] = []
        for mark in self.grown(pictures):
            if not self.params.stands(mark) or not self.is_mine(mark):
                continue
            if all(len(np.intersect1d(mark.rows, other.rows)) <= OVERLAP * len(mark.rows) for other in kept):
                kept.append(mark)
        return sorted(kept, key=lambda mark: -mark.evidence)[:MAX_MARKS]

    def _is_on_many(self, mark: Mark, grids: Grids, pictures: PictureSet) -> bool:
        """Whether it is on different pictures: frames of one film share nearly everything, and count once."""
        groups = Gallery.of(grids, pictures.codes).groups
        distinct = len(np.unique(groups[mark.rows]))
        return distinct >= self.params.min_rows and self.params.stands(mark, distinct / len(mark.rows))

    def from_seeds(self, space: PictureSpace, seeds: Sequence[Seed]) -> Iterator[Mark]:
        """What seeds grow to in the brightness of pictures."""
        for seed in seeds:
            mark = grown(space, seed, self.params.min_rows, NEAR * self.params.min_gap)
            if mark is not None:
                yield mark

    def _against(self, mark: Mark, pictures: PictureSet, reference: Evidence | None) -> Found | None:
        """The mark with what the reference holds of it; nothing when that is as much."""
        if reference is None:
            return Found(mark, None)
        colours, _ = self._pictures.colours(reference[self._sample][PIXELS])
        if not len(colours) or colours.shape[1] != pictures.side:
            return Found(mark, (0, 0))
        known = int((mark.direction.of_all(Looks(colours, pictures.looks.scale)) > mark.cut).sum())
        rate = (known + 0.5) / (len(colours) + 1)
        return Found(mark, (known, len(colours))) if mark.share >= BURST * rate else None
