"""Families of documents that tell one story in different words.

1. A document is its set of rare words (in at most ``MAX_RATE`` of the documents). Documents are kin when the
   Jaccard similarity of their sets is at least ``KINSHIP``; kin of kin are one family (``kernels.neighbours``).
   Rare words survive rewording, reordering and shortening; shingles of five words do not.
2. The core of a family is the rare words that at least half of its members hold. Rewordings hold little besides
   (coverage); pages of one template fill it with words of their own.
3. Runs of ``RUN`` words that at least half of the members hold are verbatim. Rewordings have few; copies that were
   edited here and there have little else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poisonguard.detectors.documents import Corpus, Integers
from poisonguard.kernels.distinct import document_counts, word_sets
from poisonguard.kernels.mixing import GOLDEN, mix_array
from poisonguard.kernels.neighbours import Documents, cluster
from poisonguard.kernels.ngrams import find, ngram_hashes
from poisonguard.kernels.prints import Sets
from poisonguard.kernels.tokens import Words

MAX_RATE = 0.05
KINSHIP = 0.5
FEWEST_WORDS = 8
"""Rare words that a document must hold to have kin."""

CORE = 0.5
"""Share of the members that hold a word of the core."""

RUN = 8
"""Words; of the runs of eight words of a rewording that drops one word in twelve, about half survive."""

SEED = 0x706F6973
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Documents that tell one story.

    Attributes:
        documents: Its members, ascending.
        core: Hashes of the core's rare words, ascending.
        coverage: Mean share of a member's rare words that belong to the core.
        verbatim: Mean share of a member's runs of words that at least half of the members hold.
    """

    documents: Integers
    core: Hashes
    coverage: float
    verbatim: float

    def judged(self, corpus: Corpus) -> int:
        """How many of its members are judged."""
        return int((self.documents < corpus.judged).sum())


def families(corpus: Corpus, fewest: int) -> list[Family]:
    """Families with at least ``fewest`` judged documents, the largest first."""
    if corpus.judged < fewest:
        return []
    offsets = corpus.words.offsets
    code, distinct = pd.factorize(corpus.words.hashes)
    counts = document_counts(code.astype(np.int64), offsets, len(distinct))
    # A family must not make its own words common.
    rare = counts <= max(MAX_RATE * len(corpus.texts), 2 * fewest)
    words, bounds = word_sets(code.astype(np.int64), offsets, rare)
    shingles = (distinct[words] >> np.uint64(32)).astype(np.uint32)
    enough = np.diff(bounds) >= FEWEST_WORDS
    labels = cluster(Documents([Sets(bounds, shingles)]), threshold=KINSHIP, seed=SEED, eligible=enough).labels
    names, sizes = np.unique(labels[: corpus.judged], return_counts=True)
    chosen = names[sizes >= fewest]
    found = [_family(np.flatnonzero(labels == name), corpus, (words, bounds), distinct) for name in chosen.tolist()]
    return sorted(found, key=lambda family: (-len(family.documents), int(family.documents[0])))


def _family(documents: Integers, corpus: Corpus, sets: tuple[Integers, Integers], distinct: Hashes) -> Family:
    words, bounds = sets
    common, coverage = _shared([words[bounds[row] : bounds[row + 1]] for row in documents.tolist()])
    offsets = corpus.words.offsets
    _, verbatim = _shared([_runs(corpus.words.hashes[offsets[row] : offsets[row + 1]]) for row in documents.tolist()])
    return Family(documents, np.sort(distinct[common]), coverage, verbatim)


def _shared(parts: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], float]:
    """(what at least the share ``CORE`` of the sets hold, mean share of a set that belongs to it)."""
    held, owner = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    values, code, counts = np.unique(held, return_inverse=True, return_counts=True)
    common = counts >= CORE * len(parts)
    inside = np.bincount(owner, common[code], minlength=len(parts))
    sizes = np.maximum(np.bincount(owner, minlength=len(parts)), 1)
    return values[common], float((inside / sizes).mean())


def _runs(hashes: Hashes) -> Hashes:
    """The distinct runs of ``RUN`` words, hashed."""
    count = max(0, len(hashes) - RUN + 1)
    value = np.zeros(count, dtype=np.uint64)
    for offset in range(RUN):
        value = mix_array(value * GOLDEN + hashes[offset : offset + count])
    return np.unique(value)


@dataclass(frozen=True, slots=True, eq=False)
class Kin:
    """A search for the members of several families.

    Attributes:
        wanted: Hashes of all words of their cores as runs of one word, ascending.
        firsts: Hashes of those words.
        cores: Which of ``wanted`` make up the core of each family.
        least: Share of its core that a member holds.
    """

    wanted: Hashes
    firsts: Hashes
    cores: tuple[Integers, ...]
    least: float

    @classmethod
    def of(cls, found: Sequence[Family], least: float) -> Kin:
        """A search for the members of ``found``."""
        parts = [ngram_hashes(family.core, np.arange(len(family.core)), 1) for family in found]
        wanted = np.unique(np.concatenate(parts))
        firsts = np.unique(np.concatenate([family.core for family in found]))
        return cls(wanted, firsts, tuple(np.searchsorted(wanted, part) for part in parts), least)

    def members(self, words: Words) -> list[Integers]:
        """Documents that hold enough of the core, for each family."""
        index, document, _ = find(words.hashes, words.offsets, self.wanted, self.firsts, 1)
        pairs = np.unique(document * len(self.wanted) + index)
        document, index = pairs // len(self.wanted), pairs % len(self.wanted)
        found = []
        for core in self.cores:
            inside = np.zeros(len(self.wanted), dtype=np.bool_)
            inside[core] = True
            held = np.bincount(document[inside[index]], minlength=len(words.offsets) - 1)
            found.append(np.flatnonzero(held >= max(1.0, self.least * len(core))))
        return found
