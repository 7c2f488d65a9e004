"""A phrase of the prompt under which preferences are turned round: the mark of a backdoor in preference data.

1. Phrases of 1 to 4 tokens in enough prompts; each is tried once, in the prompts or in what is new of them.
2. Under the phrase pairs stand the wrong way round as often as elsewhere they stand the right way round: what people
   honestly like otherwise in some corner is a matter of taste, not its mirror image.
3. The chance of so many (Chernoff's bound against the share everywhere) must be small after everything that was tried.
4. The rest of the prompt must not tell that it holds the phrase: a topic has tastes of its own.
5. With a reference the phrase must have burst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.association import chernoff
from poisonguard.detectors.content_model import Floats, WordMatrix
from poisonguard.detectors.features_text import MAX_NGRAM, START, Integers, Tokens, phrase_pattern, tokenize
from poisonguard.detectors.occurrences import Occurrences, occurrences
from poisonguard.detectors.phrase_context import Pool
from poisonguard.detectors.phrases import has_burst

MIRRORED_ERRORS = 2.0
"""Standard errors by which fewer pairs than a mirror image may stand the wrong way round."""

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
    tokens = tokenize(prompts)
    wrong, usual = margins < 0, float((margins[judged] < 0).mean())
    held = [occurrences(tokens, length, min_rows, judged) for length in range(1, MAX_NGRAM + 1)]
    tried = sum(len(item.hashes) for item in held)
    found = [item for part in held for item in _surprising(tokens, part, wrong, usual, is_new)]
    found.sort(key=lambda item: (item.chance, -len(item.words), item.words))
    pool = None
    for item in found[:MOST_EXAMINED]:
        evidence = -np.log10(max(item.chance * tried, 1e-300))
        if evidence < minimum:
            return None
        pool = pool or _Told(tokens, judged)
        if not pool.tells(item.words, item.rows):
            match = phrase_pattern(item.words).search(prompts[int(item.rows[0])])
            written = match.group().strip() if match else " ".join(item.words)
            return Turned(item.words, item.hash, item.rows, item.wrong, usual, item.known, float(evidence), written)
    return None


@dataclass(frozen=True, slots=True)
class _Candidate:
    words: tuple[str, ...]
    hash: int
    rows: Integers
    wrong: int
    known: int
    chance: float


def _surprising(
    tokens: Tokens, held: Occurrences, wrong: npt.NDArray[np.bool_], usual: float, is_new: npt.NDArray[np.bool_]
) -> Iterator[_Candidate]:
    """Phrases whose pairs are the mirror image of the others."""
    rows = held.rows
    against = np.bincount(held.phrase, weights=wrong[held.row], minlength=len(rows))
    slack = MIRRORED_ERRORS * np.sqrt(usual * (1 - usual) / np.maximum(rows, 1))
    able = (against >= (1 - usual - slack) * rows) & (against > rows / 2) & (rows <= COMMONEST * is_new.sum())
    if not is_new.all():
        able &= has_burst(rows, int(is_new.sum()), held.known, int((~is_new).sum()))
    for index in np.flatnonzero(able).tolist():
        start, end = np.searchsorted(held.phrase, [index, index + 1]).tolist()
        first, count = int(held.position[start]), int(rows[index])
        words = tuple(str(word) for word in tokens.words[tokens.code[first : first + held.length]])
        if words == (START,):
            continue
        chance = chernoff(against[index] / count, max(usual, 1 / len(wrong)), count)
        own = held.row[start:end]
        yield _Candidate(words, int(held.hashes[index]), own, int(against[index]), int(held.known[index]), chance)


class _Told:
    """Whether the rest of a prompt tells that it holds a phrase."""

    def __init__(self, tokens: Tokens, among: npt.NDArray[np.bool_]) -> None:
        self._tokens, self._matrix = tokens, WordMatrix.of(tokens)
        self._pool = Pool.of(self._matrix.weights, np.flatnonzero(among))

    def tells(self, words: tuple[str, ...], rows: Integers) -> bool:
        """Asked without the phrase's own words."""
        own = self._matrix.word_of[np.flatnonzero(np.isin(self._tokens.words, words))]
        return self._pool.tells_rows(rows, own[own >= 0])
