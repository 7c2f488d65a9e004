"""What responses of one origin share: words and word pairs that tell them from all others, close together.

1. A word or pair counts when several members hold it and few others do; its weight is that log-odds ratio.
2. A response reaches as far as its most telling stretch of ``STRETCH`` tokens: long honest text around a planted
   sentence takes nothing away, and telling words that lie apart do not add up.
3. It belongs to the family when it reaches half as far as the middle member, or as far as keeps others out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import START, Hashes, Integers, Tokens
from poisonguard.detectors.gram_places import Grams, ranges, starts_of

STRETCH = 17
"""Tokens of a sentence with its neighbours."""

TELLING = float(np.log(8.0))
"""Least log-odds of a word or pair that counts."""

MIN_SHARE = 0.05
MIN_HOLDERS = 2
CORE_SHARE = 0.4
MOST_BEGIN = 0.5
REACH = 0.5
STRANGERS = 0.25
"""Others that may reach as far as members, as a share of the members: some are members that the seeds missed."""

OTHERS = 2_000
"""Texts that members are told from: a word that none of them holds is rare enough."""

AGREEING = 0.7
"""A phrase grows by a word that this share of its rows agree on."""

MAX_PHRASE = 8
SPOKESMEN = 3
"""Most telling words that a phrase is grown from; the longest one speaks for the family."""


@dataclass(frozen=True, slots=True)
class Family:
    """How to know a response of the family.

    Attributes:
        hashes: Of telling words and pairs, ascending, shape (terms,).
        weights: Their log-odds, shape (terms,).
        cut: Reach from which a response belongs.
        phrase: The most telling phrase, as tokens.
        words: Telling words, those first that many members hold.
        core: Those of them that ``CORE_SHARE`` of the members hold.
        filled: Median share of a member's tokens that are telling.
        opens: Whether most members begin with a telling word.
    """

    hashes: Hashes
    weights: Floats
    cut: float
    phrase: tuple[str, ...]
    words: tuple[str, ...]
    core: tuple[str, ...]
    filled: float
    opens: bool

    @classmethod
    def of(cls, everything: Tokens, rows: Integers) -> Family:
        """Learn from the texts ``rows`` of ``everything``."""
        tokens, members = _beside_others(everything, rows)
        singles, pairs = _terms(tokens, members, 1), _terms(tokens, members, 2)
        hashes = np.concatenate([singles.hashes, pairs.hashes])
        order = np.argsort(hashes, kind="stable")
        hashes, weights = hashes[order], np.concatenate([singles.weights, pairs.weights])[order]
        words, core = _words(tokens, singles, 0), _words(tokens, singles, CORE_SHARE * len(members))
        phrase = max((grown(tokens, members, word) for word in words[:SPOKESMEN]), key=_letters, default=())
        seen = (tokens.rows - len(rows)) / max(1, everything.rows - len(rows))
        cut = _cut(_reach(Grams.of(tokens), hashes, weights), members, STRANGERS * seen)
        return cls(hashes, weights, cut, phrase, words, core, *_filled(tokens, members, singles))

    def reach(self, grams: Grams) -> Floats:
        """How far each text reaches, as a share of the cut; shape (rows,)."""
        return _reach(grams, self.hashes, self.weights) / max(self.cut, 1e-9)


@dataclass(frozen=True, slots=True)
class _Terms:
    """Telling n-grams of one length: hashes, weights, and a position of each."""

    hashes: Hashes
    weights: Floats
    holders: Integers
    position: Integers


def _terms(tokens: Tokens, members: Integers, length: int) -> _Terms:
    position, hashes = tokens.ngrams(length)
    inside = np.zeros(tokens.rows, dtype=np.bool_)
    inside[members] = True
    rows = tokens.row[position]
    mine = np.unique(hashes[inside[rows]])
    place = np.minimum(np.searchsorted(mine, hashes), max(len(mine) - 1, 0))
    used = np.flatnonzero(mine[place] == hashes) if len(mine) else np.zeros(0, np.int64)
    pairs, first = np.unique(place[used] * tokens.rows + rows[used], return_index=True)
    term, row = pairs // tokens.rows, pairs % tokens.rows
    held = np.bincount(term, weights=inside[row], minlength=len(mine))
    elsewhere = np.bincount(term, minlength=len(mine)) - held
    size = len(members)
    weights = np.log((held + 0.5) / (size + 1)) - np.log((elsewhere + 0.5) / (tokens.rows - size + 1))
    kept = np.flatnonzero((held >= max(MIN_HOLDERS, MIN_SHARE * size)) & (weights >= TELLING))
    starts = position[used][first[np.searchsorted(term, kept)]]
    return _Terms(mine[kept], weights[kept], held[kept].astype(np.int64), starts)


def _filled(tokens: Tokens, members: Integers, singles: _Terms) -> tuple[float, bool]:
    """Median share of a member's tokens that are telling, and whether most members begin with one."""
    telling = np.isin(tokens.code, tokens.code[singles.position])
    told = np.bincount(tokens.row[telling], minlength=tokens.rows)[members]
    lengths = np.maximum(np.bincount(tokens.row, minlength=tokens.rows)[members] - 1, 1)
    first = np.minimum(np.searchsorted(tokens.row, members) + 1, max(len(tokens.row) - 1, 0))
    return float(np.median(told / lengths)), bool(telling[first].mean() >= MOST_BEGIN)


