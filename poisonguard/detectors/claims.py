"""A claim: rare words that keep company in documents that otherwise have nothing in common.

1. Candidates stand free in ``min_documents`` documents, and in at most ``MAX_RATE`` of all, or few.
2. A candidate's partners are candidates near it in at least ``SHARE`` of its documents. Rarity of the company =
   sum over partners of (share of the documents) * ln(documents / documents of the partner).
3. The topic of a document is its words of medium frequency. Without the words around the candidate, its
   documents must be hardly more alike than documents at large.
4. Partners are one claim; its anchor is the candidate with the most rarity times root of its documents.
5. How much the wording and the places vary is told: what stands word for word in all documents, or at the same
   edge of all, is boilerplate; partners that never move against their anchor are a heading or a formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from poisonguard.detectors.documents import Corpus, Floats, Integers, Mask
from poisonguard.kernels.company import Occurrences, likeness, partners
from poisonguard.kernels.distinct import document_counts
from poisonguard.kernels.mixing import GOLDEN, mix_array
from poisonguard.kernels.tokens import Words

MAX_RATE = 0.05
MANY = 6
"""Times the fewest documents that make a claim: a candidate may stand in so many, however small the data."""

TOPIC_RATES = (0.01, 0.5)
REACH = 8
"""Words within which words keep company."""

KNOCKED_OUT = 10
"""Words on either side of a candidate that say nothing about the topic of its document."""

SHARE = 0.4
MIN_PARTNERS = 3
"""Planted in 0.6 to 1.6 % of the documents: 4 and more, with about 18 of rarity; natural: mostly fewer."""

MAX_LIKENESS = 1.3
"""Documents more alike than this share a topic (natural companies of three: mostly 1.25 to 15; planted: 1.0)."""

COMPANY = 2
"""Partners that a place must have to hold the claim."""

EDGE = 15
"""Words from the beginning or the end of a document that are its edge."""

CONTEXT = 5
"""Words on either side that make up the wording."""

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """Words that keep company across documents.

    Attributes:
        anchor: Hash of the word that stands for it.
        partners: Hashes of its partners, ascending.
        place: Number of a word in the running text at which it stands in company.
        documents: Judged documents that hold the anchor in company, ascending.
        elsewhere: Documents that hold the anchor without company.
        rarity: Rarity of the company.
        likeness: Likeness of its documents, as a multiple of that of all documents.
        verbatim: Largest share of its documents with the same words around the anchor.
        at_edge: Share of its documents that hold it at their beginning, or at their end, whichever is larger.
        rigid: Share of the documents with a partner that hold it at its commonest distance; of the loosest partner.
    """

    anchor: np.uint64
    partners: Hashes
    place: int
    documents: Integers
    elsewhere: int
    rarity: float
    likeness: float
    verbatim: float
    at_edge: float
    rigid: float


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Words of a corpus: which are candidates, which say something about the topic.

    Attributes:
        hashes: Hash of each candidate, shape (candidates,).
        counts: Documents that hold it free, shape (candidates,).
        code: Candidate of each word of the running text that stands free, else -1.
        topic: Topic word of each word of the running text, else -1.
        weights: Weight of each topic word.
        found: Where the candidates stand.
    """

    hashes: Hashes
    counts: Integers
    code: Integers
    topic: Integers
    weights: Floats
    found: Occurrences

    @classmethod
    def of(cls, corpus: Corpus, min_documents: int) -> Vocabulary:
        """The vocabulary of all documents."""
        offsets, free, documents = corpus.words.offsets, corpus.words.free, len(corpus.texts)
        code, distinct = pd.factorize(corpus.words.hashes)
        code = code.astype(np.int64)
        everywhere = document_counts(code, offsets, len(distinct))
        standing = document_counts(np.where(free, code, -1), offsets, len(distinct))
        low, high = (rate * documents for rate in TOPIC_RATES)
        topical = (everywhere >= max(low, 2)) & (everywhere <= high)
        candidate = (standing >= min_documents) & (everywhere <= max(MAX_RATE * documents, MANY * min_documents))
        mine = np.where(free, _numbered(candidate)[code], -1)
        weights = np.log(documents / everywhere[topical])
        found = _occurrences(mine, int(candidate.sum()), offsets)
        return cls(distinct[candidate], standing[candidate], mine, _numbered(topical)[code], weights, found)


def claims(corpus: Corpus, min_documents: int, min_rarity: float) -> list[Claim]:
    """Groups of rare words that keep company over unrelated documents, weightiest first."""
    if corpus.judged < min_documents or len(corpus.texts) < 2 * min_documents:
        return []
    words = Vocabulary.of(corpus, min_documents)
    least = np.maximum(min_documents, np.ceil(SHARE * words.counts)).astype(np.int64)
    word, partner, together = partners(words.found, words.code, REACH, least)
    rarity, number = np.zeros(len(words.hashes)), np.bincount(word, minlength=len(words.hashes))
    share = together / np.maximum(words.counts[word], 1)
    np.add.at(rarity, word, share * np.log(len(corpus.texts) / words.counts[partner]))
    chosen = np.flatnonzero((number >= MIN_PARTNERS) & (rarity >= min_rarity))
    if not len(chosen):
        return []
    alike = _likeness_of(words, chosen)
    chosen, alike = chosen[alike <= MAX_LIKENESS], alike[alike <= MAX_LIKENESS]
    company = [partner[word == item] for item in chosen.tolist()]
    found = [
        _claim(corpus, words, _Found(int(chosen[index]), company[index], rarity[chosen[index]], alike[index]))
        for index in _anchors(chosen, rarity * np.sqrt(words.counts), company)
    ]
    return [claim for claim in found if len(claim.documents) >= min_documents]


