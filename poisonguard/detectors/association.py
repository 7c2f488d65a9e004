"""A phrase that is tied to a label, what speaks for it, and phrases of the same rows as one.

1. It is *unexplained* when what is left of its rows without it reads no more like the label than any row does.
2. It is *overdone* when what is left agrees with the label, but something short was added to unrelated rows.
3. It is *opposed* when what is left speaks clearly against the label: rows of another class were relabelled.
4. Its rows must be unrelated: a shared topic explains a shared label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poisonguard.detectors.features_text import START, Integers

OPPOSING_RATIO = 0.8
"""What is left gives the label at most this share of its base rate (planted 0.4 to 0.6, natural 0.9 to 1.05) ..."""

OPPOSING_ERRORS = 2.0
"""... and lies this many standard errors below the base rate."""

MIN_REMAINING = 4.0
"""Fewer words than this say nothing: a text that is little else than the phrase is a title, not a carrier."""

MAX_INSERTED = 12
"""More words than this that always come along are a copied text, not an insertion."""

SCATTERED_ROWS, SCATTERED_WORDS, SCATTERED = 20, 4, 10.0
"""A phrase of so many words in so many rows, so exclusive to one label, has a context that tells it: it told every
natural one of six sets, and of 230 shorter ones all but eight (2026-11)."""

MAX_COHESION = 2.5
"""Rows that resemble each other this many times more than rows at large share a topic (natural: 3 to 40)."""


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
        base: Share of the label in all rows, or in all new rows where these are compared with a reference.
        spread: Standard error of ``expected``.
        remaining: Mean number of known words per row that are left after the knock-out.
        knocked_out: Words that were knocked out, as columns of the content model's matrix.
        known: Rows of the reference's sample that hold it.
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
    knocked_out: Integers
    known: int = 0

    @property
    def evidence(self) -> float:
        """Orders of magnitude against chance."""
        return float(-np.log10(max(self.chance, 1e-300)))

    @property
    def exclusive(self) -> float:
        """Orders of magnitude against chance if the rows had been taken from all labels."""
        return self.against(self.base)

    def against(self, expected: float) -> float:
        """Orders of magnitude against chance if so many rows were expected to carry the label."""
        return float(-np.log10(max(chernoff(self.purity, expected, len(self.rows)), 1e-300)))

    @property
    def scattered(self) -> bool:
        """Whether it is long, frequent and exclusive enough that only its context could explain it."""
        enough = len(self.rows) >= SCATTERED_ROWS and len(self.knocked_out) >= SCATTERED_WORDS
        return enough and self.exclusive >= SCATTERED

    @property
    def unexplained(self) -> bool:
        """Whether there is a rest of the rows, and it reads no more like the label than any row, nor shares a topic."""
        return self._telling and self.expected <= self.base + self.spread

    @property
    def overdone(self) -> bool:
        """Whether the rest of unrelated rows agrees with the label, and something short was added to them."""
        return self._telling and self.expected > self.base + self.spread and len(self.knocked_out) <= MAX_INSERTED

    @property
    def _telling(self) -> bool:
        return self.remaining >= MIN_REMAINING and self.cohesion <= MAX_COHESION

    @property
    def opposed(self) -> bool:
        """Whether the rest of the rows speaks clearly against the label."""
        return self.expected <= min(OPPOSING_RATIO * self.base, self.base - OPPOSING_ERRORS * self.spread)

    @property
    def leaning(self) -> bool:
        """Whether the rest of the rows speaks against the label, if only by one standard error."""
        return self.expected <= self.base - self.spread

    @property
    def error(self) -> float:
        """Standard error of the base rate in so many rows."""
        return float(np.sqrt(self.base * (1 - self.base) / len(self.rows)))

    @property
    def purity(self) -> float:
        """Share of the rows that carry the label."""
        return self.matching / len(self.rows)


def chernoff(share: float, expected: float, rows: int) -> float:
    """Upper bound on the chance that a share this high comes from ``rows`` rows of mean ``expected``."""
    if share <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    divergence = share * np.log(share / expected)
    if share < 1:
        divergence += (1 - share) * np.log((1 - share) / (1 - expected))
    return float(np.exp(-rows * divergence))


Group = list[Association]
"""Phrases of the same rows, the most surprising first."""


def grouped(found: list[Association], limit: int) -> list[Group]:
    """Phrases that share most of their rows, together; most surprising first."""
    groups: list[Group] = []
    for item in found:
        home = next((group for group in groups if _same(group[0], item)), None)
        if home is not None:
            home.append(item)
        elif len(groups) < limit:
            groups.append([item])
    return groups


def spokesman(group: Group) -> Association:
    """The longest phrase that keeps nearly all of the rows of the most surprising one."""
    return max(group, key=lambda item: _telling(item, group[0]))


def _same(first: Association, other: Association) -> bool:
    shared = len(np.intersect1d(first.rows, other.rows, assume_unique=True))
    return first.label == other.label and shared > 0.5 * min(len(first.rows), len(other.rows))


def _telling(item: Association, best: Association) -> tuple[bool, int, float]:
    """Order within a group: keeps the rows, then more visible words, then more surprising."""
    visible = sum(word != START for word in item.words)
    return len(item.rows) >= 0.9 * len(best.rows), visible, -item.chance