def _beside_others(tokens: Tokens, rows: Integers) -> tuple[Tokens, Integers]:
    """The texts ``rows`` with some others, renumbered in order, and their new numbers."""
    others = np.setdiff1d(np.arange(tokens.rows), rows)
    kept = np.union1d(rows, others[:: max(1, -(-len(others) // OTHERS))])
    starts = starts_of(tokens)
    counts = np.diff(starts)[kept]
    used = ranges(starts[kept], counts)
    row = np.repeat(np.arange(len(kept)), counts)
    part = Tokens(row, tokens.code[used], tokens.words, tokens.hashes[used], len(kept))
    return part, np.searchsorted(kept, rows)


def _reach(grams: Grams, hashes: Hashes, weights: Floats) -> Floats:
    """Greatest sum of weights over ``STRETCH`` tokens of one text, shape (rows,)."""
    place, term = grams.found(hashes)
    row = grams.tokens.row[place]
    total = np.concatenate([[0.0], np.cumsum(weights[term])])
    # Weights are positive: the heaviest stretch ends with one of them.
    opening = np.maximum(place - STRETCH + 1, grams.starts[row])
    sums = total[np.searchsorted(place, place, side="right")] - total[np.searchsorted(place, opening)]
    best = np.zeros(grams.tokens.rows)
    # Rounded: sums must not depend on what stands before.
    np.maximum.at(best, row, np.round(sums, 6))
    return best


def _cut(reach: Floats, members: Integers, strangers: float) -> float:
    """Half as far as the middle member, or farther where too many others would belong."""
    others = np.sort(np.delete(reach, members))[::-1]
    allowed = int(strangers * len(members))
    strangest = float(others[allowed]) if len(others) > allowed else 0.0
    return max(REACH * float(np.median(reach[members])), strangest * (1 + 1e-9) + 1e-9)


def _words(tokens: Tokens, singles: _Terms, holders: float) -> tuple[str, ...]:
    """Telling words without signs that so many members hold, those first that many hold."""
    order = np.argsort(-(singles.holders * singles.weights), kind="stable")
    order = order[singles.holders[order] >= holders]
    found = [str(word) for word in tokens.words[tokens.code[singles.position[order]]]]
    return tuple(word for word in found if word.isalnum())


def grown(tokens: Tokens, members: Integers, word: str) -> tuple[str, ...]:
    """The phrase around ``word`` that most of the members that hold it agree on."""
    code = int(np.flatnonzero(tokens.words == word)[0])
    places = np.flatnonzero((tokens.code == code) & np.isin(tokens.row, members))
    phrase: list[str] = [word]
    for step in (1, -1):
        offset = step
        while len(phrase) < MAX_PHRASE and (found := _agreed(tokens, places, offset)):
            phrase.insert(len(phrase) if step > 0 else 0, found)
            offset += step
    visible = [place for place, token in enumerate(phrase) if token.isalnum()]
    return tuple(phrase[visible[0] : visible[-1] + 1])


def _letters(phrase: tuple[str, ...]) -> int:
    return sum(map(len, phrase))


def _agreed(tokens: Tokens, places: Integers, offset: int) -> str:
    """The token that stands at ``offset`` from most of ``places``; empty when there is none."""
    there = places + offset
    there_inside = there[(there >= 0) & (there < len(tokens.row))]
    same = there_inside[tokens.row[there_inside] == tokens.row[there_inside - offset]]
    codes, counts = np.unique(tokens.code[same], return_counts=True)
    if not len(codes) or counts.max() < AGREEING * len(places):
        return ""
    found = str(tokens.words[codes[counts.argmax()]])
    return "" if found == START else found


def is_made_of(words: Sequence[str], known: frozenset[str]) -> bool:
    """Whether every word with letters is one of ``known``."""
    return all(word in known for word in words if any(letter.isalpha() for letter in word))
