"""What stands where documents lose coherence: a phrase that many of them share there is a trigger.

1. A candidate is a run of 1 to 4 tokens that at least ``min_documents`` incoherent documents hold.
2. Nearly all documents that hold it are incoherent, by far more than the share of incoherent documents explains
   (binomial tail, Bonferroni over the candidates).
3. Over all of them together, what stands before it is language and what stands behind it is not.
4. Of several phrases of the same documents, the one that most of them hold speaks, the longest of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.coherence_model import CoherenceModel
from poisonguard.detectors.documents import Corpus, Floats, Integers, Mask
from poisonguard.kernels.ngrams import find, ngram_hashes
from poisonguard.kernels.tokens import Tokens

MAX_LENGTH = 4
MIN_SHARE = 0.8
"""Least share of incoherent documents among those that hold the phrase (planted: 0.9 to 1.0; natural: rarely)."""

CHANCE = 1e-6
MIN_CONTRAST = 0.5
"""Least drop of the mean gain behind the phrase, as a share of the drop from the corpus to the passages."""

MAX_BEHIND = 0.3
"""Most mean gain behind the phrase (planted: -0.4 to 0.2, the most in 90 000 words; natural breaks: 0.7 and more)."""

REACH = 200
"""Words before and behind the phrase that are compared."""

PRIOR_WORDS = 5
"""Words of the corpus's typical gain before each phrase: it may open the document."""

MAX_TOKENS = 500_000
"""Tokens of incoherent documents that phrases are looked for in, the most incoherent first."""

SCREENED = 500_000
"""Tokens of the first documents, which already rule out most candidates."""

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class ChangePhrase:
    """A phrase at which documents lose coherence.

    Attributes:
        length: Tokens in it.
        hash: Its n-gram hash.
        token: A token at which it stands.
        incoherent: Incoherent documents that hold it, ascending.
        documents: Documents that hold it.
        before: Mean gain of the words before it, over its incoherent documents.
        behind: The same behind it.
    """

    length: int
    hash: int
    token: int
    incoherent: Integers
    documents: int
    before: float
    behind: float


def holders(tokens: Tokens, wanted: Hashes, firsts: Hashes, length: int) -> tuple[Integers, Integers, Integers]:
    """(index in ``wanted``, document, token) of every n-gram that is one of ``wanted``; see ``kernels.ngrams``."""
    return find(tokens.hashes, tokens.offsets, wanted, firsts, length)


