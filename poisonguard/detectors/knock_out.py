"""Knock-out: what is left of texts without a phrase and the words that came along with it, and what it says.

A word that stands in nearly all of the phrase's rows, and is far rarer elsewhere, was inserted with it. So was one that
stands in some of them and lives in the label itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.association import Association, chernoff
from poisonguard.detectors.content_model import ContentModel, Floats
from poisonguard.detectors.features_text import Integers, Tokens
from poisonguard.detectors.occurrences import Occurrences

COMPANION_SHARE = 0.8
"""A word in at least this share of a phrase's rows belongs to what was inserted ..."""

COMPANION_LIFT = 3.0
"""... if it is this many times rarer elsewhere."""


RIVAL_SHARE = 0.2
"""A word that itself lives in the label, in this share of the rows, explains them in the phrase's place: two triggers
that stand together in some rows would clear each other."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An n-gram: its token codes, its hash, the rows that hold it, ascending, and how many others do."""

    codes: Integers
    hash: np.uint64
    rows: Integers
    known: int


def candidates(tokens: Tokens, held: Occurrences, chosen: Integers) -> list[Candidate]:
    """The n-grams with indices ``chosen``."""
    starts = np.searchsorted(held.phrase, chosen)
    ends = np.searchsorted(held.phrase, chosen, side="right")
    found: list[Candidate] = []
    for index, start, end in zip(chosen.tolist(), starts.tolist(), ends.tolist(), strict=True):
        first = int(held.position[start])
        codes, known = tokens.code[first : first + held.length], int(held.known[index])
        found.append(Candidate(codes, held.hashes[index], held.row[start:end], known))
    return found


@dataclass(frozen=True, slots=True)
class KnockOut:
    """Takes phrases out of the texts that a content model was fitted to.

    Attributes:
        tokens: The texts.
        model: What their words say about one label.
        label: Its code.
        base: Share of the label where phrases are looked for.
        rivals: Which words live in the label as purely as a phrase must, as a mask over the model's matrix.
    """

    tokens: Tokens
    model: ContentModel
    label: int
    base: float
    rivals: npt.NDArray[np.bool_]

    def first_look(self, held: Occurrences, chosen: Integers) -> list[Floats]:
        """For each n-gram: probability of the label in its rows without its own words, companions left in."""
        used = np.isin(held.phrase, chosen)
        phrase, row, position = held.phrase[used], held.row[used], held.position[used]
        removed = np.zeros(len(row))
        for offset in range(held.length):
            words = self.model.matrix.word_of[self.tokens.code[position + offset]]
            removed += self.model.contribution(row, words)
        left = self.model.probability(row, removed)
        return np.split(left, np.searchsorted(phrase, chosen)[1:]) if len(chosen) else []

    def association(self, candidate: Candidate) -> Association:
        """What is left of the rows when the phrase and its companions are taken out."""
        rows, matrix = candidate.rows, self.model.matrix
        inside = RowWords.of(matrix.weights.indptr, matrix.weights.indices, matrix.weights.data, rows)
        words = self._with_companions(inside, matrix.word_of[candidate.codes])
        rest = self.model.probability(rows, self._contributions(rows, words))
        matching, expected = int(self.model.positive[rows].sum()), float(rest.mean())
        return Association(
            words=tuple(str(word) for word in self.tokens.words[candidate.codes]),
            hash=int(candidate.hash),
            label=self.label,
            rows=rows,
            matching=matching,
            expected=expected,
            chance=chernoff(matching / len(rows), expected, len(rows)),
            cohesion=self._cohesion(inside, words),
            base=self.base,
            spread=float(rest.std()) / float(np.sqrt(len(rows))),
            remaining=float(inside.count.sum()) / len(rows) - len(words),
            knocked_out=words,
            known=candidate.known,
        )

    def _with_companions(self, inside: RowWords, own: Integers) -> Integers:
        """The phrase's words and those that almost always come along with it, as columns of the matrix."""
        matrix = self.model.matrix
        share = inside.count / inside.rows
        everywhere = matrix.documents[inside.words] / matrix.weights.shape[0]
        usual = np.where(self.rivals[inside.words], RIVAL_SHARE, COMPANION_SHARE)
        companions = inside.words[(share >= usual) & (share >= COMPANION_LIFT * everywhere)]
        return np.unique(np.concatenate([own[own >= 0], companions])).astype(np.int64)

    def _contributions(self, rows: Integers, words: Integers) -> Floats:
        """What ``words`` together add to the margin of each row."""
        grid = self.model.contribution(np.repeat(rows, len(words)), np.tile(words, len(rows)))
        return np.asarray(grid.reshape(len(rows), len(words)).sum(axis=1))

    def _cohesion(self, inside: RowWords, without: Integers) -> float:
        """Mean cosine among the rows without some words, over that of all rows (1: unrelated)."""
        matrix = self.model.matrix
        count = matrix.weights.shape[0]
        everywhere = matrix.together - matrix.shared[without].sum()
        typical = max(everywhere / max(1, count * (count - 1)), 1e-9)
        among = inside.shared[~np.isin(inside.words, without)].sum()
        return float(among / max(1, inside.rows * (inside.rows - 1)) / typical)


@dataclass(frozen=True, slots=True)
class RowWords:
    """The words of a few rows, without a vector of all words.

    Attributes:
        rows: How many rows.
        words: The distinct words, ascending, shape (words,).
        count: Rows that hold each, shape (words,).
        shared: What each adds to the sum of cosines over ordered pairs of different rows, shape (words,).
    """

    rows: int
    words: Integers
    count: Integers
    shared: Floats

    @classmethod
    def of(cls, starts: Integers, words: Integers, weights: Floats, rows: Integers) -> RowWords:
        """The words of ``rows`` in a sparse matrix given by where its rows start, its columns and its weights."""
        places = np.concatenate([np.arange(starts[row], starts[row + 1]) for row in rows.tolist()])
        order = np.argsort(words[places], kind="stable")
        ordered, weight = words[places][order], weights[places][order]
        first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.intp)
        total, squares = np.add.reduceat(weight, first), np.add.reduceat(weight**2, first)
        return cls(len(rows), ordered[first], np.diff(np.append(first, len(ordered))), total**2 - squares)
