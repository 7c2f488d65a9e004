"""Which phrases stand out: they are not natural, strong enough, and no part of a crowd of equals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poisonguard.detectors.association import Association, Group, spokesman
from poisonguard.detectors.content_model import WordMatrix
from poisonguard.detectors.phrase_context import Pool
from poisonguard.detectors.phrases import Labelling

STANDS_OUT = 2.0
"""Times the evidence of the phrase at ``CROWD_RANK``: where a crowd of phrases looks alike, nobody planted it."""

CROWD_RANK = 6


class Pools:
    """The sampled rows that phrases might have stood in: the new ones, of any label or of one."""

    def __init__(self, matrix: WordMatrix, labelling: Labelling) -> None:
        self._matrix, self._labelling = matrix, labelling
        self._pools: dict[int | None, Pool] = {}

    def told(self, item: Association, label: int | None = None) -> bool:
        """Whether the rest of the rows tells which of them hold the phrase."""
        if label not in self._pools:
            among = self._labelling.among
            rows = np.flatnonzero(among if label is None else among & (self._labelling.codes == label))
            self._pools[label] = Pool.of(self._matrix.weights, rows)
        return self._pools[label].tells(item)


def outstanding(
    groups: list[Group], strength: Callable[[Association], float], natural: Callable[[Group], bool], minimum: float
) -> list[Association]:
    """One phrase per group of rows that is not natural, reaches ``minimum`` and towers over the crowd."""
    reached = [(max(map(strength, group)), group) for group in groups]
    # Weaker ones cannot raise the bar.
    able = [(own, group) for own, group in reached if own * STANDS_OUT >= minimum and not natural(group)]
    ranked = sorted((own for own, _ in able), reverse=True)
    crowd = ranked[CROWD_RANK] if len(ranked) > CROWD_RANK else 0.0
    return [spokesman(group) for own, group in able if own >= max(minimum, STANDS_OUT * crowd)]
