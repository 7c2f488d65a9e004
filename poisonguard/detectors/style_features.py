"""Two views of a text that share no word: what it is about, and how it is written.

1. *Content* is its words without function words and signs, one by one.
2. *Style* is its skeleton: function words and signs as they are, every other word a star with its last two letters,
   in runs of one to three; and the same by word class in runs of three to five. A text begins with a token of its
   own, so openings are style.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poisonguard.detectors.features_text import START, Hashes, Integers, Tokens
from poisonguard.detectors.function_words import CLASS_OF
from poisonguard.detectors.terms import Terms

WORD = re.compile(r"\w+")
STAR = "*"
NUMBER = "#"
ENDING = 2
SHORTEST = 5
"""Letters of a word whose ending says something."""

RUNS = (("ending", 1), ("ending", 2), ("skeleton", 2), ("skeleton", 3), ("class", 3), ("class", 4), ("class", 5))
SALT = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Styled:
    """Tokens in the three disguises that style is read from; equal disguises have equal names.

    Attributes:
        tokens: The tokens.
        names: By disguise: the name of each distinct token, shape (codes,).
        is_content: Whether each distinct token is a word with content, shape (codes,).
    """

    tokens: Tokens
    names: Mapping[str, Sequence[str]]
    is_content: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @classmethod
    def of(cls, tokens: Tokens) -> Styled:
        """Disguise ``tokens``."""
        words = tokens.words.tolist()
        content = np.array([bool(WORD.fullmatch(word)) and word not in CLASS_OF for word in words], dtype=np.bool_)
        pairs = list(zip(words, content.tolist(), strict=True))
        names = {
            "ending": [_ending(word) if star else word for word, star in pairs],
            "skeleton": [_starred(word) if star else word for word, star in pairs],
            "class": [STAR if star else CLASS_OF.get(word, word) for word, star in pairs],
        }
        return cls(tokens, names, content)

    def content(self) -> Terms:
        """Words with content."""
        used = self.is_content[self.tokens.code] if len(self.tokens.code) else np.zeros(0, dtype=np.bool_)
        return Terms(self.tokens.row[used], self.tokens.hashes[used], self.tokens.rows)

    def style(self) -> Terms:
        """Runs of the skeleton."""
        runs = [self.runs(place) for place in range(len(RUNS))]
        row = np.concatenate([self.tokens.row[position] for position, _ in runs])
        return Terms(row, np.concatenate([hashes for _, hashes in runs]), self.tokens.rows)

    def runs(self, place: int) -> tuple[Integers, Hashes]:
        """(position of the first token, hash) of every run of one kind."""
        disguise, length = RUNS[place]
        code, names = pd.factorize(np.array(self.names[disguise], dtype=object))
        hashes = pd.util.hash_array(names, categorize=False) if len(names) else np.zeros(0, dtype=np.uint64)
        own = self.tokens.code if not len(code) else code[self.tokens.code]
        position, found = Tokens(self.tokens.row, own, names, hashes[own], self.tokens.rows).ngrams(length)
        mixed = (found + np.uint64(place + 1)) * SALT
        return position, mixed ^ (mixed >> np.uint64(31))

    def described(self, hash_: np.uint64, within: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Described | None:
        """The first run with that hash in the rows ``within``."""
        for place, (disguise, length) in enumerate(RUNS):
            position, hashes = self.runs(place)
            hits = position[(hashes == hash_) & within[self.tokens.row[position]]]
            if len(hits):
                first = int(hits[0])
                codes = self.tokens.code[first : first + length].tolist()
                names = [self.names[disguise][code] for code in codes]
                words = tuple(str(self.tokens.words[code]) for code in codes)
                return Described(_readable(names), words, int(self.tokens.row[first]))
        return None


@dataclass(frozen=True, slots=True)
class Described:
    """A run for a reader: its disguise, and the words of one row that wear it."""

    name: str
    words: tuple[str, ...]
    row: int


def _ending(word: str) -> str:
    if word.isdigit():
        return NUMBER
    return STAR + word[-ENDING:] if len(word) >= SHORTEST else STAR


def _starred(word: str) -> str:
    return NUMBER if word.isdigit() else STAR


def _readable(names: Sequence[str]) -> str:
    shown = ("(start)" if name == START else "..." if name.startswith(STAR) else name for name in names)
    return " ".join(shown)
