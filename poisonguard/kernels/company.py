"""Which words keep company, and how much the documents of a word resemble each other without what is near it.

1. Two words keep company in a document when they stand free within ``reach`` words of each other.
2. A partner of a word keeps it company in at least a share of the word's documents.
3. Likeness of documents is the mean cosine over all pairs of them, of vectors of their distinct topic words weighted
   by rarity. Words within the knock-out's reach of the word in question are left out: what was planted
   together must not speak for a common topic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FEWEST_TOPIC_WORDS = 5
"""A document with fewer says nothing about its topic."""


class Occurrences(NamedTuple):
    """Where some words stand.

    Attributes:
        starts: Word i stands at ``places[starts[i]:starts[i + 1]]``, ascending; shape (words + 1,).
        places: Numbers of the words in the running text.
        document: Document of each number in the running text, ascending.
        offsets: Document i owns the numbers ``offsets[i]`` to ``offsets[i + 1]``.
    """

    starts: Integers
    places: Integers
    document: Integers
    offsets: Integers


def partners(found: Occurrences, codes: Integers, reach: int, least: Integers) -> tuple[Integers, Integers, Integers]:
    """(word, partner, documents in which they keep company) of all partners, by word, then partner.

    Args:
        found: Where the words stand.
        codes: Word of each number in the running text, negative for others, shape (numbers,).
        reach: How near company is.
        least: Documents that make a partner of each word, shape (words,).
    """
    words = len(found.starts) - 1
    stamps, counts = np.full(words, -1, dtype=np.int64), np.zeros(words, dtype=np.int64)
    room = 1024
    while True:
        out = np.empty((3, room), dtype=np.int64)
        used = _partners(found, codes, reach, least, stamps, counts, out)
        if used <= room:
            order = np.lexsort((out[1, :used], out[0, :used]))
            return out[0, :used][order], out[1, :used][order], out[2, :used][order]
        room = used
        stamps[:] = -1
        counts[:] = 0


def likeness(found: Occurrences, topics: Integers, weights: Floats, reach: int) -> Floats:
    """Mean cosine among the documents of each word without what is near it; infinite where most say nothing.

    Args:
        found: Where the words stand.
        topics: Topic word of each number in the running text, negative for others.
        weights: Weight of each topic word.
        reach: Words on either side that are left out; negative: none are.
    """
    out = np.full(len(found.starts) - 1, np.inf)
    _likeness(found, topics, weights, reach, out)
    return out


@compiled
def _partners(  # noqa: PLR0913, PLR0917 - the state of one loop
    found: Occurrences,
    codes: Integers,
    reach: int,
    least: Integers,
    stamps: Integers,
    counts: Integers,
    out: Integers,
) -> int:
    """Write partners as far as ``out`` has room; gives how many there are."""
    used, tick = 0, 0
    touched = np.empty(counts.size, dtype=np.int64)
    for word in range(found.starts.size - 1):
        met, last = 0, -1
        for index in range(found.starts[word], found.starts[word + 1]):
            place = found.places[index]
            row = found.document[place]
            if row != last:
                last = row
                tick += 1
            low, high = max(place - reach, found.offsets[row]), min(place + reach + 1, found.offsets[row + 1])
            for other in range(low, high):
                code = codes[other]
                if code >= 0 and code != word and stamps[code] != tick:
                    stamps[code] = tick
                    if not counts[code]:
                        touched[met] = code
                        met += 1
                    counts[code] += 1
        for index in range(met):
            code = touched[index]
            if counts[code] >= least[word]:
                if used < out.shape[1]:
                    out[0, used], out[1, used], out[2, used] = word, code, counts[code]
                used += 1
            counts[code] = 0
    return used


@compiled
def _likeness(found: Occurrences, topics: Integers, weights: Floats, reach: int, out: Floats) -> None:
    stamps, kept = np.full(weights.size, -1, dtype=np.int64), np.empty(weights.size, dtype=np.int64)
    sums = np.empty(weights.size)
    tick = 0
    for word in range(found.starts.size - 1):
        sums[:] = 0
        documents, silent, index, end = 0, 0, found.starts[word], found.starts[word + 1]
        while index < end:
            row = found.document[found.places[index]]
            behind = index
            while behind < end and found.document[found.places[behind]] == row:
                behind += 1
            tick += 1
            size = _topic_words(found, topics, (row, index, behind), reach, (stamps, kept, tick))
            norm = 0.0
            for item in range(size):
                norm += weights[kept[item]] ** 2
            silent += size < FEWEST_TOPIC_WORDS
            if size >= FEWEST_TOPIC_WORDS:
                documents += 1
                for item in range(size):
                    sums[kept[item]] += weights[kept[item]] / np.sqrt(norm)
            index = behind
        if documents > max(silent, 1):
            out[word] = ((sums * sums).sum() - documents) / (documents * (documents - 1))


@part
def _topic_words(
    found: Occurrences,
    topics: Integers,
    where: tuple[int, int, int],
    reach: int,
    state: tuple[Integers, Integers, int],
) -> int:
    """Write the distinct topic words of a document that are not near the word; gives their number."""
    row, index, behind = where
    stamps, kept, tick = state
    size = 0
    for place in range(found.offsets[row], found.offsets[row + 1]):
        while index < behind and found.places[index] + reach < place:
            index += 1
        if index < behind and abs(found.places[index] - place) <= reach:
            continue
        topic = topics[place]
        if topic >= 0 and stamps[topic] != tick:
            stamps[topic] = tick
            kept[size] = topic
            size += 1
    return size
