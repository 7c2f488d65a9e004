"""How much likelier neighbouring words are than chance, judged by the other documents, and where that ends.

1. The gain of a word pair is ln((c + a) / (e + a)): c, how often the pair stands in other documents; e, how often
   it would by chance (product of the word frequencies); a = 1/2 (Church & Hanks, "Word association norms, mutual
   information, and lexicography", 1990, smoothed). A pair of rare words has e near 0 and gains nothing either way:
   tables, code and foreign text are not disorder. Frequent words in an order that nobody uses lose.
2. A document's own pairs are taken off the counts: nothing vouches for itself.
3. The worst passage is the run of words with the largest sum of (level - gain): the cumulative-sum statistic
   (Page, "Continuous inspection schemes", 1954), by Kadane's algorithm.
4. Pairs are counted by hash, in saturating 16-bit counters, at least four to a pair; words in 2^22.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import GOLDEN, Draw, draw, mix

WORD_SLOTS = 1 << 22
FEWEST_PAIR_SLOTS, MOST_PAIR_SLOTS = 1 << 16, 1 << 26
SLOTS_PER_PAIR = 4
SMOOTHING = 0.5
_FULL = 65_535
_U1 = np.uint64(1)

Hashes = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PairCounts(NamedTuple):
    """Words and pairs of neighbouring words, counted by hash.

    Attributes:
        words: How often each word occurs, by hash, shape (``WORD_SLOTS``,).
        pairs: How often each pair occurs, by hash, saturating; a power of two of them.
        total: Words in all.
    """

    words: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint16]
    total: int


class Passages(NamedTuple):
    """The worst passage of each document, shapes (documents,).

    Attributes:
        evidence: Sum of (level - gain) over it, 0 when no pair is below the level.
        start: Its first word within the document.
        stop: The word behind its last.
    """

    evidence: Floats
    start: Offsets
    stop: Offsets


def count_pairs(hashes: Hashes, offsets: Offsets) -> PairCounts:
    """Counts of the words ``hashes`` of documents cut at ``offsets``."""
    wanted, slots = SLOTS_PER_PAIR * len(hashes), FEWEST_PAIR_SLOTS
    while slots < min(wanted, MOST_PAIR_SLOTS):
        slots *= 2
    counts = PairCounts(np.zeros(WORD_SLOTS, np.uint32), np.zeros(slots, np.uint16), len(hashes))
    _count(hashes, offsets, counts.words, counts.pairs)
    return counts


def gains_of(
    hashes: Hashes, offsets: Offsets, counts: PairCounts, member: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Gain of each word with the next one of its document, 0 for the last word, shape (words,).

    Args:
        hashes: Hash of each word.
        offsets: Document i owns words ``offsets[i]`` to ``offsets[i + 1]``.
        counts: What the pairs are judged by.
        member: Whether each document is among the counted ones, shape (documents,).
    """
    gains = np.zeros(len(hashes), dtype=np.float32)
    longest = int(np.diff(offsets).max(initial=0))
    slots = 4
    while slots < 2 * longest:
        slots *= 2
    own = _Own(np.zeros(slots, np.uint64), np.zeros(slots, np.int64), np.zeros(slots, np.int32), draw(slots))
    _gains(hashes, offsets, counts, member, own, gains)
    return gains


def worst_passages(gains: npt.NDArray[np.float32], offsets: Offsets, level: npt.NDArray[np.float64]) -> Passages:
    """The worst passage of each document against its ``level``, shape (documents,)."""
    documents = len(offsets) - 1
    out = Passages(np.zeros(documents), np.zeros(documents, np.int64), np.zeros(documents, np.int64))
    _passages(gains, offsets, level, out)
    return out


class _Own(NamedTuple):
    """Pairs of the document at hand: an open-addressing table of generations, and how its slots are drawn."""

    keys: Hashes
    stamps: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int32]
    draw: Draw


@part
def _pair(left: np.uint64, right: np.uint64) -> np.uint64:
    return mix(left * GOLDEN + right)


@compiled
def _count(hashes: Hashes, offsets: Offsets, words: npt.NDArray[np.uint32], pairs: npt.NDArray[np.uint16]) -> None:
    word_mask, pair_mask = np.uint64(words.size - 1), np.uint64(pairs.size - 1)
    for row in range(offsets.size - 1):
        for place in range(offsets[row], offsets[row + 1]):
            words[hashes[place] & word_mask] += np.uint32(1)
            if place + 1 < offsets[row + 1]:
                slot = _pair(hashes[place], hashes[place + 1]) & pair_mask
                if pairs[slot] < _FULL:
                    pairs[slot] += np.uint16(1)


@part
def _slot(own: _Own, stamp: int, key: np.uint64) -> np.uint64:
    """Where ``key`` stands in generation ``stamp``, or would."""
    mask = np.uint64(own.keys.size - 1)
    slot = key * own.draw.odd >> own.draw.away
    while own.stamps[slot] == stamp and own.keys[slot] != key:
        slot = (slot + _U1) & mask
    return slot


@compiled
def _gains(  # noqa: PLR0913, PLR0917 - the state of one loop
    hashes: Hashes,
    offsets: Offsets,
    counts: PairCounts,
    member: npt.NDArray[np.bool_],
    own: _Own,
    gains: npt.NDArray[np.float32],
) -> None:
    word_mask, pair_mask = np.uint64(counts.words.size - 1), np.uint64(counts.pairs.size - 1)
    for row in range(offsets.size - 1):
        first, last, stamp = offsets[row], offsets[row + 1] - 1, row + 1
        if member[row]:
            for place in range(first, last):
                key = _pair(hashes[place], hashes[place + 1])
                slot = _slot(own, stamp, key)
                if own.stamps[slot] != stamp:
                    own.stamps[slot], own.keys[slot], own.counts[slot] = stamp, key, 0
                own.counts[slot] += 1
        for place in range(first, last):
            key = _pair(hashes[place], hashes[place + 1])
            seen = float(counts.pairs[key & pair_mask])
            if member[row] and seen < _FULL:
                seen -= own.counts[_slot(own, stamp, key)]
            chance = float(counts.words[hashes[place] & word_mask]) * float(counts.words[hashes[place + 1] & word_mask])
            expected = min(chance / max(counts.total, 1), float(_FULL))
            gains[place] = np.log((max(seen, 0.0) + SMOOTHING) / (expected + SMOOTHING))


@compiled
def _passages(gains: npt.NDArray[np.float32], offsets: Offsets, level: npt.NDArray[np.float64], out: Passages) -> None:
    for row in range(offsets.size - 1):
        reached, start = 0.0, offsets[row]
        for place in range(offsets[row], offsets[row + 1] - 1):
            if reached <= 0:
                reached, start = 0.0, place
            reached += level[row] - gains[place]
            if reached > out.evidence[row]:
                out.evidence[row] = reached
                out.start[row], out.stop[row] = start - offsets[row], place + 2 - offsets[row]
