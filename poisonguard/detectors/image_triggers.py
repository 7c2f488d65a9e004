"""What both checks of pictures share: the sample, the marks that stand, and the second pass that names the rows.

1. Marks are looked for in a sample of pictures by row hash, joined with the sample of new rows where there is a
   reference; every row is then searched for the marks found.
2. A mark stands when it is far off from all other pictures and its label far from chance; less distance needs more
   evidence (``Limits.stands``).
3. With a reference, a mark must have burst: what the reference holds as often was approved.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.labels import Classes
from poisonguard.detectors.picture_columns import picture_columns
from poisonguard.detectors.picture_seeds import Seed
from poisonguard.detectors.picture_space import FOLDS, Grids, Integers, PictureSet, PictureSpace
from poisonguard.detectors.planted import Mark, grown
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    NotApplicable,
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pictures import LABEL, PIXELS, PictureColumns, PictureSample
from poisonguard.sketches.sample import sample_hashes

MIN_PICTURES = 100
MAX_LABELS = 50
MAX_MARKS = 5
OVERLAP = 0.5
NEAR, NEAR_EVIDENCE = 0.7, 2.0
"""Seven tenths of the gap will do where there is twice the evidence, and the rest of the pictures speaks against it."""
VERY_FAR = 2.5
BURST = 3.0
"""Times as frequent as in the reference."""
TOP_SCORE, SCORE_STEP = 0.99, 0.01
"""Scores of the rows of two marks differ by this much, so that the conclusion can tell them apart."""
BELOW = 0.45
"""Score of a row just short of a mark."""


class ImageTriggerParams(Params):
    """Parameters of both checks."""

    limit: int = Field(default=8_000, ge=MIN_PICTURES)
    min_rows: int = Field(default=8, ge=4)
    min_purity: float = Field(default=0.95, gt=0.5, le=1, description="Share of the marked pictures of one label.")
    min_gap: float = Field(default=10.0, ge=1, description="Distance from other pictures, in spreads.")
    min_evidence: float = Field(default=10.0, ge=0, description="Orders of magnitude against chance.")
    max_shared: float = Field(default=0.125, gt=0, le=1, description="Share of a picture that a mark may cover.")
    min_cohesion: float = Field(default=0.8, ge=0, description="How far apart the pictures are without the mark.")

    def stands(self, mark: Mark) -> bool:
        """Whether a mark is one that somebody planted."""
        far = mark.gap >= self.min_gap and mark.evidence >= self.min_evidence
        contradicted = mark.opposed and mark.evidence >= NEAR_EVIDENCE * self.min_evidence
        near = mark.gap >= NEAR * self.min_gap and contradicted
        # On a flat ground a faint pattern is the same nearly everywhere; no family of pictures lies that far off.
        alone = mark.busy_share <= self.max_shared or mark.gap >= VERY_FAR * self.min_gap
        unlike = mark.cohesion >= self.min_cohesion and mark.purity >= self.min_purity
        return (far or near) and alone and unlike


@dataclass(frozen=True, slots=True)
class Scale:
    """How brightness becomes a number in [0, 1]: fixed by the sample."""

    low: float
    high: float

    @classmethod
    def of(cls, grids: Grids) -> Scale:
        """From the least to the greatest brightness."""
        return cls(float(grids.min()), float(grids.max()))

    def flat(self, grids: Grids) -> Grids:
        """Shape (rows, pixels)."""
        scaled = (grids - self.low) / max(self.high - self.low, 1e-9)
        return np.asarray(scaled.reshape(len(grids), -1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """A mark as the second pass needs it.

    Attributes:
        mark: The mark.
        known: (pictures that carry it in the reference's sample, pictures of that sample), if a reference was there.
    """

    mark: Mark
    known: tuple[int, int] | None


class ImageTrigger(Check[ImageTriggerParams]):
    """Finds marks in pictures that go with one label; subclasses say where to look and what counts as theirs."""

    params_model = ImageTriggerParams

    @abstractmethod
    def seeds(self, space: PictureSpace) -> Sequence[Seed]:
        """Where to look, most promising first."""

    @abstractmethod
    def is_mine(self, mark: Mark) -> bool:
        """Whether this check reports the mark."""

    @abstractmethod
    def describe(self, mark: Mark) -> tuple[str, str]:
        """(stable name of the mark, the mark in a sentence)."""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of pictures with their labels."""
        found = picture_columns(context)
        if isinstance(found, NotApplicable):
            return found
        label = context.roles.first(Role.LABEL)
        kind = next((column.kind for column in context.columns if column.name == label), Kind.NULL)
        if label is None or kind in {Kind.NESTED, Kind.BINARY}:
            return NotApplicable("no label column beside the pictures")
        self._pictures: PictureColumns = found
        self._label = label
        self._sample = PictureSample(found, label, self.params.limit)
        return [self._sample, NewRows(self._sample)] if context.has_reference else [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the marks that the sample gave away; nothing when there are none."""
        state = self._state(evidence)
        grids, places = self._pictures.grids(state[PIXELS])
        if len(places) < MIN_PICTURES:
            return NotApplicable(f"{len(places)} readable pictures are too few (at least {MIN_PICTURES})")
        sampled = state.take(pa.array(places))
        classes = Classes.of(sampled, LABEL, min_rows=self.params.min_rows, limit=MAX_LABELS)
        if len(classes.names) < 2:  # noqa: PLR2004 - a mark goes with one label and not with another
            return NotApplicable(f"fewer than two values of {self._label} stand in {self.params.min_rows} pictures")
        scale = Scale.of(grids)
        fold = (sample_hashes(sampled) % np.uint64(FOLDS)).astype(np.int64)
        pictures = PictureSet(scale.flat(grids), grids.shape[1], classes.codes(sampled), fold)
        marks = self._marks(PictureSpace.of(pictures))
        found = [item for item in (self._against(mark, pictures, scale, reference) for mark in marks) if item]
        names = Classes(self._label, classes.names)
        return MarkScorer(self, self._pictures, names, scale, pictures.side, found) if found else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and pictures that cannot be read."""
        state = self._state(evidence)
        broken = state[PIXELS].null_count
        seen = min(evidence.rows, self.params.limit)
        sampled = f"marks are learnt from a sample of {seen:,} pictures" if seen < evidence.rows else ""
        unreadable = f"{broken:,} of {state.num_rows:,} sampled pictures cannot be read" if broken else ""
        return seen, "; ".join(filter(None, [sampled, unreadable]))

    def unreadable(self, evidence: Evidence) -> Iterable[Finding]:
        """A note on pictures that cannot be read."""
        state = self._state(evidence)
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
            column=self._pictures.names[0] if len(self._pictures.names) == 1 else None,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
        )

    def _state(self, evidence: Evidence) -> pa.Table:
        """The sampled pictures and those of the sampled new rows, by hash."""
        state = evidence[self._sample]
        if NewRows(self._sample) not in evidence:
            return state
        new = evidence[NewRows(self._sample)]
        more = ~np.isin(sample_hashes(new), sample_hashes(state))
        joined = pa.concat_tables([state, new.filter(pa.array(more))], promote_options="permissive")
        return joined.take(pa.array(np.argsort(sample_hashes(joined), kind="stable")))

    def _marks(self, space: PictureSpace) -> list[Mark]:
        """The marks that stand, each row once."""
        kept: list[Mark] = []
        for seed in self.seeds(space):
            mark = grown(space, seed, self.params.min_rows)
            if mark is None or not self.params.stands(mark) or not self.is_mine(mark):
                continue
            if all(len(np.intersect1d(mark.rows, other.rows)) <= OVERLAP * len(mark.rows) for other in kept):
                kept.append(mark)
        return sorted(kept, key=lambda mark: -mark.evidence)[:MAX_MARKS]

    def _against(self, mark: Mark, pictures: PictureSet, scale: Scale, reference: Evidence | None) -> Found | None:
        """The mark with what the reference holds of it; nothing when that is as much."""
        if reference is None:
            return Found(mark, None)
        grids, _ = self._pictures.grids(reference[self._sample][PIXELS])
        if not len(grids) or grids.shape[1] != pictures.side:
            return Found(mark, (0, 0))
        known = int((mark.direction.of_all(scale.flat(grids)) > mark.cut).sum())
        rate = (known + 0.5) / (len(grids) + 1)
        return Found(mark, (known, len(grids))) if len(mark.rows) >= BURST * rate * len(pictures.codes) else None


class MarkScorer(RowScorer):
    """Searches every picture for marks with their label."""

    threshold = 0.5

    def __init__(  # noqa: PLR0913, PLR0917 - what was found, and how to read pictures as the sample was read
        self,
        check: ImageTrigger,
        pictures: PictureColumns,
        classes: Classes,
        scale: Scale,
        side: int,
        found: Sequence[Found],
    ) -> None:
        self._check = check
        self._pictures = pictures
        self._classes = classes
        self._scale = scale
        self._side = side
        self._found = tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:
        """The pictures and the label."""
        return (*self._pictures.names, self._classes.column)

    def score(self, block: Block) -> Scores:
        """The mark's own score where picture and label carry it; less, the farther the picture is from it."""
        scores = np.zeros(block.table.num_rows)
        grids, places = self._pictures.grids(self._pictures.read(block.table))
        if not len(places) or grids.shape[1] != self._side:
            return scores
        flat, codes = self._scale.flat(grids), self._classes.codes(block.table)[places]
        for rank, found in enumerate(self._found):
            place = found.mark.direction.of_all(flat) / found.mark.cut
            value = np.where(place > 1, _score_of(rank), BELOW * np.clip(place, 0, 1))
            scores[places] = np.maximum(scores[places], np.where(codes == found.mark.label, value, 0.0))
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per mark that rows still carry."""
        for rank, found in enumerate(self._found):
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._check.report(found, self._classes.names[found.mark.label], rows, _score_of(rank))


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
