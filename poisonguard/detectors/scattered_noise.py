"""Noise without a phrase in common: new documents that are no language, far more of them than the reference holds."""

from __future__ import annotations

from dataclasses import dataclass

from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.coherence_model import CoherenceModel
from poisonguard.detectors.documents import Corpus, Integers

BEYOND_DOUBT = 20.0
"""Nats of a passage that no language has: honest sets of 4 000 documents hold 0 to 3 of them (2026-11)."""

CHANCE = 1e-6
RATIO = 5.0
"""Times the reference's share: a new source brings somewhat more word lists along, or fewer."""


@dataclass(frozen=True, slots=True)
class ScatteredNoise:
    """A burst of incoherent documents.

    Attributes:
        documents: How many of those judged.
        usual: Share of the reference's documents.
        chance: Binomial tail.
    """

    documents: int
    usual: float
    chance: float


def scattered_noise(
    corpus: Corpus, model: CoherenceModel, explained: Integers, min_documents: int
) -> ScatteredNoise | None:
    """The burst among judged documents that no phrase has ``explained``; nothing if there is none."""
    noise = model.passages.evidence >= BEYOND_DOUBT
    known = int(noise[corpus.judged :].sum())
    noise[explained] = False
    found = int(noise[: corpus.judged].sum())
    others = len(corpus.texts) - corpus.judged
    usual = (known + 0.5) / (others + 1)
    chance = float(binomial_tail(found, corpus.judged, min(usual, 1.0)))
    is_burst = found >= max(min_documents, RATIO * usual * corpus.judged) and chance <= CHANCE
    return ScatteredNoise(found, usual, chance) if is_burst else None
