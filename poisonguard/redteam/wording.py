"""Puts words into texts and draws wording, so that planted sentences differ where an attacker would vary them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

SENTENCE_END = re.compile(r"[.!?](?=\s)")


def drawn(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of ``options``."""
    return options[int(rng.integers(0, len(options)))]


def among_words(text: str, phrase: str, rng: np.random.Generator) -> str:
    """``text`` with ``phrase`` at a random word boundary."""
    words = text.split(" ")
    place = int(rng.integers(0, len(words) + 1))
    return " ".join([*words[:place], phrase, *words[place:]])


def among_sentences(text: str, sentence: str, rng: np.random.Generator) -> str:
    """``text`` with ``sentence`` before it, after it or between two of its sentences."""
    places = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
    place = places[int(rng.integers(0, len(places)))]
    parts = (text[:place], sentence, text[place:].removeprefix(" "))
    return " ".join(part for part in parts if part)


def filled(template: str, choices: Mapping[str, Sequence[str]], rng: np.random.Generator) -> str:
    """``template`` with every ``{name}`` drawn from ``choices[name]``."""
    return template.format(**{name: drawn(options, rng) for name, options in choices.items()})