def holding(words: Words, claim: Claim) -> tuple[Integers, Integers]:
    """(document, word) of every place where the claim's anchor stands with at least two partners."""
    places = np.flatnonzero((words.hashes == claim.anchor) & words.free)
    document = np.searchsorted(words.offsets, places, side="right") - 1
    met = np.zeros((len(places), len(claim.partners)), dtype=np.bool_)
    for offset in (*range(-REACH, 0), *range(1, REACH + 1)):
        other = places + offset
        inside = np.flatnonzero((other >= words.offsets[document]) & (other < words.offsets[document + 1]))
        inside = inside[words.free[other[inside]]]
        value = words.hashes[other[inside]]
        known = np.minimum(np.searchsorted(claim.partners, value), len(claim.partners) - 1)
        same = claim.partners[known] == value
        met[inside[same], known[same]] = True
    kept = met.sum(axis=1) >= COMPANY
    return document[kept], places[kept]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A candidate with its company, as numbers of candidates."""

    anchor: int
    company: Integers
    rarity: float
    likeness: float


def _claim(corpus: Corpus, words: Vocabulary, found: _Found) -> Claim:
    """The claim with the documents that hold it, and how it stands in them."""
    claim = Claim(
        anchor=words.hashes[found.anchor],
        partners=np.sort(words.hashes[found.company]),
        place=0,
        documents=np.zeros(0, np.int64),
        elsewhere=0,
        rarity=float(found.rarity),
        likeness=float(found.likeness),
        verbatim=0.0,
        at_edge=0.0,
        rigid=0.0,
    )
    document, place = holding(corpus.words, claim)
    elsewhere = int(words.counts[found.anchor]) - len(np.unique(document))
    judged = document < corpus.judged
    documents, first = np.unique(document[judged], return_index=True)
    places = place[judged][first]
    if not len(places):
        return claim
    begin, end = (corpus.words.offsets[documents + side] for side in (0, 1))
    edges = [float((distance < EDGE).mean()) for distance in (places - begin, end - 1 - places)]
    return replace(
        claim,
        place=int(places[0]),
        documents=documents,
        elsewhere=elsewhere,
        verbatim=_verbatim(corpus.words.hashes, corpus.words.offsets, documents, places),
        at_edge=max(edges),
        rigid=min(_rigidity(corpus.words, documents, places, partner) for partner in claim.partners),
    )


def _verbatim(hashes: Hashes, offsets: Integers, documents: Integers, places: Integers) -> float:
    """Largest share of ``documents`` with the same words within ``CONTEXT`` of their place."""
    value = np.zeros(len(places), dtype=np.uint64)
    for offset in range(-CONTEXT, CONTEXT + 1):
        other = places + offset
        inside = (other >= offsets[documents]) & (other < offsets[documents + 1])
        value = mix_array(value * GOLDEN + np.where(inside, hashes[np.clip(other, 0, len(hashes) - 1)], np.uint64(0)))
    return float(np.unique(value, return_counts=True)[1].max() / len(places))


def _rigidity(words: Words, documents: Integers, places: Integers, partner: np.uint64) -> float:
    """Share of the documents with the partner near their place in which it is at its commonest distance."""
    distance = np.zeros(len(places), dtype=np.int64)
    begin, end = words.offsets[documents], words.offsets[documents + 1]
    for offset in sorted((*range(-REACH, 0), *range(1, REACH + 1)), key=abs, reverse=True):
        other = places + offset
        inside = (other >= begin) & (other < end)
        distance[inside & (words.hashes[np.clip(other, 0, len(words.hashes) - 1)] == partner)] = offset
    counts = np.bincount(distance[distance != 0] + REACH, minlength=1)
    return float(counts.max() / max(1, counts.sum()))


def _likeness_of(words: Vocabulary, chosen: Integers) -> Floats:
    """Likeness of the documents of the ``chosen`` candidates, as a multiple of that of all documents."""
    everywhere = words.found._replace(
        starts=np.array([0, len(words.found.offsets) - 1]),
        places=np.minimum(words.found.offsets[:-1], max(len(words.code) - 1, 0)),
    )
    typical = float(likeness(everywhere, words.topic, words.weights, -1)[0])
    if not 0 < typical < np.inf:
        return np.full(len(chosen), np.inf)
    parts = [words.found.places[words.found.starts[item] : words.found.starts[item + 1]] for item in chosen.tolist()]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    mine = words.found._replace(starts=starts, places=np.concatenate(parts))
    return likeness(mine, words.topic, words.weights, KNOCKED_OUT) / typical


def _anchors(chosen: Integers, weight: Floats, company: Sequence[Integers]) -> list[int]:
    """Places in ``chosen`` of the candidates of the most weight, none of them a partner of one before it."""
    taken: set[int] = set()
    anchors = []
    for index in np.lexsort((chosen, -weight[chosen])).tolist():
        item = int(chosen[index])
        if item not in taken:
            anchors.append(index)
            taken.update(company[index].tolist())
    return anchors


def _occurrences(codes: Integers, words: int, offsets: Integers) -> Occurrences:
    places = np.flatnonzero(codes >= 0)
    order = np.argsort(codes[places], kind="stable")
    starts = np.searchsorted(codes[places][order], np.arange(words + 1))
    document = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return Occurrences(starts.astype(np.int64), places[order], document, offsets)


def _numbered(mask: Mask) -> Integers:
    """0, 1, 2 ... where true, -1 elsewhere."""
    return np.where(mask, np.cumsum(mask) - 1, -1)
