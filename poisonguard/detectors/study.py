"""Labelled texts as several checks study them: what each works out is there for the next one.

1. Whatever is made here is a function of the texts, the labels and the folds alone, not of who asks first.
2. A study belongs to the evidence that it was made of, and is let go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.content_model import ContentModel, WordMatrix
from poisonguard.detectors.features_text import Integers, Tokens, tokenize
from poisonguard.detectors.labels import Codes
from poisonguard.detectors.occurrences import Occurrences, occurrences
from poisonguard.detectors.row_knock_out import Surface


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels of the texts, and the folds that keep copies together.

    Attributes:
        codes: Label of each text, shape (rows,).
        labels: How many labels there are.
        fold: Fold of each text, shape (rows,).
        folds: How many folds there are.
        among: Texts in which phrases are looked for: the new ones, or all where there is no reference, shape (rows,).
    """

    codes: Codes
    labels: int
    fold: Integers
    folds: int
    among: npt.NDArray[np.bool_]

    @property
    def compared(self) -> bool:
        """Whether there are other texts to compare with."""
        return not self.among.all()


@dataclass(frozen=True)
class Study:
    """Texts with their labels, and what was worked out about them.

    Attributes:
        texts: The texts, shape (rows,).
        labelling: Their labels.
    """

    texts: Sequence[str]
    labelling: Labelling
    _held: dict[tuple[int, int], Occurrences] = field(default_factory=dict, repr=False, compare=False)
    _models: dict[int, ContentModel] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def tokens(self) -> Tokens:
        """The texts' tokens."""
        return tokenize(self.texts)

    @cached_property
    def matrix(self) -> WordMatrix:
        """The texts' words."""
        return WordMatrix.of(self.tokens)

    @cached_property
    def surface(self) -> Surface:
        """All that stands on the texts' surface."""
        return Surface.of(self.tokens)

    def held(self, length: int, min_rows: int) -> Occurrences:
        """The n-grams of ``length`` tokens that occur so often where phrases are looked for."""
        key = (length, min_rows)
        if key not in self._held:
            self._held[key] = occurrences(self.tokens, length, min_rows, self.labelling.among)
        return self._held[key]

    def model(self, label: int) -> ContentModel:
        """What words say about ``label``; of two labels one model serves both."""
        given = self.labelling
        if label == 1 and given.labels == 2 and bool((given.codes >= 0).all()):  # noqa: PLR2004 - a pair
            return self.model(0).mirrored()
        if label not in self._models:
            self._models[label] = ContentModel.fit(self.matrix, given.codes == label, given.fold, given.folds)
        return self._models[label]
