"""The second pass of both checks of pictures: every picture is searched for the marks that the sample gave away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.labels import Classes
from poisonguard.detectors.picture_space import Integers
from poisonguard.detectors.picture_views import Looks, Scale
from poisonguard.detectors.planted import Mark
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Block, RowScorer, Scored, Scores
from poisonguard.sketches.pictures import PictureColumns

TOP_SCORE, SCORE_STEP = 0.99, 0.01
"""Scores of the rows of two marks differ by this much, so that the conclusion can tell them apart."""
BELOW = 0.45
"""Score of a row just short of a mark."""
AT_ONCE = 1_000
"""Pictures that are looked at at once: a block of rows may hold very many."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mark as the second pass needs it.

    Attributes:
        mark: The mark.
        known: (pictures that carry it in the reference's sample, pictures of that sample), if a reference was there.
    """

    mark: Mark
    known: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Reader:
    """How pictures are read as the sample was read.

    Attributes:
        pictures: Where they are.
        classes: Their labels.
        scale: Of their brightness.
        side: Their width and height.
    """

    pictures: PictureColumns
    classes: Classes
    scale: Scale
    side: int


Report = Callable[[Found, str, Integers, float], Finding]
"""The finding about a mark, the name of its label, the rows that carry it, and the confidence."""


class MarkScorer(RowScorer):
    """Searches every picture for marks with their label."""

    threshold = 0.5

    def __init__(self, reader: Reader, found: Sequence[Found], report: Report) -> None:
        self._reader = reader
        self._found = tuple(found)
        self._report = report

    @property
    def columns(self) -> tuple[str, ...]:
        """The pictures and the label."""
        return (*self._reader.pictures.names, self._reader.classes.column)

    def score(self, block: Block) -> Scores:
        """The mark's own score where picture and label carry it; less, the farther the picture is from it."""
        reader, rows = self._reader, block.table.num_rows
        scores = np.zeros(rows)
        codes = reader.classes.codes(block.table)
        for start in range(0, rows, AT_ONCE):
            colours, places = reader.pictures.colours(reader.pictures.read(block.table.slice(start, AT_ONCE)))
            if len(places) and colours.shape[1] == reader.side:
                scores[start + places] = self._scored(Looks(colours, reader.scale), codes[start + places])
        return scores

    def _scored(self, looks: Looks, codes: Integers) -> Scores:
        scores: Scores = np.zeros(len(codes))
        for rank, found in enumerate(self._found):
            place = found.mark.direction.of_all(looks) / found.mark.cut
            value = np.where(place > 1, _score_of(rank), BELOW * np.clip(place, 0, 1))
            scores = np.maximum(scores, np.where(codes == found.mark.label, value, 0.0))
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per mark that rows still carry."""
        for rank, found in enumerate(self._found):
            rows = np.sort(scored.rows[np.abs(scored.scores - _score_of(rank)) < SCORE_STEP / 4])
            if len(rows):
                yield self._report(found, self._reader.classes.names[found.mark.label], rows, _score_of(rank))


def _score_of(rank: int) -> float:
    return TOP_SCORE - SCORE_STEP * rank
