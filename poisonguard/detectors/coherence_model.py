"""Where documents stop being language, by the word pairs of all other documents (``kernels.coherence``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.calibration import UpperTail
from poisonguard.detectors.documents import Corpus, Floats, Integers, Mask, fingerprints
from poisonguard.kernels.coherence import PairCounts, Passages, count_pairs, gains_of, worst_passages
from poisonguard.kernels.tokens import Tokens, Words, words_of


@dataclass(frozen=True, slots=True, eq=False)
class CoherenceModel:
    """Word pairs of a corpus, and how incoherent its own documents are.

    Attributes:
        counts: Words and pairs.
        known: Fingerprints of the counted documents, ascending.
        typical: Mean gain of a word over the corpus.
        gains: Gain of every word of the corpus.
        passages: Worst passage of every document of the corpus.
        tail: Distribution of the evidence of the corpus's documents.
    """

    counts: PairCounts
    known: npt.NDArray[np.uint64]
    typical: float
    gains: npt.NDArray[np.float32]
    passages: Passages
    tail: UpperTail

    @classmethod
    def fit(cls, corpus: Corpus) -> CoherenceModel:
        """Count the words of all documents and judge each of them by the others."""
        words = corpus.words
        documents = len(words.offsets) - 1
        counts = count_pairs(words.hashes, words.offsets)
        gains = gains_of(words.hashes, words.offsets, counts, np.ones(documents, dtype=np.bool_))
        passages = worst_passages(gains, words.offsets, np.zeros(documents))
        known = np.sort(fingerprints(corpus.tokens))
        typical = float(gains.mean()) if len(gains) else 0.0
        return cls(counts, known, typical, gains, passages, UpperTail.fit(np.append(passages.evidence, 0.0)))

    def evidence(self, tokens: Tokens) -> Floats:
        """Evidence of the worst passage of each document, in nats, shape (documents,)."""
        words = words_of(tokens)
        prints = fingerprints(tokens)
        place = np.minimum(np.searchsorted(self.known, prints), len(self.known) - 1)
        member = self.known[place] == prints
        gains = gains_of(words.hashes, words.offsets, self.counts, member)
        return worst_passages(gains, words.offsets, np.zeros(len(prints))).evidence

    def passage_gain(self, words: Words, documents: Integers) -> Floats:
        """Mean gain inside the worst passage of each of ``documents``, shape (documents,)."""
        firsts = words.offsets[documents]
        sums = np.concatenate([[0.0], np.cumsum(self.gains, dtype=np.float64)])
        start, stop = firsts + self.passages.start[documents], firsts + self.passages.stop[documents]
        return np.asarray((sums[stop] - sums[start]) / np.maximum(stop - start, 1))


def incoherent(model: CoherenceModel, least: float) -> Mask:
    """Documents of the corpus with at least that much evidence, shape (documents,)."""
    return np.asarray(model.passages.evidence >= least)
