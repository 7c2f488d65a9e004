"""Does the rest of a phrase's rows read like another label, as clearly as that label's own rows do?

1. Whoever plants a trigger takes texts of other labels: without the phrase they are what such texts are.
2. A form that belongs to a label (a joke's question and answer, a hashtag of one campaign) stands on texts that read
   like no label in particular: little of them is left, or they are of a kind of their own.
3. So each text is asked which other label it reads like best, by models of every label that never saw it. The rest of
   the phrase's rows lies on the way from the label's own texts (0) to those of other labels (1). Planted ones lay at
   0.92 to 1.15, natural phrases that looked planted at 0.40 to 0.87 (ten sets, 2026-11).
"""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.association import Association
from poisonguard.detectors.content_model import ContentModel, Floats
from poisonguard.detectors.features_text import Integers
from poisonguard.detectors.labels import UNKNOWN
from poisonguard.detectors.study import Study

FOREIGN = 0.9
"""How far the rest must lie, give or take ``ERRORS`` standard errors."""

ERRORS = 2.0


def is_foreign(study: Study, item: Association) -> bool:
    """Whether the rest of the rows could be of other labels."""
    codes = study.labelling.codes
    own, others = np.flatnonzero(codes == item.label), np.flatnonzero((codes != item.label) & (codes != UNKNOWN))
    found = _other(study, np.intersect1d(item.rows, own), item.label, item.knocked_out)
    nothing = np.zeros(0, dtype=np.int64)
    usual, foreign = (float(_other(study, rows, item.label, nothing).mean()) for rows in (own, others))
    error = float(found.std()) / float(np.sqrt(len(found)))
    return float(found.mean()) - usual + ERRORS * error >= FOREIGN * (foreign - usual)


def _other(study: Study, rows: Integers, label: int, without: Integers) -> Floats:
    """Chance of the likeliest label but one, words left out, shape (rows,)."""
    chances = np.stack([_chance(study.model(code), rows, without) for code in range(study.labelling.labels)], axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    return np.asarray(np.delete(chances, label, axis=1).max(axis=1))


def _chance(model: ContentModel, rows: Integers, without: Integers) -> Floats:
    words = model.contribution(np.repeat(rows, len(without)), np.tile(without, len(rows)))
    return model.probability(rows, words.reshape(len(rows), len(without)).sum(axis=1))
