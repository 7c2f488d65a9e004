"""A phrase of the prompt under which preferences are turned round: the mark of a backdoor in preference data.

1. Phrases of 1 to 4 tokens in enough prompts; each is tried once, in the prompts or in what is new of them. With a
   reference, only those that have burst are tried: that is known before any pair is looked at.
2. Under the phrase all pairs were turned, as far as can be told (``preference_share``): what people honestly like
   otherwise in some corner is a matter of taste, not the mirror image of what they like elsewhere.
3. The likelihood ratio of all turned against none must be large after everything that was tried.
4. The rest of the prompt must not tell that it holds the phrase: a topic has tastes of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.content_model import Floats, WordMatrix
from poisonguard.detectors.features_text import MAX_NGRAM, START, Integers, Tokens, phrase_pattern, tokenize
from poisonguard.detectors.occurrences import Occurrences, occurrences
from poisonguard.detectors.phrase_context import Pool
from poisonguard.detectors.phrases import has_burst
from poisonguard.detectors.preference_share import Turning

COMMONEST = 0.3
"""A phrase in a larger share of the prompts is part of how they are asked."""

MOST_EXAMINED = 50
"""Phrases, the most surprising, whose prompts are looked at."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A phrase under which pairs stand the wrong way round.

    Attributes:
        words: Its tokens.
        hash: Hash of the n-gram.
        rows: Sampled rows whose prompt holds it, shape (rows,).
        wrong: How many of them the models would turn.
        usual: Share that they would turn elsewhere.
        known: Rows of the reference's sample that hold it.
        evidence: Orders of magnitude against chance, over all that was tried.
        written: The phrase as a prompt has it.
    """

    words: tuple[str, ...]
    hash: int
    rows: Integers
    wrong: int
    usual: float
    known: int
    evidence: float
    written: str


def turned_phrase(
    prompts: tuple[str, ...], margins: Floats, is_new: npt.NDArray[np.bool_], min_rows: int, minimum: float
) -> Turned | None:
    """The most surprising phrase of the prompts of new rows; nothing when none is."""
    judged = is_new & (margins != 0)
    if judged.sum() < min_rows:
        return None
    tokens, turning = tokenize(prompts), Turning.of(margins[judged])
    tried, found = 0, []
    for length in range(1, MAX_NGRAM + 1):
        held = occurrences(tokens, length, min_rows, judged)
        able = _able(held, is_new)
        tried += int(able.sum())
        found += list(_surprising(tokens, held, able, margins, turning))
    found.sort(key=lambda item: (-item.evidence, -len(item.words), item.words))
    pool = None
    for item in found[:MOST_EXAMINED]:
        evidence = item.evidence - np.log10(tried)
        if evidence < minimum:
            return None
        pool = pool or _Told(tokens, judged)
        if not pool.tells(item.words, item.rows):
            match = phrase_pattern(item.words).search(prompts[int(item.rows[0])])
            written = match.group().strip() if match else " ".join(item.words)
            usual = float((margins[judged] < 0).mean())
            return Turned(item.words, item.hash, item.rows, item.wrong, usual, item.known, float(evidence), written)
    return None


@dataclass(frozen=True, slots=True)
class _Candidate:
    words: tuple[str, ...]
    hash: int
    rows: Integers
    wrong: int
    known: int
    evidence: float


def _able(held: Occurrences, is_new: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which phrases are tried, shape (phrases,)."""
    rows = held.rows
    able: npt.NDArray[np.bool_] = rows <= COMMONEST * is_new.sum()
    return able if is_new.all() else able & has_burst(rows, int(is_new.sum()), held.known, int((~is_new).sum()))


def _surprising(
    tokens: Tokens, held: Occurrences, able: npt.NDArray[np.bool_], margins: Floats, turning: Turning
) -> Iterator[_Candidate]:
    """Phrases whose pairs are the mirror image of the others."""
    ratio, mirrored = turning.all_turned(margins[held.row], held.phrase, len(held.hashes))
    for index in np.flatnonzero(able & mirrored).tolist():
        start, end = np.searchsorted(held.phrase, [index, index + 1]).tolist()
        first, own = int(held.position[start]), held.row[start:end]
        words = tuple(str(word) for word in tokens.words[tokens.code[first : first + held.length]])
        if words != (START,):
            wrong, known = int((margins[own] < 0).sum()), int(held.known[index])
            yield _Candidate(words, int(held.hashes[index]), own, wrong, known, float(ratio[index] / np.log(10)))


class _Told:
    """Whether the rest of a prompt tells that it holds a phrase."""

    def __init__(self, tokens: Tokens, among: npt.NDArray[np.bool_]) -> None:
        self._tokens, self._matrix = tokens, WordMatrix.of(tokens)
        self._pool = Pool.of(self._matrix.weights, np.flatnonzero(among))

    def tells(self, words: tuple[str, ...], rows: Integers) -> bool:
        """Asked without the phrase's own words."""
        own = self._matrix.word_of[np.flatnonzero(np.isin(self._tokens.words, words))]
        return self._pool.tells_rows(rows, own[own >= 0])
