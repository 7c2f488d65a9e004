"""Near copies of pictures under labels that neither their copies nor any pictures like them carry.

1. Near copies and what contradicts them are sought in a sample by row hash, joined with the sample of new rows where
   there is a reference; every picture is then compared with the contradicted ones (``picture_copies``).
2. Copies are a sign of poisoning when more of them are contradicted than twice the share of all other pictures that
   their neighbours contradict, and more than ``noise``; or when they outvote their originals (``Floods``).
3. With a reference only new pictures are named. Its pictures say what is right: new copies of them under other labels
   are a sign of poisoning when there are more than twice as many as among its own. A label that it gives to a copy was
   approved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field
from scipy.special import bdtrc

from poisonguard.detectors.labels import Classes
from poisonguard.detectors.picture_check import MIN_PICTURES, PictureCheck, PictureParams
from poisonguard.detectors.picture_copies import Gallery
from poisonguard.detectors.picture_floods import floods
from poisonguard.detectors.picture_rows import new_among, sampled_pictures
from poisonguard.detectors.picture_space import Integers, Mask
from poisonguard.detectors.picture_views import Floats, Grids, levelled
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Block, Evidence, NotApplicable, RowScorer, Scored, Scores
from poisonguard.sketches.pictures import LABEL, PIXELS, PictureColumns
from poisonguard.sketches.sample import sample_hashes

MAX_LABELS = 200
FEWEST_OF_A_LABEL = 2
MOST_COMPARED = 1_000
"""Pictures that are compared with every other: contradicted ones, and those that say what is usual."""
TWICE = 2.0
SIGNIFICANCE = 0.01
SCORE = 0.9


class CopiedPicturesParams(PictureParams):
    """How many contradicted copies are honest."""

    noise: float = Field(default=0.1, gt=0, lt=1, description="Share of copies that are honestly contradicted.")
    min_rows: int = Field(default=10, ge=2, description="Contradicted copies below which nothing is said.")
    flood: int = Field(default=12, ge=5, description="Copies of one picture that may be there to outvote it.")
    min_share: float = Field(default=0.002, ge=0, le=1, description="The same as a share of the pictures looked at.")


@dataclass(frozen=True, slots=True)
class Contradicted:
    """Sampled copies with a wrong label.

    Attributes:
        points: Levelled pictures, shape (rows, pixels).
        codes: Their labels.
        numbers: What the finding says of them.
        gallery: What they were found in.
        why: What speaks against their labels, for people.
    """

    points: Grids
    codes: Integers
    numbers: dict[str, float]
    gallery: Gallery
    why: str


class CopiedPictures(PictureCheck[CopiedPicturesParams]):
    """Finds near copies of pictures under altered labels."""

    detector = "copied-pictures"
    params_model = CopiedPicturesParams

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for copies of the contradicted pictures; nothing when there are none."""
        state = sampled_pictures(evidence, self._sample)
        new = new_among(state, evidence, self._sample)
        if reference is not None:
            known = reference[self._sample]
            known = known.filter(pa.array(~np.isin(sample_hashes(known), sample_hashes(state))))
            state = pa.concat_tables([state, known], promote_options="permissive")
            new = np.concatenate([new, np.zeros(known.num_rows, dtype=np.bool_)])
        grids, places = self._pictures.grids(state[PIXELS])
        if len(places) < MIN_PICTURES:
            return NotApplicable(f"{len(places)} readable pictures are too few (at least {MIN_PICTURES})")
        sampled = state.take(pa.array(places))
        classes = Classes.of(sampled, LABEL, min_rows=FEWEST_OF_A_LABEL, limit=MAX_LABELS)
        if len(classes.names) < 2:  # noqa: PLR2004 - one label contradicts nothing
            return NotApplicable(f"fewer than two values of {self._label} stand in two pictures")
        gallery = Gallery.of(grids, classes.codes(sampled))
        new = new[places]
        teachers = np.ones(len(new), dtype=np.bool_) if reference is None else ~new
        found = None if reference is None else self._by_reference(gallery, new)
        found = found or self._by_floods(gallery, new) or self._by_neighbours(gallery, new, teachers)
        return None if found is None else CopyScorer(self, self._pictures, Classes(self._label, classes.names), found)

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size."""
        seen = min(evidence.rows, self.params.limit)
        return seen, f"copies are sought in a sample of {seen:,} pictures" if seen < evidence.rows else ""

    def report(self, found: Contradicted, rows: Integers) -> Finding:
        """The finding about the rows that copy a contradicted picture."""
        numbers = found.numbers
        return self.finding(
            subject=f"copied pictures={self._pictures.subject}",
            message=(
                f"{len(rows):,} pictures are near copies of others (at most {numbers['distance of copies']:.2f} apart; "
                f"pictures here usually are {numbers['usual distance to the nearest']:.2f} from their nearest) under "
                f"another label; {found.why}."
            ),
            confidence=SCORE,
            compared_with="the pictures that they copy",
            column=self.column,
            numbers=numbers,
            rows=rows,
            row_count=len(rows),
        )

    def _by_neighbours(self, gallery: Gallery, new: Mask, teachers: Mask) -> Contradicted | None:
        """Copies that the ``teachers`` most like them contradict, if there are more than is natural."""
        rows = np.flatnonzero(gallery.copies & new & (gallery.codes >= 0))
        judged = gallery.judged(rows, teachers)
        wrong = judged.wrong & gallery.has_copy_labelled(rows, judged.best) & ~_approved(gallery, rows, new)
        usual = gallery.judged(np.flatnonzero(new & ~gallery.copies)[:MOST_COMPARED], teachers)
        honest = max(self.params.noise, TWICE * float(usual.wrong.sum()) / max(1, int(usual.agreed.sum())))
        usual_share = (int(judged.agreed.sum()), honest)
        return self._excess(gallery, rows[wrong], usual_share, new, "the pictures most like them say the other, too")

    def _by_reference(self, gallery: Gallery, new: Mask) -> Contradicted | None:
        """New copies of what the reference holds under other labels only, if there are more than within it."""
        labelled = gallery.codes >= 0
        rows = np.flatnonzero(gallery.copies & new & labelled)
        known = np.isin(gallery.groups[rows], gallery.groups[~new & labelled])
        mixed = gallery.mixed(~new & labelled)
        before = max(TWICE * float(mixed.sum()), 1.0) / max(1, int((~new).sum()))
        wrong = rows[known & ~_approved(gallery, rows, new)]
        return self._excess(gallery, wrong, (int(new.sum()), before), new, "the reference holds the other")

    def _by_floods(self, gallery: Gallery, new: Mask) -> Contradicted | None:
        """Copies that outvote their originals: many of each, all under one label, where few copies disagree."""
        found = floods(gallery, new, self.params.flood, self.params.noise)
        rows = np.flatnonzero(found.outvoting & ~_approved(gallery, np.arange(len(new)), new))
        if len(rows) < self.params.min_rows or found.chance >= SIGNIFICANCE:
            return None
        why = f"they outvote their originals in {found.mixed} of {found.total} groups of {self.params.flood} and more"
        return self._named(gallery, rows, {"probability by chance": found.chance}, why)

    def _excess(
        self, gallery: Gallery, rows: Integers, usual: tuple[int, float], new: Mask, why: str
    ) -> Contradicted | None:
        """The ``rows`` if they are more than ``usual``: of how many, and their expected share."""
        total, expected = usual
        least = max(self.params.min_rows, self.params.min_share * int(new.sum()))
        if len(rows) < least or bdtrc(len(rows) - 1, total, min(1.0, expected)) >= SIGNIFICANCE:
            return None
        return self._named(gallery, rows, {"sampled pictures that could be": total, "share expected": expected}, why)

    @staticmethod
    def _named(gallery: Gallery, rows: Integers, more: dict[str, float], why: str) -> Contradicted:
        numbers = {
            "sampled contradicted copies": len(rows),
            **{name: round(value, 4) for name, value in more.items()},
            "distance of copies": round(gallery.reach, 4),
            "usual distance to the nearest": round(gallery.usual, 4),
        }
        named = rows[:MOST_COMPARED]
        return Contradicted(gallery.points[named], gallery.codes[named], numbers, gallery, why)


def _approved(gallery: Gallery, rows: Integers, new: Mask) -> Mask:
    """Rows with a copy in the reference that carries their label."""
    classes = int(gallery.codes.max(initial=0)) + 2
    named = gallery.groups * classes + gallery.codes
    return np.isin(named[rows], named[~new])


class CopyScorer(RowScorer):
    """Compares every picture with the contradicted ones of its label."""

    threshold = 0.5

    def __init__(self, check: CopiedPictures, pictures: PictureColumns, classes: Classes, found: Contradicted) -> None:
        self._check, self._pictures, self._classes, self._found = check, pictures, classes, found

    @property
    def columns(self) -> tuple[str, ...]:
        """The pictures and the label."""
        return (*self._pictures.names, self._classes.column)

    def score(self, block: Block) -> Scores:
        """High where a picture is a copy of a contradicted one and carries its label, shape (rows,)."""
        scores: Floats = np.zeros(block.table.num_rows)
        for start in range(0, len(scores), MOST_COMPARED):
            part = block.table.slice(start, MOST_COMPARED)
            scores[start : start + MOST_COMPARED] = self._scored(part)
        return scores

    def _scored(self, table: pa.RecordBatch) -> Floats:
        scores: Floats = np.zeros(table.num_rows)
        grids, places = self._pictures.grids(self._pictures.read(table))
        if not len(places) or grids.shape[1] != self._found.gallery.side:
            return scores
        points, codes = levelled(grids, self._found.gallery.faint), self._classes.codes(table)[places]
        for label in np.unique(self._found.codes):
            own = np.flatnonzero(codes == label)
            alike = points[own] @ self._found.points[self._found.codes == label].T
            near = alike.max(axis=1, initial=-1.0) >= 1 - self._found.gallery.reach**2 / 2
            scores[places[own[near]]] = SCORE
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding for all of them."""
        if scored.flagged:
            yield self._check.report(self._found, np.sort(scored.rows))