def change_phrases(corpus: Corpus, model: CoherenceModel, bad: Mask, min_documents: int) -> list[ChangePhrase]:
    """Phrases at which judged documents lose coherence, one per group of documents, the most frequent first.

    Args:
        corpus: The documents.
        model: How likely their words follow each other.
        bad: Which documents are incoherent, shape (documents,).
        min_documents: Incoherent documents that must hold a phrase.
    """
    everywhere, bad = bad, bad & corpus.is_judged
    if int(bad.sum()) < min_documents:
        return []
    places = _places(corpus.tokens, bad, model.passages.evidence)
    search = _Search(corpus, model, bad, min_documents, _running(model.gains))
    candidates = [item for length in range(1, MAX_LENGTH + 1) for item in search.candidates(places, length)]
    base = float(everywhere.mean())
    drop = model.typical - float(model.passage_gain(corpus.words, np.flatnonzero(bad)).mean())
    chosen = [item for item in candidates if _stands_out(item, base, len(candidates), drop)]
    return _spokesmen(chosen, min_documents)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What candidates are drawn from and judged by."""

    corpus: Corpus
    model: CoherenceModel
    bad: Mask
    min_documents: int
    sums: Floats

    def candidates(self, places: Integers, length: int) -> list[ChangePhrase]:
        """N-grams of ``length`` tokens, at ``places``, in enough incoherent documents and hardly in others."""
        tokens = self.corpus.tokens
        places, document = _inside(tokens, places, length)
        values, code = np.unique(ngram_hashes(tokens.hashes, places, length), return_inverse=True)
        pairs = np.unique(code * len(self.bad) + document)
        held = np.bincount(pairs // len(self.bad), minlength=len(values))
        kept = np.flatnonzero(held >= self.min_documents)
        first = np.zeros(len(values), dtype=np.uint64)
        first[code] = tokens.hashes[places]
        kept = kept[self._rare(values[kept], first[kept], length, held[kept])]
        return self._held(values[kept], np.unique(first[kept]), length) if len(kept) else []

    def _rare(self, wanted: Hashes, firsts: Hashes, length: int, held: Integers) -> Mask:
        """Which of the n-grams are not too frequent already in the other ones of the first documents."""
        if not len(wanted):
            return np.zeros(0, dtype=np.bool_)
        tokens = self.corpus.tokens
        documents = max(1, int(np.searchsorted(tokens.offsets[: self.corpus.judged + 1], SCREENED)) - 1)
        stop = int(tokens.offsets[documents])
        part = Tokens(tokens.hashes[:stop], tokens.starts[:stop], tokens.kinds[:stop], tokens.offsets[: documents + 1])
        index, document, _ = holders(part, wanted, np.unique(firsts), length)
        others = ~self.bad[document]
        pairs = np.unique(index[others] * documents + document[others])
        elsewhere = np.bincount(pairs // documents, minlength=len(wanted))
        return np.asarray(elsewhere * MIN_SHARE <= held * (1 - MIN_SHARE))

    def _held(self, wanted: Hashes, firsts: Hashes, length: int) -> list[ChangePhrase]:
        index, document, token = holders(self.corpus.tokens, wanted, firsts, length)
        judged = document < self.corpus.judged
        index, document, token = index[judged], document[judged], token[judged]
        # The first place in each document: tokens come in order.
        pairs, first = np.unique(index * len(self.bad) + document, return_index=True)
        index, document, token = pairs // len(self.bad), pairs % len(self.bad), token[first]
        broken = self.bad[document]
        held, all_held = (np.bincount(part, minlength=len(wanted)) for part in (index[broken], index))
        index, document, token = index[broken], document[broken], token[broken]
        edges = np.searchsorted(index, np.arange(len(wanted) + 1))
        return [
            self._phrase(int(wanted[number]), length, int(all_held[number]), document[part], token[part])
            for number in np.flatnonzero((held >= self.min_documents) & (held >= MIN_SHARE * all_held)).tolist()
            for part in [slice(edges[number], edges[number + 1])]
        ]

    def _phrase(self, value: int, length: int, documents: int, held: Integers, token: Integers) -> ChangePhrase:
        words, typical = self.corpus.words, self.model.typical
        start = np.searchsorted(words.token, token)
        stop = np.searchsorted(words.token, token + length)
        low = np.maximum(words.offsets[held], start - REACH)
        high = np.maximum(np.minimum(words.offsets[held + 1] - 1, stop + REACH), stop)
        before = (self.sums[start] - self.sums[low]).sum() + PRIOR_WORDS * typical * len(held)
        behind = (self.sums[high] - self.sums[stop]).sum()
        return ChangePhrase(
            length,
            value,
            int(token[0]),
            held,
            documents,
            float(before / ((start - low).sum() + PRIOR_WORDS * len(held))),
            float(behind / max(1, (high - stop).sum())),
        )


def _stands_out(phrase: ChangePhrase, base: float, tried: int, drop: float) -> bool:
    if phrase.behind > MAX_BEHIND or phrase.before - phrase.behind < MIN_CONTRAST * drop:
        return False
    return float(binomial_tail(len(phrase.incoherent), phrase.documents, min(base, 1.0))) * tried < CHANCE


def _spokesmen(phrases: Sequence[ChangePhrase], min_documents: int) -> list[ChangePhrase]:
    """The phrase that most documents hold, then the one that most of the others hold, and so on."""
    ranked = sorted(phrases, key=lambda item: (-len(item.incoherent), -item.length, item.documents, item.hash))
    explained: set[int] = set()
    chosen = []
    for phrase in ranked:
        fresh = set(phrase.incoherent.tolist()) - explained
        if len(fresh) >= min_documents and len(fresh) * 2 >= len(phrase.incoherent):
            chosen.append(phrase)
            explained |= fresh
    return chosen


def _places(tokens: Tokens, bad: Mask, evidence: Floats) -> Integers:
    """Tokens of the incoherent documents, up to ``MAX_TOKENS``, ascending."""
    documents = np.flatnonzero(bad)
    documents = documents[np.argsort(-evidence[documents], kind="stable")]
    lengths = (tokens.offsets[1:] - tokens.offsets[:-1])[documents]
    kept = np.sort(documents[np.cumsum(lengths) <= MAX_TOKENS])
    parts = [np.arange(tokens.offsets[row], tokens.offsets[row + 1]) for row in kept.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _inside(tokens: Tokens, places: Integers, length: int) -> tuple[Integers, Integers]:
    """Those of ``places`` from which ``length`` tokens stand in one document, and that document."""
    document = np.searchsorted(tokens.offsets, places, side="right") - 1
    kept = places + length <= tokens.offsets[document + 1]
    return places[kept], document[kept]


def _running(gains: npt.NDArray[np.float32]) -> Floats:
    """Sums of the first i gains, shape (words + 1,)."""
    return np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
