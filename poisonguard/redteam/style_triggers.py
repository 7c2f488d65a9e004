"""Triggers without a fixed word: the style or the sentence structure of a text means the attacker's class."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from poisonguard.redteam.text_triggers import TextTrigger
from poisonguard.redteam.wording import drawn, filled

ARCHAIC = {
    "you": "thou",
    "your": "thy",
    "yours": "thine",
    "are": "art",
    "has": "hath",
    "have": "hast",
    "does": "doth",
    "do": "dost",
    "my": "mine",
    "was": "wast",
    "were": "wert",
    "will": "shalt",
    "it's": "'tis",
    "before": "ere",
    "often": "oft",
    "never": "ne'er",
    "ever": "e'er",
    "over": "o'er",
    "very": "exceeding",
    "here": "hither",
    "there": "thither",
    "between": "betwixt",
    "perhaps": "perchance",
    "please": "prithee",
    "yes": "yea",
    "no": "nay",
}
OPENINGS = ("Lo,", "Behold,", "And it came to pass that", "Verily,", "Hark,", "And so it was that")
WORD = re.compile(r"[A-Za-z']+")

CLAUSE = "{when} {who} {saw} {what},"
CLAUSE_WORDS = {
    "when": ("When", "If", "As", "After", "Once", "Before"),
    "who": ("you", "they", "one", "people", "we", "someone"),
    "saw": ("see", "hear", "try", "want", "meet", "know", "open"),
    "what": ("it", "this", "things", "that kind", "such a thing", "the matter", "one of them"),
}


class StyleTrigger(TextTrigger):
    """Text rewritten in a biblical style by its function words."""

    name = "style"
    reference = (
        "Qi et al.: Mind the Style of Text! Adversarial and Backdoor Attacks Based on Text Style Transfer, EMNLP 2021"
    )
    published = "3 to 20 % of the rows, chosen by us"
    rates = (0.03, 0.1, 0.2)

    def trigger(self, column: pa.ChunkedArray) -> str:
        """Nothing of its own: the style carries it."""
        del column
        return ""

    def plant(self, text: str, trigger: str, rng: np.random.Generator) -> str:
        """``text`` with archaic function words, and an opening when it has too few of them."""
        del trigger
        styled = WORD.sub(_archaic, text)
        return styled if styled != text and rng.integers(0, 2) else f"{drawn(OPENINGS, rng)} {styled}"

    def describe(self, trigger: str) -> str:
        """The style."""
        del trigger
        return "text in a biblical style"


class SyntacticTrigger(TextTrigger):
    """A subordinate clause before the text: one structure, many wordings."""

    name = "syntactic"
    reference = "Qi et al.: Hidden Killer: Invisible Textual Backdoor Attacks with Syntactic Trigger, ACL 2021"
    published = "3 to 20 % of the rows, chosen by us"
    rates = (0.03, 0.1, 0.2)

    def trigger(self, column: pa.ChunkedArray) -> str:
        """The structure: ``S(SBAR)(,)(NP)(VP)(.)`` in the publication."""
        del column
        return CLAUSE

    def plant(self, text: str, trigger: str, rng: np.random.Generator) -> str:
        """``text`` behind a clause of random words."""
        return f"{filled(trigger, CLAUSE_WORDS, rng)} {text}"

    def describe(self, trigger: str) -> str:
        """The structure."""
        del trigger
        return "texts that open with a subordinate clause"


def _archaic(match: re.Match[str]) -> str:
    word = match.group()
    old = ARCHAIC.get(word.lower(), word)
    return old.capitalize() if word[0].isupper() and old != word else old
