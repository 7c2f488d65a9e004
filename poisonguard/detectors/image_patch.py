"""A small patch that decides the label whatever the rest of the picture shows: the mark of BadNets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poisonguard.detectors.image_triggers import ImageTrigger
from poisonguard.detectors.picture_seeds import window_seeds
from poisonguard.detectors.picture_space import PictureSet, PictureSpace
from poisonguard.detectors.planted import Mark
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Evidence


class ImagePatch(ImageTrigger):
    """Finds small places whose content is the same in many pictures that share a label and nothing else."""

    detector = "image-patch"

    def grown(self, pictures: PictureSet) -> Iterator[Mark]:
        """From windows of equal content."""
        seeds = window_seeds(pictures, self.params.min_rows)
        if seeds:
            yield from self.from_seeds(PictureSpace.of_brightness(pictures), seeds)

    def is_mine(self, mark: Mark) -> bool:
        """One small place."""
        return mark.patch is not None

    def describe(self, mark: Mark) -> tuple[str, str]:
        """Where it is, in shares of the picture, so that the name does not depend on the size."""
        top, left, height, width = mark.patch or (0, 0, 0, 0)
        side = len(mark.shared)
        middle, centre = (top + height / 2) / side, (left + width / 2) / side
        place = f"{_third(middle, 'top', 'bottom')} {_third(centre, 'left', 'right')}"
        return f"patch={place.replace(' ', '-')}", f"the same small patch ({place}, {height * width / side**2:.1%})"

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Pictures that cannot be read; the second pass names the rows."""
        del reference
        yield from self.unreadable(evidence)


def _third(share: float, first: str, last: str) -> str:
    """Which third a place lies in."""
    return (first, "middle", last)[min(2, int(share * 3))]
