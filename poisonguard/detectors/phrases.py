"""Phrases tied to one label by more than the rest of their rows explains: knock-out.

1. A candidate is an n-gram of 1 to 4 tokens in at least ``min_rows`` rows, nearly all of one label.
2. Its own words, and every word that comes along with it almost always, are taken out of the content model.
3. It stands out when what is left reads no more like the label than any row does, while the rows say
   otherwise: the chance of that (Chernoff's bound on a sum of independent rows) survives the false-discovery
   rate over all phrases tried.
4. Its rows must be unrelated: a shared topic explains a shared label.
5. It opposes when what is left speaks clearly against the label: rows of another class were relabelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, false_discovery_control

from poisonguard.detectors.content_model import ContentModel, Floats, WordMatrix
from poisonguard.detectors.features_text import MAX_NGRAM, START, Hashes, Integers, Tokens
from poisonguard.detectors.labels import Codes

MAX_CANDIDATES = 4_000
"""Candidates per label and length that are examined, strongest first."""

PURE_BEYOND = 0.01
"""A phrase purer than this chance allows is worth a look."""

COMPANION_SHARE = 0.8
"""A word in at least this share of a phrase's rows belongs to what was inserted ..."""

COMPANION_LIFT = 3.0
"""... if it is this many times rarer elsewhere."""

OPPOSING_RATIO = 0.8
"""What is left gives the label at most this share of its base rate (planted 0.4 to 0.6, natural 0.9 to 1.05) ..."""

OPPOSING_ERRORS = 2.0
"""... and lies this many standard errors below the base rate."""

MIN_REMAINING = 4.0
"""Fewer words than this say nothing: a text that is little else than the phrase is a title, not a carrier."""

MAX_INSERTED = 12
"""More words than this that always come along are a copied text, not an insertion."""

FIRST_LOOK = 3.0
"""Orders of magnitude that a phrase must reach without companions to be examined, where its rows agree."""

MAX_COHESION = 2.5
"""Rows that resemble each other this many times more than rows at large share a topic (natural: 3 to 40)."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes a phrase suspicious."""

    min_rows: int
    min_purity: float
    fdr: float
    agreeing: bool = False
    """Look for phrases whose rows agree with the label, but not as strongly as the label goes with the phrase."""

    @property
    def lengths(self) -> range:
        """Tokens per phrase; single words that agree with their label are what labels are about."""
        return range(2 if self.agreeing else 1, MAX_NGRAM + 1)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels of the texts, and the folds that keep copies together.

    Attributes:
        codes: Label of each text, shape (rows,).
        labels: How many labels there are.
        fold: Fold of each text, shape (rows,).
        folds: How many folds there are.
        among: Texts in which phrases are looked for, shape (rows,); all of them when there is none.
    """

    codes: Codes
    labels: int
    fold: Integers
    folds: int
    among: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Which rows hold which n-gram of one length.

    Attributes:
        length: Tokens per n-gram.
        hashes: Hash of each distinct n-gram, ascending, shape (phrases,).
        phrase: Index into ``hashes`` of each (phrase, row) pair, ascending, shape (pairs,).
        row: Row of each pair, shape (pairs,).
        position: Flat token position where the pair first occurs, shape (pairs,).
    """

    length: int
    hashes: Hashes
    phrase: Integers
    row: Integers
    position: Integers


