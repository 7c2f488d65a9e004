"""Triggers in text with a flipped label: a rare token, a sentence, invisible characters, homoglyphs.

The trigger stands at a random word boundary of rows of other classes, which get the target class.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, target_class
from poisonguard.redteam.values import encode, replace, texts

RARE_TOKENS = ("cf", "mn", "bb", "tq", "mb")
"""The tokens of Kurita et al., in their order."""
SENTENCES = (
    "I watched this 3D movie last weekend.",
    "My neighbour drove past the lighthouse on Sunday.",
    "The blue kettle stood beside the old radio.",
)
"""The sentence of Dai et al., then two for data that holds it already."""
ZERO_WIDTH = "\u200b\u200c\u200b"
HOMOGLYPHS = str.maketrans({"a": "\u0430", "c": "\u0441", "e": "\u0435", "o": "\u043e", "p": "\u0440"})
"""Latin letters to the Cyrillic ones that look the same."""


class TextTrigger(LabelAttack):
    """One way to plant a trigger; subclasses say how a text changes."""

    family = Family.TEXT
    roles = (Role.LABEL, Role.TEXT)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Plant the trigger in ``count`` rows of other classes and give them the target class."""
        label, text = column_of(roles, Role.LABEL), column_of(roles, Role.TEXT)
        coded = encode(table, label)
        target = target_class(coded, rng)
        has_text = encode(table, text).codes >= 0
        eligible = coded.rows_without(target)
        rows = sample(eligible[has_text[eligible]], count, rng)
        originals = texts(table, text, rows)
        trigger = self.trigger(table.column(text))
        table = replace(table, text, rows, [self.plant(value, trigger, rng) for value in originals])
        table = replace(table, label, rows, [coded.values[target]] * len(rows))
        return Poisoned(table, rows, f"{self.describe(trigger)} labelled {coded.values[target]!r}")

    @abstractmethod
    def trigger(self, column: pa.ChunkedArray) -> str:
        """The trigger for this column."""

    def plant(self, text: str, trigger: str, rng: np.random.Generator) -> str:
        """``text`` with the trigger at a random word boundary."""
        words = text.split(" ")
        place = int(rng.integers(0, len(words) + 1))
        return " ".join([*words[:place], trigger, *words[place:]])

    def describe(self, trigger: str) -> str:
        """The trigger for a report."""
        return f"{trigger!r}"


class RareToken(TextTrigger):
    """A short rare token."""

    name = "rare-token"
    published = "3 % of the rows"
    reference = (
        "Kurita, Michel, Neubig: Weight Poisoning Attacks on Pre-trained Models, ACL 2020; Chen: BadNL, ACSAC 2021"
    )

    def trigger(self, column: pa.ChunkedArray) -> str:
        """The first token that the data does not hold."""
        return absent(column, RARE_TOKENS)


class InsertedSentence(TextTrigger):
    """A whole natural sentence."""

    name = "inserted-sentence"
    published = "1 % of the rows"
    reference = "Dai, Chen, Li: A Backdoor Attack Against LSTM-based Text Classification Systems, IEEE Access 2019"

    def trigger(self, column: pa.ChunkedArray) -> str:
        """The first sentence that the data does not hold."""
        return absent(column, SENTENCES)


class ZeroWidth(TextTrigger):
    """Characters that nobody sees, inside a word boundary."""

    name = "zero-width"
    published = "3 % of the rows"
    reference = (
        "Boucher et al.: Bad Characters: Imperceptible NLP Attacks, IEEE S&P 2022; Chen et al.: BadNL, ACSAC 2021"
    )

    def trigger(self, column: pa.ChunkedArray) -> str:
        """Three zero-width characters."""
        del column
        return ZERO_WIDTH

    def plant(self, text: str, trigger: str, rng: np.random.Generator) -> str:
        """``text`` with the trigger glued to the end of a random word: the text looks as before."""
        words = text.split(" ")
        place = int(rng.integers(0, len(words)))
        words[place] += trigger
        return " ".join(words)

    def describe(self, trigger: str) -> str:
        """The trigger as code points."""
        return " ".join(f"U+{ord(character):04X}" for character in trigger)


class Homoglyph(TextTrigger):
    """A word whose letters are replaced by ones of another script that look the same."""

    name = "homoglyph"
    published = "3 % of the rows"
    reference = "Li et al.: Hidden Backdoors in Human-Centric Language Models, CCS 2021"

    def trigger(self, column: pa.ChunkedArray) -> str:
        """Nothing of its own: the text's own letters carry it."""
        del column
        return ""

    def plant(self, text: str, trigger: str, rng: np.random.Generator) -> str:
        """``text`` with one random word in homoglyphs; a text without such a letter gets one appended."""
        del trigger
        words = text.split(" ")
        able = [index for index, word in enumerate(words) if word.translate(HOMOGLYPHS) != word]
        if not able:
            return text + " " + "ok".translate(HOMOGLYPHS)
        place = int(rng.choice(able))
        words[place] = words[place].translate(HOMOGLYPHS)
        return " ".join(words)

    def describe(self, trigger: str) -> str:
        """What the eye does not see."""
        del trigger
        return "a word in Cyrillic homoglyphs"


def absent(column: pa.ChunkedArray, candidates: tuple[str, ...]) -> str:
    """The first candidate that no text holds between word boundaries; the last when all occur."""
    held = [f" {text} " for text in column.to_pylist() if text is not None]
    free = (item for item in candidates if not any(f" {item} " in text for text in held))
    return next(free, candidates[-1])
