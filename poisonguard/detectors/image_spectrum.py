"""One pattern, spread over the picture, that decides the label: blended backdoors and their like."""

from __future__ import annotations

from collections.abc import Iterator

from poisonguard.detectors.image_triggers import ImageTrigger
from poisonguard.detectors.picture_grain import FEWEST_PIXELS, grain_seeds, looked_at
from poisonguard.detectors.picture_seeds import spectral_seeds, window_seeds
from poisonguard.detectors.picture_space import PictureSet, PictureSpace
from poisonguard.detectors.planted import Mark, grown


class ImageSpectrum(ImageTrigger):
    """Finds a direction in which some pictures of one label, otherwise unlike each other, lie far from all others."""

    detector = "image-spectrum"

    def grown(self, pictures: PictureSet) -> Iterator[Mark]:
        """From the strongest directions of every class, windows of equal content on a flat ground, and the grain."""
        least = self.params.min_rows
        space = PictureSpace.of_brightness(pictures)
        yield from self.from_seeds(space, [*spectral_seeds(space, least), *window_seeds(pictures, least)])
        if pictures.side**2 >= FEWEST_PIXELS:
            yield from self._in_the_grain(pictures)

    def _in_the_grain(self, pictures: PictureSet) -> Iterator[Mark]:
        rows = looked_at(pictures)
        space = PictureSpace.of_grain(pictures.some(rows))
        for seed in grain_seeds(space, self.params.min_rows):
            mark = grown(space, seed, self.params.min_rows, self.params.min_grain_gap)
            if mark is not None:
                yield mark.among(rows)

    def is_mine(self, mark: Mark) -> bool:
        """Whatever is no single small place."""
        return mark.patch is None

    def describe(self, mark: Mark) -> tuple[str, str]:
        """The direction has no place to name."""
        del mark
        return "pattern=spread", "the same faint pattern over the picture"