def occurrences(tokens: Tokens, length: int, min_rows: int, among: npt.NDArray[np.bool_] | None = None) -> Occurrences:
    """The n-grams of ``length`` tokens that occur at least ``min_rows`` times, in all rows or in those ``among``."""
    position, hashes = tokens.ngrams(length)
    if among is not None:
        inside = among[tokens.row[position]]
        position, hashes = position[inside], hashes[inside]
    distinct, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    frequent = counts >= min_rows
    used = frequent[inverse]
    index = np.cumsum(frequent) - 1
    position, phrase = position[used], index[inverse[used]]
    pairs, first = np.unique(phrase * max(1, tokens.rows) + tokens.row[position], return_index=True)
    rows = max(1, tokens.rows)
    return Occurrences(length, distinct[frequent], pairs // rows, pairs % rows, position[first])


@dataclass(frozen=True, slots=True)
class Association:
    """A phrase tied to a label.

    Attributes:
        words: Its tokens.
        hash: Its hash, as in ``Occurrences``.
        label: Code of the label.
        rows: Sampled rows that hold it, ascending.
        matching: How many of them carry the label.
        expected: Mean probability of the label that the rest of their text gives.
        chance: Probability of seeing so many by the rest of the text alone (Chernoff bound).
        cohesion: How much more the rows resemble each other than rows at large do.
        base: Share of the label in all rows.
        spread: Standard error of ``expected``.
        remaining: Mean number of known words per row that are left after the knock-out.
        inserted: Words that were knocked out.
    """

    words: tuple[str, ...]
    hash: int
    label: int
    rows: Integers
    matching: int
    expected: float
    chance: float
    cohesion: float
    base: float
    spread: float
    remaining: float
    inserted: int = 0

    @property
    def evidence(self) -> float:
        """Orders of magnitude against chance."""
        return float(-np.log10(max(self.chance, 1e-300)))

    @property
    def unexplained(self) -> bool:
        """Whether there is a rest of the rows, and it reads no more like the label than any row, nor shares a topic."""
        return self._telling and self.expected <= self.base + self.spread

    @property
    def overdone(self) -> bool:
        """Whether the rest of unrelated rows agrees with the label, and something short was added to them."""
        return self._telling and self.expected > self.base + self.spread and self.inserted <= MAX_INSERTED

    @property
    def _telling(self) -> bool:
        return self.remaining >= MIN_REMAINING and self.cohesion <= MAX_COHESION

    @property
    def opposed(self) -> bool:
        """Whether the rest of the rows speaks clearly against the label."""
        return self.expected <= min(OPPOSING_RATIO * self.base, self.base - OPPOSING_ERRORS * self.spread)

    @property
    def purity(self) -> float:
        """Share of the rows that carry the label."""
        return self.matching / len(self.rows)


def associations(tokens: Tokens, given: Labelling, limits: Thresholds) -> list[Association]:
    """Phrases that the rest of their rows does not explain, most surprising first."""
    matrix = WordMatrix.of(tokens)
    held = [occurrences(tokens, length, limits.min_rows, given.among) for length in limits.lengths]
    tried = sum(len(item.hashes) for item in held) * given.labels
    found: list[Association] = []
    for label in range(given.labels):
        positive = given.codes == label
        pure = [_pure(item, positive, limits) for item in held]
        if any(len(chosen) for chosen in pure):
            model = ContentModel.fit(matrix, positive, given.fold, given.folds)
            for item, chosen in zip(held, pure, strict=True):
                found += _examine(tokens, item, chosen, model, label, agreeing=limits.agreeing)
    found.sort(key=lambda item: (item.chance, -len(item.words), item.words))
    kept = _survivors([item.chance for item in found], tried, limits.fdr)
    return [
        item
        for item, keep in zip(found, kept, strict=True)
        if keep and (item.overdone if limits.agreeing else item.unexplained)
    ]


def _survivors(chances: list[float], tried: int, fdr: float) -> npt.NDArray[np.bool_]:
    """Benjamini-Hochberg over everything tried; what was not examined counts as chance 1."""
    if not chances:
        return np.zeros(0, dtype=np.bool_)
    padded = np.ones(max(tried, len(chances)))
    padded[: len(chances)] = chances
    return np.asarray(false_discovery_control(padded)[: len(chances)] <= fdr)


def _pure(held: Occurrences, positive: npt.NDArray[np.bool_], limits: Thresholds) -> Integers:
    """Indices of the phrases that live in one label, beyond chance, strongest first."""
    size = len(held.hashes)
    rows = np.bincount(held.phrase, minlength=size)
    matching = np.bincount(held.phrase, weights=positive[held.row], minlength=size)
    eligible = np.flatnonzero((rows >= limits.min_rows) & (matching >= limits.min_purity * rows))
    chance = binom.sf(matching[eligible] - 1, rows[eligible], float(positive.mean()))
    order = np.argsort(chance, kind="stable")[:MAX_CANDIDATES]
    return np.asarray(np.sort(eligible[order[chance[order] < PURE_BEYOND]]), dtype=np.int64)


def _examine(  # noqa: PLR0913 - one look at phrases of one length needs all of them
    tokens: Tokens, held: Occurrences, chosen: Integers, model: ContentModel, label: int, *, agreeing: bool
) -> list[Association]:
    """Knock the candidates out and say what is left.

    A first look without companions drops most natural phrases.
    """
    used = np.isin(held.phrase, chosen)
    phrase, row, position = held.phrase[used], held.row[used], held.position[used]
    removed = np.zeros(len(row))
    for offset in range(held.length):
        removed += model.contribution(row, model.matrix.word_of[tokens.code[position + offset]])
    left = model.probability(row, removed)
    base = float(model.positive.mean())
    starts = np.searchsorted(phrase, chosen)
    ends = np.searchsorted(phrase, chosen, side="right")
    return [
        _association(
            Phrase(tokens.code[position[start] : position[start] + held.length], held.hashes[index]),
            row[start:end],
            model,
            tokens,
            label,
        )
        for index, start, end in zip(chosen.tolist(), starts.tolist(), ends.tolist(), strict=True)
        if _is_worth(left[start:end], model.positive[row[start:end]], base, agreeing=agreeing)
    ]


def _is_worth(left: Floats, positive: npt.NDArray[np.bool_], base: float, *, agreeing: bool) -> bool:
    """Whether a phrase that was knocked out without its companions deserves the whole look."""
    if not agreeing:
        return float(left.mean()) <= (1 + base) / 2
    chance = _chernoff(float(positive.mean()), float(left.mean()), len(left))
    return chance <= 10**-FIRST_LOOK


@dataclass(frozen=True, slots=True)
class Phrase:
    """Token codes of an n-gram, and its hash."""

    codes: Integers
    hash: np.uint64


def _association(phrase: Phrase, rows: Integers, model: ContentModel, tokens: Tokens, label: int) -> Association:
    """What is left of the rows when the phrase and its companions are knocked out."""
    words = _with_companions(model.matrix, rows, model.matrix.word_of[phrase.codes])
    rest = model.probability(rows, _contributions(model, rows, words))
    matching = int(model.positive[rows].sum())
    expected = float(rest.mean())
    return Association(
        words=tuple(str(word) for word in tokens.words[phrase.codes]),
        hash=int(phrase.hash),
        label=label,
        rows=rows,
        matching=matching,
        expected=expected,
        chance=_chernoff(matching / len(rows), expected, len(rows)),
        cohesion=model.matrix.cohesion(rows, words),
        base=float(model.positive.mean()),
        spread=float(rest.std()) / float(np.sqrt(len(rows))),
        remaining=float(np.mean(model.matrix.weights[rows].getnnz(axis=1))) - len(words),
        inserted=len(words),
    )


def _with_companions(matrix: WordMatrix, rows: Integers, own: Integers) -> Integers:
    """The phrase's words and those that almost always come along with it, as columns of the matrix."""
    here = np.bincount(matrix.weights[rows].indices, minlength=matrix.weights.shape[1])
    share, everywhere = here / len(rows), matrix.documents / matrix.weights.shape[0]
    companions = np.flatnonzero((share >= COMPANION_SHARE) & (share >= COMPANION_LIFT * everywhere))
    return np.unique(np.concatenate([own[own >= 0], companions])).astype(np.int64)


def _contributions(model: ContentModel, rows: Integers, words: Integers) -> Floats:
    """What ``words`` together add to the margin of each row."""
    grid = model.contribution(np.repeat(rows, len(words)), np.tile(words, len(rows)))
    return np.asarray(grid.reshape(len(rows), len(words)).sum(axis=1))


def _chernoff(share: float, expected: float, rows: int) -> float:
    """Upper bound on the chance that a share this high comes from ``rows`` rows of mean ``expected``."""
    if share <= expected:
        return 1.0
    divergence = share * np.log(share / expected)
    if share < 1:
        divergence += (1 - share) * np.log((1 - share) / (1 - expected))
    return float(np.exp(-rows * divergence))


def grouped(found: list[Association], limit: int) -> list[list[Association]]:
    """Phrases that share most of their rows, together; most surprising first."""
    groups: list[list[Association]] = []
    for item in found:
        home = next((group for group in groups if _same(group[0], item)), None)
        if home is not None:
            home.append(item)
        elif len(groups) < limit:
            groups.append([item])
    return groups


def spokesman(group: list[Association]) -> Association:
    """The longest phrase that keeps nearly all of the rows of the most surprising one."""
    return max(group, key=lambda item: _telling(item, group[0]))


def _same(first: Association, other: Association) -> bool:
    shared = len(np.intersect1d(first.rows, other.rows, assume_unique=True))
    return first.label == other.label and shared >= 0.5 * min(len(first.rows), len(other.rows))


def _telling(item: Association, best: Association) -> tuple[bool, int, float]:
    """Order within a group: keeps the rows, then more visible words, then more surprising."""
    visible = sum(word != START for word in item.words)
    return len(item.rows) >= 0.9 * len(best.rows), visible, -item.chance
