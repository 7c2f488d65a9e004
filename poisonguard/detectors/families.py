"""Families of documents that tell one story in different words.

1. A document is its set of rare words (in at most ``MAX_RATE`` of the documents). Documents are kin when the
   Jaccard similarity of their sets is at least ``KINSHIP``; kin of kin are one family (``kernels.neighbours``).
   Rare words survive rewording, reordering and shortening; shingles of five words do not.
2. The core of a family is the rare words that at least half of its members hold. Rewordings hold little besides
   (coverage); pages of one template fill it with words of their own.
3. Runs of ``RUN`` words that at least half of the members hold are verbatim. Rewordings have few; copies that were
   edited here and there have little else.
4. A rewording changes common words as well as it leaves out rare ones; a form keeps its words, and only what it is
   filled with changes. A story is told in sentences; a list is rare words only, more than nearly all other documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from poisonguard.detectors.documents import Corpus, Integers, Mask
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
        core_held: Mean share of the core that a member holds.
        frame_held: The same for the common words that at least half of the members hold; 1 where there are none.
        told: Share of all documents that hold fewer common words, as a share of their words, than its members do.
    """

    documents: Integers
    core: Hashes
    coverage: float
    verbatim: float
    core_held: float
    frame_held: float
    told: float

    def judged(self, corpus: Corpus) -> int:
        """How many of its members are judged."""
        return int((self.documents < corpus.judged).sum())


def families(corpus: Corpus, fewest: int, smallest: int) -> list[Family]:
    """Families with at least ``smallest`` judged documents, the largest first; nothing in fewer than ``fewest``."""
    if corpus.judged < fewest:
        return []
    code, distinct = pd.factorize(corpus.words.hashes)
    counts = document_counts(code.astype(np.int64), corpus.words.offsets, len(distinct))
    # A family must not make its own words common.
    rare = counts <= max(MAX_RATE * len(corpus.texts), 2 * fewest)
    words = _Words(corpus, code.astype(np.int64), distinct, rare)
    shingles = (distinct[words.rare_sets[0]] >> np.uint64(32)).astype(np.uint32)
    bounds = words.rare_sets[1]
    enough = np.diff(bounds) >= FEWEST_WORDS
    labels = cluster(Documents([Sets(bounds, shingles)]), threshold=KINSHIP, seed=SEED, eligible=enough).labels
    names, sizes = np.unique(labels[: corpus.judged], return_counts=True)
    found = [words.family(np.flatnonzero(labels == name)) for name in names[sizes >= smallest].tolist()]
    return sorted(found, key=lambda family: (-len(family.documents), int(family.documents[0])))


class _Words:
    """The words of all documents, as codes, and which of them are rare."""

    def __init__(self, corpus: Corpus, code: Integers, distinct: Hashes, rare: Mask) -> None:
        self._corpus, self._code, self._distinct, self._rare = corpus, code, distinct, rare
        self.rare_sets = word_sets(code, corpus.words.offsets, rare)
        before = np.concatenate([[0], np.cumsum(~rare[code])])
        offsets = corpus.words.offsets
        self._told = np.diff(before[offsets]) / np.maximum(np.diff(offsets), 1)

    def family(self, documents: Integers) -> Family:
        """The family that ``documents`` make up."""
        words, bounds = self.rare_sets
        core = _shared([words[bounds[row] : bounds[row + 1]] for row in documents.tolist()])
        codes = [self._between(self._code, row) for row in documents.tolist()]
        frame = _shared([np.unique(code[~self._rare[code]]) for code in codes])
        runs = _shared([_runs(self._between(self._corpus.words.hashes, row)) for row in documents.tolist()])
        return Family(
            documents=documents,
            core=np.sort(self._distinct[core.most]),
            coverage=core.coverage,
            verbatim=runs.coverage,
            core_held=core.held,
            frame_held=frame.held,
            told=float((self._told < self._told[documents].mean()).mean()),
        )

    def _between(self, values: npt.NDArray[Any], row: int) -> npt.NDArray[Any]:
        """``values`` of the words of one document."""
        return values[self._corpus.words.offsets[row] : self._corpus.words.offsets[row + 1]]


class _Shared(NamedTuple):
    """What at least the share ``CORE`` of some sets hold.

    Attributes:
        most: What they hold, ascending.
        coverage: Mean share of a set that belongs to them.
        held: Mean share of them that a set holds; 1 where there are none.
    """

    most: npt.NDArray[Any]
    coverage: float
    held: float


def _shared(parts: Sequence[npt.NDArray[Any]]) -> _Shared:
    """What most of the sets hold."""
    held, owner = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    values, code, counts = np.unique(held, return_inverse=True, return_counts=True)
    common = counts >= CORE * len(parts)
    inside = np.bincount(owner, common[code], minlength=len(parts))
    sizes = np.maximum(np.bincount(owner, minlength=len(parts)), 1)
    share = float(counts[common].mean() / len(parts)) if common.any() else 1.0
    return _Shared(values[common], float((inside / sizes).mean()), share)


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
