"""One pattern, spread over the picture, that decides the label: blended backdoors and their like."""

from __future__ import annotations

from collections.abc import Sequence

from poisonguard.detectors.image_triggers import ImageTrigger
from poisonguard.detectors.picture_seeds import Seed, spectral_seeds, window_seeds
from poisonguard.detectors.picture_space import PictureSpace
from poisonguard.detectors.picture_views import View
from poisonguard.detectors.planted import Mark


class ImageSpectrum(ImageTrigger):
    """Finds a direction in which some pictures of one label, otherwise unlike each other, lie far from all others."""

    detector = "image-spectrum"

    @property
    def views(self) -> tuple[View, ...]:
        """Brightness, and the detail that faint patterns show in."""
        return (View.BRIGHTNESS, View.DETAIL)

    def seeds(self, space: PictureSpace) -> Sequence[Seed]:
        """The strongest directions of every class; windows of equal content, where the ground is flat."""
        least = self.params.min_rows
        windows = window_seeds(space.pictures, least) if space.view is View.BRIGHTNESS else ()
        return [*spectral_seeds(space, least), *windows]

    def is_mine(self, mark: Mark) -> bool:
        """Whatever is no single small place."""
        return mark.patch is None

    def describe(self, mark: Mark) -> tuple[str, str]:
        """The direction has no place to name."""
        del mark
        return "pattern=spread", "the same faint pattern over the picture"
